"""``network[:HOST[:PORT]]``: HTTP requests to granted hosts.

In: an address, headers, data. Out: a dict with ``status``, ``headers`` and ``text``. Not done here: cookies,
authentication, streams, proxies (the environment's are not used), other protocols.

Every hop of a redirect is a new request that is checked from the start. A name is resolved once, each address is
looked at, and the connection goes to the address that was looked at, so a second answer of the name server changes
nothing (DNS rebinding). Addresses that are not public need a grant that names the host; loopback and link-local
addresses one that names the address itself or ``localhost`` (smolagents CVE-2026-2654).
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from dana_guards.capabilities import Capability
from dana_guards.errors import DanaSecurityError
from dana_guards.limits import Meter
from dana_guards.safe_builtins import Builtin

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

MAX_REDIRECTS: Final = 5
MAX_BODY: Final = 100_000_000
MAX_URL: Final = 8000
DEFAULT_TIMEOUT: Final = 10.0
MAX_LOOKUPS: Final = 32
"""Names that are looked up at the same time, in all contexts: each holds a thread until the resolver gives up."""
_CHUNK: Final = 1 << 16

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_CHARSET = re.compile(r"utf-?(8|16|32)(-?[lb]e)?|(us-)?ascii|(iso-8859|windows|cp)-?[0-9]{1,5}|latin-?1")
_OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "proxy-authorization"}
)
_SECRET_HEADERS: Final = frozenset({"authorization", "cookie"})
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Host(NamedTuple):
    """A scope, or what a request is for: host in lower case without brackets; port None in a scope is every port."""

    name: str
    port: int | None


class Budget(NamedTuple):
    """The time of a whole call, over names, redirects and addresses: seconds as given, and when they are over."""

    seconds: float
    until: float

    def left(self) -> float:
        """Seconds that are left. Raises TimeoutError where there are none."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Request(NamedTuple):
    """One hop."""

    method: str
    url: str
    scheme: str
    host: Host
    target: str
    headers: dict[str, str]
    body: bytes | None


# -- grants ----------------------------------------------------------------------------------------


def _parse_host(text: str) -> str:
    """A host name or address, as it is compared. Raises ValueError."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    address = _address(bare)
    if address is not None:
        return str(address)
    try:
        name = text.encode("idna").decode("ascii").lower().rstrip(".")
    except UnicodeError:
        name = ""
    # A name whose last part is a number is read as an IPv4 address by resolvers: 127.1, 0x7f.1, 2130706433.
    if not _HOST.fullmatch(name) or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", name.rpartition(".")[2]):
        raise ValueError(f"{text!r} is not a host")
    return name


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _parse_scope(text: str) -> Host:
    if _address(text) is not None:
        return Host(_parse_host(text), None)
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        return Host(_parse_host(text), None)
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not HOST or HOST:PORT")
    return Host(_parse_host(host), int(port))


def _covers(scope: Host, wanted: Host) -> bool:
    return scope.name == wanted.name and scope.port in (None, wanted.port)


def _suggest(wanted: Host) -> str:
    return f"[{wanted.name}]" if ":" in wanted.name else wanted.name


def _narrow(wanted: Host) -> str:
    return f"{_suggest(wanted)}:{wanted.port}"


def _overlap(one: Host, other: Host) -> Host | None:
    if one.name != other.name or (None not in (one.port, other.port) and one.port != other.port):
        return None
    return other if one.port is None else one


def _names_more(scope: Host) -> bool | None:
    """A grant for all hosts opens public addresses only; where a name leads, nobody knows before it is asked."""
    address = _address(scope.name)
    if address is not None:
        return not _embedded(address).is_global
    last = scope.name.rpartition(".")[2]
    return True if "." not in scope.name or last in ("localhost", "local", "internal", "lan") else None


def _spell(scope: Host) -> str:
    return _suggest(scope) if scope.port is None else _narrow(scope)


CAPABILITIES: Final = (
    Capability(
        "network",
        "the network",
        _parse_scope,
        _covers,
        _suggest,
        _narrow,
        overlap=_overlap,
        names_more=_names_more,
        spell=_spell,
    ),
)


# -- addresses -------------------------------------------------------------------------------------


def _embedded(address: _Address) -> _Address:
    """The IPv4 address inside an IPv6 address that is only a way to write it."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner:
            return inner
        if address in ipaddress.ip_network("64:ff9b::/96") or (int(address) >> 32 == 0 and int(address) > 1):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def allowed_address(text: str, wanted: Host, scope: Host | None) -> bool:
    """Whether a resolved address may be connected to under the grant that allowed the host.

    Parameters
    ----------
    text : the address as the resolver gave it.
    wanted : the host that was asked for.
    scope : the scope of the grant; None where the grant is for every host.
    """
    address = _address(text.partition("%")[0])
    if address is None:
        return False
    address = _embedded(address)
    if address.is_global and not address.is_multicast:
        return True
    if scope is None or address.is_multicast or address.is_unspecified or address.is_reserved:
        return False
    if address.is_loopback or address.is_link_local:
        named = _address(wanted.name)
        return named is not None or (address.is_loopback and wanted.name.split(".")[-1] == "localhost")
    return True


