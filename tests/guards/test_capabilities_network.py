"""The network: granted hosts only, at every hop, by the address that was looked at."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from support_environment import FakeEnvironment, table
from support_stop import call

from dana_guards.capabilities import network
from dana_guards.capabilities.network import Host, allowed_address
from dana_guards.errors import DanaCapabilityError, DanaMemoryError, DanaSecurityError
from dana_guards.limits import Limits
from dana_guards.safe_builtins import make_table


class Handler(BaseHTTPRequestHandler):
    """Answers that the tests ask for by path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: Any = self.server
        server.seen.append((self.command, self.path, dict(self.headers)))
        path = self.path.partition("?")[0]
        if path.startswith("/to/"):
            code, _, location = path[4:].partition("/")
            self.answer(int(code), b"", {"Location": location.replace("$PORT", str(server.server_port))})
        elif path == "/late":
            server.release.wait(0.2)
            self.answer(302, b"", {"Location": "/late"})
        elif path == "/drip":
            self.drip(server.release)
        elif path == "/big":
            self.answer(200, b"x" * 3_000_000)
        elif path == "/bomb":
            self.answer(200, b"x", {"Content-Type": "text/plain; charset=zlib"})
        else:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            self.answer(200, body or "héllo".encode(), {"Content-Type": "text/plain; charset=utf-8", "X-A": "1"})

    do_POST = do_GET

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip(self, release: threading.Event) -> None:
        """An answer without a length that goes on until the client has gone."""
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
        try:
            while not release.wait(0.02):
                self.wfile.write(b"x")
        except OSError:
            pass
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    """A server on the loopback address; ``seen`` holds what reached it."""
    running: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.seen, running.release = [], threading.Event()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.release.set()
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Host name to the answers of the resolver, one after the other; the last one stays."""
    answers: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        if host not in answers:
            return real(host, port, *rest, **more)
        found = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return answers


def test_a_granted_host_answers(server: Any) -> None:
    """The harmless twin: status, headers in lower case, text."""
    answer = table("network:127.0.0.1")["http_get"](f"http://127.0.0.1:{server.server_port}/a b".replace(" ", "%20"))
    assert answer["status"] == 200
    assert answer["text"] == "héllo"
    assert answer["headers"]["x-a"] == "1"
    assert type(answer["headers"]) is dict


def test_post_sends_text_and_json(server: Any) -> None:
    """Text goes as it is, other values as JSON, with their content types."""
    post = table(f"network:127.0.0.1:{server.server_port}")["http_post"]
    url = f"http://127.0.0.1:{server.server_port}/"
    assert post(url, "é")["text"] == "é"
    assert post(url, {"a": [1]})["text"] == '{"a": [1]}'
    kinds = [headers["Content-Type"] for _, _, headers in server.seen]
    assert kinds == ["text/plain; charset=utf-8", "application/json"]


@pytest.mark.parametrize("grant", ["network", "network:example.com", "network:127.0.0.2", "network:127.0.0.1:1"])
def test_loopback_needs_its_own_grant(server: Any, grant: str) -> None:
    """A grant for every host, another host or another port does not open the loopback address."""
    with pytest.raises(DanaSecurityError):
        table(grant)["http_get"](f"http://127.0.0.1:{server.server_port}/")
    assert server.seen == []


@pytest.mark.parametrize(
    "name", ["localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_other_names_of_loopback(server: Any, name: str) -> None:
    """Every way to write the loopback address is refused under a grant for every host."""
    with pytest.raises((DanaSecurityError, ValueError, ConnectionError)):
        table("network")["http_get"](f"http://{name}:{server.server_port}/")
    assert server.seen == []


def test_a_name_that_resolves_to_loopback(server: Any, names: dict[str, list[list[str]]]) -> None:
    """A public name with a loopback address is refused, whether every host or just this one is granted."""
    names["pinned.test"] = [["127.0.0.1"]]
    for grant in ("network", "network:pinned.test"):
        with pytest.raises(DanaSecurityError, match="not public"):
            table(grant)["http_get"](f"http://pinned.test:{server.server_port}/")
    assert server.seen == []


def test_one_bad_address_among_good_ones(names: dict[str, list[list[str]]]) -> None:
    """All addresses of a name are looked at, not only the first."""
    names["mixed.test"] = [["93.184.216.34", "169.254.169.254"]]
    with pytest.raises(DanaSecurityError, match="not public"):
        table("network")["http_get"]("http://mixed.test/")


def test_the_second_answer_of_the_resolver_does_not_count(
    server: Any, names: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the connection goes to the address that was looked at."""
    names["rebind.test"] = [["93.184.216.34"], ["127.0.0.1"]]
    reached = []

    def connect(address: Any, *_: Any, **__: Any) -> socket.socket:
        reached.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ConnectionError, match="failed"):
        table("network")["http_get"](f"http://rebind.test:{server.server_port}/")
    assert reached == [("93.184.216.34", server.server_port)]


