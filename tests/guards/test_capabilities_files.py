"""Files: granted folders hold, whatever the path looks like and whatever changes meanwhile."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from support_environment import FakeEnvironment, table
from support_stop import call

from dana_guards.capabilities import paths
from dana_guards.errors import DanaCapabilityError, DanaMemoryError, DanaSecurityError
from dana_guards.limits import Limits
from dana_guards.safe_builtins import make_table


@pytest.fixture(params=["descriptor", "name"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to open: by descriptor, and the one for systems without them."""
    monkeypatch.setattr(paths, "BY_DESCRIPTOR", request.param == "descriptor")
    return str(request.param)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``data/`` granted; beside it what must not be reached."""
    base = Path(os.path.realpath(tmp_path))
    for folder in ("data/sub", "data_evil", "other"):
        (base / folder).mkdir(parents=True)
    (base / "data/a.txt").write_text("inside")
    (base / "data/sub/b.txt").write_text("below")
    (base / "data_evil/a.txt").write_text("SECRET")
    (base / "other/secret.txt").write_text("SECRET")
    monkeypatch.chdir(base)
    return base


def granted(tree: Path, *more: str, **settings: Any) -> dict[str, Any]:
    """Reading and writing below ``data``."""
    return table(f"file_read:{tree}/data", f"file_write:{tree}/data", *more, **settings)


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize(
    "path", ["data/a.txt", "data/sub/../a.txt", "./data//a.txt", "{tree}/data/a.txt", "//{tree}/data/a.txt"]
)
def test_paths_inside(tree: Path, path: str) -> None:
    """The harmless twins: every spelling of a granted file is read."""
    assert granted(tree)["read_file"](path.replace("{tree}", str(tree))) == "inside"


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize(
    "path",
    [
        "other/secret.txt",
        "data/../other/secret.txt",
        "data/sub/../../other/secret.txt",
        "data_evil/a.txt",
        "{tree}/data_evil/a.txt",
        "{tree}/data/../data_evil/a.txt",
        "data/missing/../../other/secret.txt",
        "/etc/passwd",
        "//etc/passwd",
        "/etc/absent",
        "/proc/self/environ",
        "/proc/self/root/etc/passwd",
        "/dev/fd/0",
        "/dev/stdin",
        "/sys/kernel",
        "..",
        ".",
    ],
)
@pytest.mark.parametrize("name", ["read_file", "list_dir", "file_exists", "write_file"])
def test_paths_outside_are_denied(tree: Path, path: str, name: str) -> None:
    """Outside of the scope the answer is a denial, the same for what exists and what does not."""
    arguments = (path.replace("{tree}", str(tree)), "x")[: 2 if name == "write_file" else 1]
    with pytest.raises(DanaCapabilityError):
        granted(tree)[name](*arguments)


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize("path", ["", "a\0b", "data/a.txt\0.png", "x" * 5000])
def test_no_paths(tree: Path, path: str) -> None:
    """Empty, endless and NUL paths are ValueErrors."""
    with pytest.raises(ValueError, match="not a path"):
        granted(tree)["read_file"](path)


class Liar(str):
    """Tells the check one thing and the use another."""

    def startswith(self, *_: Any) -> bool:
        return True

    def __fspath__(self) -> str:
        return "/etc/passwd"


@pytest.mark.parametrize("path", [5, None, b"data/a.txt", Path("data/a.txt"), Liar("data/a.txt"), True, 0])
def test_only_exact_text_is_a_path(tree: Path, path: Any) -> None:
    """Numbers are descriptors to Python, and objects may lie; neither is a path here."""
    with pytest.raises(TypeError, match="path as text"):
        granted(tree)["read_file"](path)


@pytest.mark.usefixtures("ways")
def test_links_inside_work_and_links_out_do_not(tree: Path) -> None:
    """A link is followed as a new path: inside it is read, outside it is a denial, a ring is an error."""
    (tree / "data/link").symlink_to("a.txt")
    (tree / "data/up").symlink_to("sub/../a.txt")
    (tree / "data/dir").symlink_to("sub")
    (tree / "data/out").symlink_to("../other/secret.txt")
    (tree / "data/outdir").symlink_to(tree / "other")
    (tree / "data/environ").symlink_to("/proc/self/environ")
    (tree / "data/ring").symlink_to("ring")
    read = granted(tree)["read_file"]
    assert [read("data/link"), read("data/up"), read("data/dir/b.txt")] == ["inside", "inside", "below"]
    for path in ("data/out", "data/outdir/secret.txt", "data/environ"):
        with pytest.raises(DanaCapabilityError):
            read(path)
    with pytest.raises(OSError, match="data/ring"):
        read("data/ring")


@pytest.mark.usefixtures("ways")
def test_all_files_does_not_open_the_system(tree: Path) -> None:
    """``file_read`` without a scope reads files, but ``/proc`` and its like only by name."""
    assert table("file_read")["read_file"]("other/secret.txt") == "SECRET"
    (tree / "data/environ").symlink_to("/proc/self/environ")
    for path in ("/proc/self/environ", "data/environ", "/dev/zero", "/PROC/self/environ"):
        with pytest.raises(DanaCapabilityError):
            table("file_read")["read_file"](path)
        with pytest.raises(DanaCapabilityError):
            table("file_read:/")["read_file"](path)


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="there is no /proc")
def test_proc_by_name() -> None:
    """The twin: a grant that names the folder opens it."""
    assert "inux" in table("file_read:/proc")["read_file"]("/proc/version")
    assert "inux" in table("file_read", "file_read:/proc")["read_file"]("/proc/version")


def test_a_link_put_in_after_the_check(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between check and open the file becomes a link out: the open refuses it."""
    real = paths.Place.open

    def swap(place: paths.Place, *arguments: Any) -> int:
        (tree / "data/a.txt").unlink()
        (tree / "data/a.txt").symlink_to(tree / "other/secret.txt")
        return real(place, *arguments)

    monkeypatch.setattr(paths.Place, "open", swap)
    with pytest.raises(OSError, match=r"data/a\.txt"):
        granted(tree)["read_file"]("data/a.txt")