_lookups = threading.BoundedSemaphore(MAX_LOOKUPS)


def _looked_up(host: Host, budget: Budget) -> list[str]:
    """What the resolver says of a host. Raises OSError, UnicodeError; TimeoutError where it is late.

    The resolver of the system takes as long as its own settings say (half a minute and more) and cannot be stopped:
    it runs in a thread that is left alone when the time is over.
    """
    found: list[str] | Exception = []
    done = threading.Event()

    def ask() -> None:
        nonlocal found
        try:
            rows = socket.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(row[4][0]) for row in rows))
        except Exception as error:
            found = error
        finally:
            _lookups.release()
            done.set()

    if not _lookups.acquire(timeout=budget.left()):
        raise TimeoutError
    if _address(host.name) is not None:
        ask()
    else:
        try:
            threading.Thread(target=ask, name="dana-lookup", daemon=True).start()
        except BaseException:
            _lookups.release()
            raise
        if not done.wait(budget.left()):
            raise TimeoutError
    if isinstance(found, Exception):
        raise found
    return found


def _resolve(request: Request, scope: Host | None, budget: Budget) -> list[str]:
    """Every address of the host, all of them allowed. Raises DanaSecurityError, ConnectionError or TimeoutError."""
    try:
        addresses = _looked_up(request.host, budget)
    except TimeoutError:
        raise TimeoutError(f"the address of {request.host.name!r} was not found within {budget.seconds:g} s") from None
    except (OSError, UnicodeError):
        raise ConnectionError(f"the host {request.host.name!r} is not known") from None
    for address in addresses:
        if not allowed_address(address, request.host, scope):
            raise DanaSecurityError(
                f"the host {request.host.name!r} has an address that is not public",
                hint="grant the host, or for loopback and link-local the address, by name: "
                f'allowed_capabilities=["network:{_suggest(request.host)}"]',
            )
    if not addresses:
        raise ConnectionError(f"the host {request.host.name!r} has no address")
    return addresses


# -- requests --------------------------------------------------------------------------------------


def _parse_url(url: object, by: str) -> tuple[str, Host, str]:
    """Scheme, host and port, request target. ValueError for what is no plain http or https address."""
    if type(url) is not str:
        raise TypeError(f"{by} needs an address as text, not {type(url).__name__}")
    if len(url) > MAX_URL or not url.isprintable() or any(each.isspace() or each == "\\" for each in url):
        raise ValueError(f"{by}: the address is too long, or has spaces or control characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{by}: {url!r} is not an address") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"{by}: {url!r} is not an address that begins with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError(f"{by}: an address holds no user name or password")
    default = 443 if parts.scheme == "https" else 80
    # `hostname` is already without brackets and in lower case.
    wanted = Host(_parse_host(host), default if port is None else port)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, wanted, _ascii_target(target)


def _ascii_target(target: str) -> str:
    """Characters beyond ASCII as percent signs."""
    return "".join(each if each.isascii() else "".join(f"%{byte:02X}" for byte in each.encode()) for each in target)