def test_redirects_are_checked(server: Any) -> None:
    """A hop to a granted place is followed; a hop to another host, port or name of the same place is a denial."""
    port = server.server_port
    get = table(f"network:127.0.0.1:{port}")["http_get"]
    assert get(f"http://127.0.0.1:{port}/to/302//end")["text"] == "héllo"
    for location in (
        "http://localhost:$PORT/x",
        "http://127.0.0.1:1/x",
        "http://169.254.169.254/latest",
        "//127.0.0.2:$PORT/",
    ):
        with pytest.raises(DanaCapabilityError):
            get(f"http://127.0.0.1:{port}/to/307/{location}")
    for location in ("file:///etc/passwd", "ftp://127.0.0.1/"):
        with pytest.raises(ValueError, match="http"):
            get(f"http://127.0.0.1:{port}/to/302/{location}")


def test_redirect_from_a_public_host_to_loopback(
    server: Any, names: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A granted public host answers with a redirect to the loopback address: refused at the hop."""
    names["public.test"] = [["93.184.216.34"]]
    real = socket.create_connection
    monkeypatch.setattr(
        socket, "create_connection", lambda address, *more, **named: real(("127.0.0.1", address[1]), *more, **named)
    )
    port = server.server_port
    with pytest.raises(DanaSecurityError, match="not public"):
        table("network")["http_get"](f"http://public.test:{port}/to/302/http://127.0.0.1:$PORT/inside")
    assert [path for _, path, _ in server.seen] == ["/to/302/http://127.0.0.1:$PORT/inside"]


def test_redirects_end(server: Any) -> None:
    """A ring of redirects is an error."""
    port = server.server_port
    with pytest.raises(ConnectionError, match="redirects"):
        table("network:127.0.0.1")["http_get"](f"http://127.0.0.1:{port}/to/302/302")


def test_redirect_methods_and_secrets(server: Any) -> None:
    """307 keeps method and body, 303 becomes GET; secret headers stay with their host."""
    port = server.server_port
    builtins = table(f"network:127.0.0.1:{port}", f"network:localhost:{port}")
    secret = {"Authorization": "Bearer x"}
    assert builtins["http_post"](f"http://127.0.0.1:{port}/to/307//end", "body")["text"] == "body"
    builtins["http_post"](f"http://127.0.0.1:{port}/to/303//end", "body", headers=secret)
    assert server.seen[-1][0] == "GET"
    assert server.seen[-1][2]["Authorization"] == "Bearer x"
    builtins["http_get"](f"http://127.0.0.1:{port}/to/302/http://localhost:$PORT/end", headers=secret)
    assert "Authorization" not in server.seen[-1][2]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "//127.0.0.1/",
        "127.0.0.1",
        "http://",
        "http:///x",
        "http://user:pw@127.0.0.1/",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/a\r\nHost: b",
        "http://127.0.0.1/a b",
        "http://127.0.0.1\\@example.com/",
        "http://[::1/",
        "http://exa_mple..com/",
        "http://127.0.0.1/" + "x" * 9000,
    ],
)
def test_bad_addresses(url: str) -> None:
    """What is no plain http address is a ValueError before anything is resolved."""
    with pytest.raises(ValueError, match=r"http_get|not a host"):
        table("network", "network:127.0.0.1")["http_get"](url)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "x"},
        {"content-length": "1"},
        {"A\r\nB": "x"},
        {"A": "x\r\nB: y"},
        {"A": "é"},
        {"": "x"},
        {"A": 1},
        {1: "x"},
    ],
)
def test_headers_cannot_be_split_or_forged(headers: Any) -> None:
    """Line breaks and the headers of the protocol are ValueErrors (CWE-93)."""
    with pytest.raises(ValueError, match="http_get"):
        table("network")["http_get"]("http://example.com/", headers=headers)


def test_proxies_of_the_environment_are_not_used(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """``http_proxy`` would send requests past the check."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert table("network:127.0.0.1")["http_get"](f"http://127.0.0.1:{server.server_port}/")["status"] == 200


def test_size_is_limited(server: Any) -> None:
    """An answer that does not fit the memory is a stop while it is read."""
    environment = FakeEnvironment(["network:127.0.0.1"], limits=Limits(memory=2_000_000))
    get: Any = make_table(environment)["http_get"]
    url = f"http://127.0.0.1:{server.server_port}/big"
    assert isinstance(call(environment.meter, get, url), DanaMemoryError)


def test_a_dripping_answer_ends(server: Any) -> None:
    """A byte now and then does not keep the request alive beyond its time."""
    with pytest.raises(TimeoutError, match="no answer"):
        table("network:127.0.0.1")["http_get"](f"http://127.0.0.1:{server.server_port}/drip", timeout=0.2)


def test_character_sets_are_character_sets(server: Any) -> None:
    """A codec such as zlib in the content type is not used."""
    assert table("network:127.0.0.1")["http_get"](f"http://127.0.0.1:{server.server_port}/bomb")["text"] == "x"


def test_the_time_is_for_all_hops(server: Any) -> None:
    """Each redirect of a chain is in time, all together are late."""
    with pytest.raises(TimeoutError, match=r"within 0\.5 s"):
        table("network:127.0.0.1")["http_get"](f"http://127.0.0.1:{server.server_port}/late", timeout=0.5)
    assert 0 < len(server.seen) < 6


def test_a_resolver_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program goes on when its time is over; the thread that asks ends with the resolver, and others can ask."""
    release = threading.Event()

    def wait(*_: Any, **__: Any) -> Any:
        release.wait(60)
        raise socket.gaierror("no answer")

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    get = table("network")["http_get"]
    for _ in range(network.MAX_LOOKUPS + 2):
        with pytest.raises(TimeoutError, match=r"the address of 'example\.com' was not found within 0\.02 s"):
            get("http://example.com/", timeout=0.02)
    asking = [thread for thread in threading.enumerate() if thread.name == "dana-lookup"]
    assert len(asking) == network.MAX_LOOKUPS
    release.set()
    for thread in asking:
        thread.join(10)
    with pytest.raises(ConnectionError, match="not known"):
        get("http://example.com/")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "1s", True])
def test_bad_timeouts(timeout: Any) -> None:
    """A timeout is a positive number."""
    with pytest.raises(ValueError, match="timeout"):
        table("network")["http_get"]("http://example.com/", timeout=timeout)


@pytest.mark.parametrize(
    ("address", "wanted", "scope", "allowed"),
    [
        ("93.184.216.34", "a.test", None, True),
        ("2606:2800:220:1::1", "a.test", None, True),
        ("10.0.0.1", "a.test", None, False),
        ("10.0.0.1", "db.internal", "db.internal", True),
        ("127.0.0.1", "a.test", "a.test", False),
        ("127.0.0.1", "localhost", "localhost", True),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", True),
        ("169.254.169.254", "a.test", "a.test", False),
        ("169.254.169.254", "localhost", "localhost", False),
        ("169.254.169.254", "169.254.169.254", "169.254.169.254", True),
        ("::1", "a.test", None, False),
        ("::ffff:127.0.0.1", "a.test", None, False),
        ("::ffff:10.0.0.1", "a.test", None, False),
        ("64:ff9b::7f00:1", "a.test", None, False),
        ("2002:7f00:1::", "a.test", None, False),
        ("::7f00:1", "a.test", None, False),
        ("fe80::1%eth0", "a.test", "a.test", False),
        ("0.0.0.0", "a.test", "a.test", False),
        ("224.0.0.1", "a.test", "a.test", False),
        ("100.64.0.1", "a.test", None, False),
        ("fd00::1", "a.test", None, False),
        ("nonsense", "a.test", "a.test", False),
    ],
)
def test_addresses(address: str, wanted: str, scope: str | None, allowed: bool) -> None:
    """Which addresses a grant opens; an IPv4 address inside an IPv6 one is looked at itself."""
    given = None if scope is None else Host(scope, None)
    assert allowed_address(address, Host(wanted, 80), given) is allowed


def test_nothing_lingers(server: Any) -> None:
    """After success and failure neither threads nor sockets of ours are left."""
    get = table("network:127.0.0.1")["http_get"]
    port = server.server_port
    get(f"http://127.0.0.1:{port}/")
    with pytest.raises(TimeoutError):
        get(f"http://127.0.0.1:{port}/drip", timeout=0.1)
    assert not [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
    assert network.MAX_REDIRECTS == 5