def test_a_folder_swapped_during_the_walk(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder becomes a link out after it was looked at: the walk is at the descriptor, not at the name."""
    real = paths._link_at

    def swap(folder: int, name: str) -> str | None:
        found = real(folder, name)
        if name == "sub":
            (tree / "data/sub").rename(tree / "data/moved")
            (tree / "data/sub").symlink_to(tree / "other")
        return found

    monkeypatch.setattr(paths, "_link_at", swap)
    (tree / "other/b.txt").write_text("SECRET")
    with pytest.raises(OSError, match="sub"):
        granted(tree)["read_file"]("data/sub/b.txt")


@pytest.mark.usefixtures("ways")
def test_a_changed_path_without_descriptors(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no descriptors the path is looked at again after the open."""
    monkeypatch.setattr(paths, "BY_DESCRIPTOR", False)
    real = os.open

    def swap(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        if str(path).endswith("b.txt"):
            (tree / "data/sub").rename(tree / "data/moved")
            (tree / "data/sub").symlink_to(tree / "other")
        return real(path, flags, mode, **more)

    (tree / "other/b.txt").write_text("SECRET")
    monkeypatch.setattr(os, "open", swap)
    with pytest.raises(OSError, match="too many"):
        granted(tree)["read_file"]("data/sub/b.txt")


def test_relative_scopes_are_resolved_when_granted(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changing the directory later does not move the grant."""
    builtins = table("file_read:data")
    monkeypatch.chdir(tree / "other")
    assert builtins["read_file"]("../data/a.txt") == "inside"
    with pytest.raises(DanaCapabilityError):
        builtins["read_file"]("data/a.txt")


def test_a_scope_that_is_a_link(tree: Path) -> None:
    """A granted link means the folder it led to when it was granted; both spellings of a path work."""
    (tree / "alias").symlink_to("data")
    builtins = table("file_read:alias")
    assert builtins["read_file"]("alias/a.txt") == builtins["read_file"]("data/a.txt") == "inside"
    (tree / "alias").unlink()
    (tree / "alias").symlink_to("other")
    with pytest.raises(FileNotFoundError):
        builtins["read_file"]("alias/secret.txt")


@pytest.mark.usefixtures("ways")
def test_a_grant_for_one_file(tree: Path) -> None:
    """A scope may name a file: it opens that one, and nothing beside it or with a longer name."""
    (tree / "data/a.txt2").write_text("SECRET")
    builtins = table(f"file_read:{tree}/data/a.txt", "file_write:data/a.txt")
    assert builtins["read_file"]("data/a.txt") == "inside"
    builtins["write_file"]("data/a.txt", "new")
    assert builtins["read_file"]("data/a.txt") == "new"
    for path in ("data/a.txt2", "data/sub/b.txt", "data"):
        with pytest.raises(DanaCapabilityError):
            builtins["read_file"](path)
    with pytest.raises(NotADirectoryError):
        builtins["read_file"]("data/a.txt/x")


@pytest.mark.usefixtures("ways")
def test_only_regular_files_are_read(tree: Path) -> None:
    """Folders, pipes and sockets are errors, at once."""
    os.mkfifo(tree / "data/pipe")
    read, write = granted(tree)["read_file"], granted(tree)["append_file"]
    with pytest.raises(IsADirectoryError):
        read("data/sub")
    with pytest.raises(OSError, match="regular"):
        read("data/pipe")
    with pytest.raises(OSError, match="data/pipe"):
        write("data/pipe", "x")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("data/s")
        with pytest.raises(OSError, match="data/s"):
            read("data/s")


@pytest.mark.usefixtures("ways")
def test_errors_do_not_tell_the_host_s_paths(tree: Path) -> None:
    """A missing file is FileNotFoundError with the path as written, nothing of the host's folders."""
    for name in ("read_file", "load_csv", "list_dir"):
        with pytest.raises(FileNotFoundError) as caught:
            granted(tree)[name]("data/missing.txt")
        assert "data/missing.txt" in str(caught.value)
        assert str(tree) not in str(caught.value)
    with pytest.raises(DanaCapabilityError) as denied:
        granted(tree)["read_file"]("other/x")
    assert str(tree) not in str(denied.value)
    assert 'allowed_capabilities=["file_read:other"]' in str(denied.value)


def test_text_comes_back(tree: Path) -> None:
    """What was written is read again; line ends are newlines, a byte order mark is skipped."""
    builtins = granted(tree)
    builtins["write_file"]("data/new.txt", "é\n")
    builtins["append_file"]("data/new.txt", "more")
    assert builtins["read_file"]("data/new.txt") == "é\nmore"
    (tree / "data/dos.txt").write_bytes(b"\xef\xbb\xbfa\r\nb\rc")
    assert builtins["read_file"]("data/dos.txt") == "a\nb\nc"
    (tree / "data/raw.bin").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="not UTF-8"):
        builtins["read_file"]("data/raw.bin")
    with pytest.raises(ValueError, match="surrogate"):
        builtins["write_file"]("data/x.txt", "\ud800")
    assert builtins["list_dir"]("data") == ["a.txt", "dos.txt", "new.txt", "raw.bin", "sub"]
    assert [builtins["file_exists"](f"data/{name}") for name in ("a.txt", "sub", "no", "a.txt/x")] == [
        True,
        True,
        False,
        False,
    ]


def test_writing_replaces_in_one_step(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails half-way leaves the old file and nothing else; the mode is kept."""
    os.chmod(tree / "data/a.txt", 0o640)
    builtins = granted(tree)
    builtins["write_file"]("data/a.txt", "new")
    assert (tree / "data/a.txt").stat().st_mode & 0o777 == 0o640
    before = sorted(os.listdir(tree / "data"))

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="no space"):
            builtins["write_file"]("data/a.txt", "newer")
    assert (tree / "data/a.txt").read_text() == "new"
    assert sorted(os.listdir(tree / "data")) == before


def test_writing_through_a_link(tree: Path) -> None:
    """A link inside is followed to its file; a link out is a denial, and the target is untouched."""
    (tree / "data/link").symlink_to("a.txt")
    (tree / "data/out").symlink_to(tree / "other/secret.txt")
    builtins = granted(tree)
    builtins["write_file"]("data/link", "new")
    assert (tree / "data/link").is_symlink()
    assert (tree / "data/a.txt").read_text() == "new"
    for name in ("write_file", "append_file"):
        with pytest.raises(DanaCapabilityError):
            builtins[name]("data/out", "x")
    assert (tree / "other/secret.txt").read_text() == "SECRET"


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize(
    "name",
    [
        "x.na", "x.py", "x.PY", "x.pyc", "x.pth", "x.so", "x.py.", "x.py ", "x.py::$DATA", "a:x.py", "sub/__init__.na",
        "pyproject.toml", "pyvenv.cfg", "__pycache__/x.txt", "__dana_cache__/x.txt", "x.dnc",
    ],
)  # fmt: skip
@pytest.mark.parametrize("builtin", ["write_file", "append_file", "save_json"])
def test_nothing_loadable_is_written(tree: Path, name: str, builtin: str) -> None:
    """Names that something could load as code or settings are refused under every grant."""
    for folder in ("__pycache__", "__dana_cache__"):
        (tree / "data" / folder).mkdir(exist_ok=True)
    for grants in ([f"file_write:{tree}/data"], ["file_write"]):
        with pytest.raises(DanaSecurityError, match="never written"):
            table(*grants)[builtin](f"data/{name}", "x")
    assert not (tree / "data" / name).exists()


def test_interpreter_and_cache_are_never_written(monkeypatch: pytest.MonkeyPatch, tree: Path) -> None:
    """Folders of the interpreter, of packages and of compiled modules are closed, also through a link."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tree / "data"))
    (tree / "data/dana2py").mkdir()
    write = table("file_write")["write_file"]
    (tree / "data/lib").symlink_to(os.path.dirname(os.__file__))
    for path in (os.path.dirname(os.__file__) + "/x.txt", "data/lib/x.txt", "data/dana2py/x.txt"):
        with pytest.raises(DanaSecurityError, match="never written"):
            write(path, "x")
    write("data/fine.txt", "x")


def test_data_and_path_in_the_right_order(tree: Path) -> None:
    """Swapped arguments are a TypeError, not a file with a strange name."""
    builtins = granted(tree)
    with pytest.raises(TypeError, match="path"):
        builtins["write_file"]("data/x.txt", 5)
    with pytest.raises(TypeError, match="path comes first"):
        builtins["save_csv"]("data/x.csv", "rows")


def test_csv_comes_back(tree: Path) -> None:
    """Rows are dicts of text; quotes, newlines and short rows as CSV has them."""
    builtins = granted(tree)
    builtins["save_csv"]("data/t.csv", [{"a": 1, "b": 'x,\n"y"'}, {"a": None, "b": True}])
    assert builtins["load_csv"]("data/t.csv") == [{"a": "1", "b": 'x,\n"y"'}, {"a": "", "b": "True"}]
    (tree / "data/u.csv").write_text("a;b\r\n1\r\n\r\n2;3\r\n")
    assert builtins["load_csv"]("data/u.csv", delimiter=";") == [{"a": "1", "b": ""}, {"a": "2", "b": "3"}]
    builtins["save_csv"]("data/e.csv", [])
    assert builtins["load_csv"]("data/e.csv") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [("a,b\n1,2,3\n", "line 2: 3 cells"), ("a,a\n1,2\n", "two columns"), ("a\n" + "x" * 200_000, "not CSV")],
)
def test_csv_mistakes(tree: Path, text: str, message: str) -> None:
    """Text that is no table is a ValueError that says where."""
    (tree / "data/t.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        granted(tree)["load_csv"]("data/t.csv")


def test_json_comes_back(tree: Path) -> None:
    """Values of JSON; tuples become lists; large data takes the slow way with the same text."""
    builtins = granted(tree)
    value = {"a": [1, 2.5, None, True, "é"], "b": {"c": (1,)}}
    builtins["save_json"]("data/t.json", value)
    assert builtins["load_json"]("data/t.json") == {"a": [1, 2.5, None, True, "é"], "b": {"c": [1]}}
    large = [{"n": place} for place in range(60_000)]
    builtins["save_json"]("data/l.json", large, indent=None)
    assert json.loads((tree / "data/l.json").read_text()) == large
    assert builtins["load_json"]("data/l.json") == large


def test_json_mistakes(tree: Path) -> None:
    """Cycles, foreign values, bad text and bottomless data are errors that can be caught."""
    builtins = granted(tree)
    ring: list[Any] = []
    ring.append(ring)
    with pytest.raises((ValueError, RecursionError)):
        builtins["save_json"]("data/t.json", ring)
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        builtins["save_json"]("data/t.json", {1, 2})
    for text, message in (("{", "not JSON"), ("[" * 100_000, "JSON|nested"), ("[" * 1500 + "]" * 1500, "nested")):
        (tree / "data/t.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            builtins["load_json"]("data/t.json")


def test_sizes_are_measured_first(tree: Path) -> None:
    """A file that does not fit the memory is a stop before it is read."""
    with open(tree / "data/huge.txt", "wb") as file:
        file.truncate(10**11)
    environment = FakeEnvironment([f"file_read:{tree}/data"], limits=Limits(memory=10**8))
    read = make_table(environment)["read_file"]
    assert isinstance(call(environment.meter, read, "data/huge.txt"), DanaMemoryError)  # type: ignore[arg-type]


def test_no_descriptor_stays_open(tree: Path) -> None:
    """Neither a success nor any failure leaves a file open."""
    builtins = granted(tree)
    (tree / "data/out").symlink_to(tree / "other/secret.txt")

    def everything() -> None:
        for path in ("data/a.txt", "data/out", "data/missing", "data/a.txt/x", "data/sub", "/etc/passwd"):
            for name, more in (("read_file", ()), ("write_file", ("x",)), ("list_dir", ()), ("file_exists", ())):
                try:
                    builtins[name](path, *more)
                except OSError:
                    continue

    everything()
    before = len(os.listdir("/proc/self/fd"))
    everything()
    assert len(os.listdir("/proc/self/fd")) == before