def _checked_headers(headers: object, by: str) -> dict[str, str]:
    if headers is None:
        return {}
    if type(headers) is not dict or len(headers) > 100:
        raise TypeError(f"{by}: headers are a dict of text")
    result = {}
    for name, value in headers.items():
        if type(name) is not str or type(value) is not str or not _TOKEN.fullmatch(name):
            raise ValueError(f"{by}: {name!r} is not a header")
        if name.lower() in _OWN_HEADERS:
            raise ValueError(f"{by}: the header {name!r} cannot be set")
        if len(value) > 8000 or not value.isascii() or not value.isprintable():
            raise ValueError(f"{by}: the value of the header {name!r} is not plain text")
        result[name] = value
    return result


def _body_of(data: object, headers: dict[str, str], meter: Meter) -> bytes | None:
    """Text as it is, anything else as JSON; the content type says which, unless the program did."""
    if data is None:
        return None
    if type(data) is str:
        text, kind = data, "text/plain; charset=utf-8"
    else:
        # The JSON writer of the files is the one that looks at the meter.
        from dana_guards.capabilities.files import json_text

        text, kind = json_text(meter, data), "application/json"
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = kind
    return text.encode("utf-8", "replace")


def _send(environment: Any, method: str, url: object, data: object, headers: object, timeout: object) -> dict[str, Any]:
    by = f"http_{method.lower()}"
    meter: Meter = environment.meter
    budget = _budget(timeout, meter, by)
    sent = _checked_headers(headers, by)
    body = _body_of(data, sent, meter)
    scheme, host, target = _parse_url(url, by)
    request = Request(method, str(url), scheme, host, target, sent, body)
    for _ in range(MAX_REDIRECTS + 1):
        grant = environment.grants.require("network", request.host, shown=_shown(request), by=by)
        try:
            addresses = _resolve(request, grant.scope if grant.named else None, budget)
        except DanaSecurityError:
            environment.grants.refused("network", _shown(request), by, f"network:{_shown(request)}")
            raise
        meter.check()
        status, answer, text = _exchange(request, addresses, budget, meter)
        location = answer.get("location")
        if status not in (301, 302, 303, 307, 308) or location is None:
            return {"status": status, "headers": answer, "text": text}
        request = _redirected(request, status, location, by)
    raise ConnectionError(f"more than {MAX_REDIRECTS} redirects")


def _budget(timeout: object, meter: Meter, by: str) -> Budget:
    if timeout is None:
        timeout = DEFAULT_TIMEOUT
    if type(timeout) not in (int, float) or not 0 < timeout < 1e6:  # type: ignore[operator]
        raise ValueError(f"{by}: the timeout is a positive number of seconds")
    seconds = max(min(float(timeout), meter.remaining()), 0.001)  # type: ignore[arg-type]
    return Budget(seconds, time.monotonic() + seconds)


def _shown(request: Request) -> str:
    return _narrow(request.host)


def _redirected(request: Request, status: int, location: str, by: str) -> Request:
    """The next hop: a new address, checked like the first; secrets stay with the host they were meant for."""
    url = urljoin(request.url, location)
    scheme, host, target = _parse_url(url, by)
    if request.scheme == "https" and scheme == "http":
        raise DanaSecurityError("a redirect leads from https to http")
    headers = dict(request.headers)
    if host != request.host:
        headers = {name: value for name, value in headers.items() if name.lower() not in _SECRET_HEADERS}
    keep = status in (307, 308)
    if not keep:
        headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    method = request.method if keep else "GET"
    return Request(method, url, scheme, host, target, headers, request.body if keep else None)


# -- one exchange ----------------------------------------------------------------------------------


def _exchange(
    request: Request, addresses: list[str], budget: Budget, meter: Meter
) -> tuple[int, dict[str, str], str]:
    """Send one request to one of `addresses`; status, headers and text."""
    from http.client import HTTPConnection, HTTPException  # a program without requests does without

    connection = HTTPConnection(request.host.name, request.host.port)
    try:
        connection.sock = sock = _connected(request, addresses, budget)
        # The socket's own timeout starts again with every byte; this ends the whole exchange.
        late = threading.Event()
        timer = threading.Timer(budget.left(), _cut, (sock, late))
        timer.daemon = True
        timer.start()
        try:
            if request.scheme == "https":
                sock.do_handshake()  # type: ignore[attr-defined]
            result = _converse(connection, request, meter)
        except (OSError, HTTPException):
            if late.is_set():
                raise TimeoutError from None
            raise
        finally:
            timer.cancel()
            timer.join()
        if late.is_set():  # an answer without a length ends where it was cut
            raise TimeoutError
        return result
    except TimeoutError:
        raise TimeoutError(f"no answer from {_shown(request)} within {budget.seconds:g} s") from None
    except (OSError, HTTPException) as error:
        if isinstance(error, DanaSecurityError):
            raise
        raise ConnectionError(f"the request to {_shown(request)} failed: {type(error).__name__}") from None
    finally:
        connection.close()


def _cut(sock: socket.socket, late: threading.Event) -> None:
    late.set()
    # The method of plain sockets: the one of ssl would let the reader go on without encryption.
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _connected(request: Request, addresses: list[str], budget: Budget) -> socket.socket:
    """A connection to an address that was looked at, never to the name."""
    problem: OSError | None = None
    for address in addresses:
        try:
            sock = socket.create_connection((address, request.host.port), budget.left())
            break
        except OSError as error:
            problem = error
    else:
        raise problem or ConnectionError("no address")
    if request.scheme == "http":
        return sock
    import ssl  # only for https

    try:
        context = ssl.create_default_context()
        return context.wrap_socket(sock, server_hostname=request.host.name, do_handshake_on_connect=False)
    except BaseException:
        sock.close()
        raise


def _converse(connection: HTTPConnection, request: Request, meter: Meter) -> tuple[int, dict[str, str], str]:
    headers = {"User-Agent": "dana", "Accept-Encoding": "identity", "Connection": "close", **request.headers}
    connection.request(request.method, request.target, request.body, headers)
    with closing(connection.getresponse()) as response:
        answer: dict[str, str] = {}
        for name, value in response.getheaders():
            key = name.lower()
            answer[key] = f"{answer[key]}, {value}" if key in answer else value
        data = _read_body(response, meter)
        charset = response.headers.get_content_charset() or "utf-8"
        return response.status, answer, _decoded(data, charset)


def _read_body(response: HTTPResponse, meter: Meter) -> bytes:
    data = bytearray()
    while chunk := response.read(_CHUNK):
        data += chunk
        meter.check()
        meter.need(4 * len(data), "the answer")
        if len(data) > MAX_BODY:
            raise ConnectionError(f"the answer is longer than {MAX_BODY} bytes")
    return bytes(data)


def _decoded(data: bytes, charset: str) -> str:
    # Python has codecs that are no character sets (zlib, rot13) and would unpack a small answer into a huge one.
    if not _CHARSET.fullmatch(charset):
        charset = "utf-8"
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


# -- builtins --------------------------------------------------------------------------------------


def make_http_get(environment: Any) -> Callable[..., dict[str, Any]]:
    """``http_get(url, headers=None, timeout=None)``: dict with ``status``, ``headers`` (lower case), ``text``."""

    def http_get(url: Any, headers: Any = None, timeout: Any = None) -> dict[str, Any]:
        return _send(environment, "GET", url, None, headers, timeout)

    return http_get


def make_http_post(environment: Any) -> Callable[..., dict[str, Any]]:
    """``http_post(url, data=None, headers=None, timeout=None)``: text as it is, other data as JSON."""

    def http_post(url: Any, data: Any = None, headers: Any = None, timeout: Any = None) -> dict[str, Any]:
        return _send(environment, "POST", url, data, headers, timeout)

    return http_post


_WHY = "granted hosts only, checked at every hop by address, bounded in size and time"
ROWS: Final = (
    Builtin("http_get", make_http_get, "network", _WHY),
    Builtin("http_post", make_http_post, "network", _WHY),
)

