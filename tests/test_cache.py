"""The cache of compiled modules: a hit gives the module back, everything doubtful is a miss."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dana2py import compiled
from dana2py.cache import DEFAULT_LIMIT, FOLDER, Cache, user_folder
from dana2py.compiled import CacheKey, CompiledModule, cache_key, compiler_digest

SOURCE = b"def f(x):\n    return x + 1\n"


def make(text: str = "answer = 42\n", *, name: str = "m", filename: str = "/somewhere/m.na") -> CompiledModule:
    """A compiled module made by hand from Python text."""
    code = compile(text, filename, "exec", dont_inherit=True)
    return CompiledModule(code, name, filename, ("answer",), {"functions": {}}, "policy-1", "limited", False, "doc")


def key_of(cache: Cache, source: bytes = SOURCE, **changes: object) -> CacheKey:
    """The key of that source with default settings, except ``changes``."""
    settings: dict[str, object] = {"filename": "/somewhere/m.na", "name": "m", "fingerprint": "policy-1"}
    return cache.key(source, **(settings | changes))  # type: ignore[arg-type]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty cache."""
    return Cache(tmp_path / "cache")


def entry(cache: Cache, key: CacheKey) -> Path:
    """The file of an entry."""
    assert cache.root is not None
    return cache.root / f"{key.digest}.dnc"


def run(module: CompiledModule | None) -> object:
    """The value of ``answer`` after execution."""
    assert module is not None
    names: dict[str, object] = {}
    exec(module.code, names)
    return names["answer"]


def test_what_was_put_comes_back(cache: Cache) -> None:
    """A hit gives an equal module, also in a cache object of another process."""
    key = key_of(cache)
    assert cache.get(key) is None
    assert cache.put(key, make())
    for reader in (cache, Cache(cache.root)):
        module = reader.get(key)
        assert module == make()
        assert run(module) == 42


@pytest.mark.parametrize(
    "change",
    [
        {"source": SOURCE + b"\n"},
        {"filename": "/elsewhere/m.na"},
        {"name": "n"},
        {"fingerprint": "policy-2"},
        {"options": ("strict",)},
        {"is_package": True},
    ],
)
def test_everything_that_shapes_the_code_is_in_the_key(cache: Cache, change: dict[str, object]) -> None:
    """Another source, path, name, policy or option is another entry."""
    cache.put(key_of(cache), make())
    source = change.pop("source", SOURCE)
    assert isinstance(source, bytes)
    assert cache.get(key_of(cache, source, **change)) is None


def test_key_names_compiler_and_python() -> None:
    """The header tells which compiler and which Python made the code."""
    key = cache_key(SOURCE, filename="a.na", name="a", fingerprint="p")
    assert f"compiler {compiler_digest()}".encode() in key.header
    assert sys.implementation.cache_tag.encode() in key.header


def test_no_line_of_the_key_can_be_forged() -> None:
    """Line breaks in a path stay inside their line."""
    honest = cache_key(SOURCE, filename="a\nfile 'b'", name="a", fingerprint="p")
    assert len(honest.header.splitlines()) == len(
        cache_key(SOURCE, filename="a", name="a", fingerprint="p").header.splitlines()
    )


@pytest.mark.parametrize("position", [0, 10, 50, 100, 300, -1])
def test_a_changed_byte_is_a_miss(cache: Cache, position: int) -> None:
    """Whatever byte of an entry is altered, it is not executed."""
    key = key_of(cache)
    cache.put(key, make())
    data = bytearray(entry(cache, key).read_bytes())
    data[position] ^= 1
    entry(cache, key).write_bytes(data)
    assert cache.get(key) is None


@pytest.mark.parametrize("length", [0, 7, 40, 200, -1])
def test_a_truncated_entry_is_a_miss(cache: Cache, length: int) -> None:
    """A file that a full disk cut short is compiled anew."""
    key = key_of(cache)
    cache.put(key, make())
    entry(cache, key).write_bytes(entry(cache, key).read_bytes()[:length])
    assert cache.get(key) is None


def test_an_entry_under_another_name_is_a_miss(cache: Cache) -> None:
    """An authentic entry does not count in the place of another one."""
    mine, other = key_of(cache), key_of(cache, b"other")
    cache.put(mine, make("answer = 1\n"))
    os.replace(entry(cache, mine), entry(cache, other))
    assert cache.get(other) is None


def test_an_entry_made_with_another_key_is_a_miss(cache: Cache, tmp_path: Path) -> None:
    """A file planted by somebody who does not know the user's key is not executed."""
    forger = Cache(tmp_path / "forger")
    key = key_of(cache)
    cache.put(key, make())
    forger.put(key, make("answer = 'planted'\n"))
    entry(cache, key).write_bytes(entry(forger, key).read_bytes())
    assert cache.get(key) is None


def test_a_link_is_a_miss(cache: Cache, tmp_path: Path) -> None:
    """Neither a linked entry nor a linked folder is followed."""
    key = key_of(cache)
    cache.put(key, make())
    real = tmp_path / "real.dnc"
    os.replace(entry(cache, key), real)
    entry(cache, key).symlink_to(real)
    assert cache.get(key) is None
    link = tmp_path / "link"
    assert cache.root is not None
    link.symlink_to(cache.root)
    assert not Cache(link).put(key, make())


def test_private_modes_whatever_the_umask(cache: Cache) -> None:
    """Folder 0700, files 0600, also with a loose umask."""
    before = os.umask(0)
    try:
        key = key_of(cache)
        cache.put(key, make())
    finally:
        os.umask(before)
    assert cache.root is not None
    assert stat.S_IMODE(cache.root.stat().st_mode) == 0o700
    for file in cache.root.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_folder_that_others_can_write_is_not_used(cache: Cache) -> None:
    """Nothing is read from it or written to it."""
    key = key_of(cache)
    cache.put(key, make())
    assert cache.root is not None
    cache.root.chmod(0o777)
    assert cache.get(key) is None
    assert not cache.put(key, make())


def test_a_damaged_key_is_replaced(cache: Cache) -> None:
    """A key of wrong length makes old entries misses and new ones work."""
    key = key_of(cache)
    cache.put(key, make())
    assert cache.root is not None
    (cache.root / "key").write_bytes(b"short")
    fresh = Cache(cache.root)
    assert fresh.get(key) is None
    assert fresh.put(key, make())
    assert Cache(cache.root).get(key) is not None


def test_a_key_that_others_can_read_is_replaced(cache: Cache) -> None:
    """A leaked key authenticates nothing."""
    key = key_of(cache)
    cache.put(key, make())
    assert cache.root is not None
    (cache.root / "key").chmod(0o644)
    assert Cache(cache.root).get(key) is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs files of root")
def test_entries_of_root_count_for_other_users(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """What root built into an image is a hit for the user who runs there, and only while nobody else can write it."""
    assert cache.root is not None
    shared = Cache(cache.root, shared=True)
    key = key_of(shared)
    shared.put(key, make())
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert Cache(cache.root).get(key) is not None
    entry(cache, key).chmod(0o666)
    assert Cache(cache.root).get(key) is None


def test_beside_a_module(cache: Cache, tmp_path: Path) -> None:
    """An entry in ``__dana_cache__`` travels with its module: the path changes, the code hits."""
    first, second = tmp_path / "a" / "m.na", tmp_path / "b" / "m.na"
    for path in (first, second):
        path.parent.mkdir()
        path.write_bytes(SOURCE)
    key = key_of(cache, filename=str(first))
    written = cache.put_beside(first, key, make(filename=str(first)))
    assert written is not None
    assert written.parent.name == FOLDER
    os.rename(written.parent, second.parent / FOLDER)
    stranger = Cache(tmp_path / "stranger")
    other = key_of(stranger, filename=str(second))
    assert stranger.get_beside(second, other, "limited", vouched=False) is None
    module = stranger.get_beside(second, other, "limited", vouched=True)
    assert module is not None
    assert module.filename == module.code.co_filename == str(second)
    assert cache.get_beside(second, other, "limited", vouched=False) is not None


def test_beside_a_changed_module_is_a_miss(cache: Cache, tmp_path: Path) -> None:
    """The source hash counts, not the time stamp."""
    path = tmp_path / "m.na"
    key = key_of(cache, filename=str(path))
    cache.put_beside(path, key, make(filename=str(path)))
    changed = key_of(cache, SOURCE + b"# more\n", filename=str(path))
    assert cache.get_beside(path, changed, "limited", vouched=True) is None


def test_least_recently_used_goes_first(tmp_path: Path) -> None:
    """Over the limit the oldest entries are removed and the used ones stay."""
    cache = Cache(tmp_path / "cache", limit=10**9)
    keys = [key_of(cache, str(number).encode()) for number in range(6)]
    for age, key in enumerate(keys):
        cache.put(key, make())
        os.utime(entry(cache, key), (10_000_000 + age, 10_000_000 + age))
    assert cache.get(keys[0]) is not None
    cache.limit = 3 * entry(cache, keys[1]).stat().st_size
    assert cache.trim() == 3
    assert [cache.get(key) is not None for key in keys] == [True, False, False, False, True, True]


def test_info_and_clear(cache: Cache) -> None:
    """``info`` counts what ``clear`` removes."""
    for number in range(3):
        cache.put(key_of(cache, str(number).encode()), make())
    assert cache.info().entries == 3
    assert cache.clear() == 3
    assert cache.info().entries == cache.info().size == 0


def test_what_a_hit_leaves_for_later(cache: Cache) -> None:
    """The manifest stays bytes until it is asked for; names and annotations are there at once."""
    function = {"params": [{"name": "class", "type": "int", "default": False, "kind": "plain"}], "returns": "str"}
    code = compile("def f(x):\n    return len(x)\n", "/somewhere/m.na", "exec", dont_inherit=True)
    made = CompiledModule(code, "m", "/somewhere/m.na", None, {"functions": {"_f": function}})
    assert made.annotations == {"dana_u_f": {"class_": "int", "return": "str"}}
    assert made.names == ("f", "len")
    cache.put(key_of(cache), made)
    read = cache.get(key_of(cache))
    assert read is not None
    assert isinstance(read._manifest, bytes)
    assert (read.annotations, read.names) == (made.annotations, made.names)
    assert read == made
    assert hash(read) == hash(made)
    assert isinstance(read._manifest, dict)
    with pytest.raises(AttributeError):
        read.name = "other"


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """``DANA_CACHE=off`` stores nothing and fails nowhere."""
    monkeypatch.setenv("DANA_CACHE", "off")
    cache = Cache.default()
    assert not cache.put(key_of(cache), make())
    assert cache.get(key_of(cache)) is None
    assert cache.info().enabled is False


def test_named_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``DANA_CACHE_DIR`` names the folder."""
    monkeypatch.delenv("DANA_CACHE", raising=False)
    monkeypatch.setenv("DANA_CACHE_DIR", str(tmp_path / "here"))
    assert Cache.default().root == tmp_path / "here"


def test_user_folder_is_that_of_platformdirs() -> None:
    """The quick answer for Linux is the same."""
    import platformdirs

    assert user_folder() == Path(platformdirs.user_cache_dir("dana2py", appauthor=False))


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    """A file in the place of the folder: every use is a miss."""
    (tmp_path / "cache").write_text("a file")
    cache = Cache(tmp_path / "cache")
    assert not cache.put(key_of(cache), make())
    assert cache.get(key_of(cache)) is None


def test_many_writers(cache: Cache) -> None:
    """Threads that write and read the same entries see whole modules or none."""
    keys = [key_of(cache, str(number).encode()) for number in range(4)]
    seen: list[object] = []

    def work() -> None:
        mine = Cache(cache.root)
        for key in keys * 5:
            mine.put(key, make())
            module = mine.get(key)
            seen.append(None if module is None else run(module))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) <= {42, None}
    assert len(seen) == 80
    assert not [file for file in Path(str(cache.root)).iterdir() if file.suffix == ".tmp"]


def test_the_hash_of_the_compiler_is_remembered(cache: Cache) -> None:
    """A later process reads it from the folder, and a planted one is not believed."""
    key = key_of(cache)
    assert cache.root is not None
    assert (cache.root / "compiler").exists()
    assert key_of(Cache(cache.root)) == key
    (cache.root / "compiler").write_bytes(b"x" * 200)
    assert key_of(Cache(cache.root)) == key


def test_loading_the_cache_is_light() -> None:
    """The module imports neither the compiler nor its libraries."""
    program = (
        "import sys, dana2py.cache\n"
        "heavy = {'lark', 'libcst', 'RestrictedPython', 'platformdirs', 'click', 'json', 'dana2py.parser'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def child(program: str, *, nobody: bool = False, **environment: str) -> str:
    """Run a program in a process of its own, if wished as a user who may not write everywhere; its output."""
    drop = "import os\nif os.geteuid() == 0:\n    os.setgid(65534); os.setuid(65534)\n" if nobody else ""
    setup = (
        f"import dana2py.cache, dana2py.compiled, dana2py.cli_files, dana_guards.limits, logging\n"
        f"from pathlib import Path\ndana2py.compiled.compiler_digest()\n{drop}"
        "code = compile('answer = 42', '/somewhere/m.na', 'exec')\n"
        "module = dana2py.compiled.CompiledModule(code, 'm', '/somewhere/m.na')\n"
        "cache = dana2py.cache.Cache.default()\n"
        "key = cache.key(b'x', filename='/somewhere/m.na', name='m', fingerprint='p')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", setup + program],
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name not in HOMES} | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


HOMES = ("HOME", "XDG_CACHE_HOME", "DANA_CACHE", "DANA_CACHE_DIR", "DANA_CACHE_SIZE")
STORE = "print(cache.put(key, module), cache.get(key) == module, cache.info().problem)\n"


def test_a_full_disk_is_no_error(tmp_path: Path) -> None:
    """A write that the system cuts short stores nothing and leaves nothing; with room it works."""
    room = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))\n"
    assert child(STORE, DANA_CACHE_DIR=str(tmp_path / "a")) == "True True None"
    assert child(room.format(150) + STORE, DANA_CACHE_DIR=str(tmp_path / "b")) == "False False None"
    assert not [file for file in (tmp_path / "b").iterdir() if file.name.endswith((".dnc", ".tmp"))]


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that every user can enter; pytest's own are for one user."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_folder_that_cannot_be_written(open_path: Path) -> None:
    """Read-only, unreadable or foreign folders and files in their place are misses, and ``info`` says why."""
    (open_path / "file").write_text("x")
    (open_path / "read_only").mkdir(mode=0o555)
    (open_path / "closed").mkdir(mode=0o000)
    for name, problem in (
        ("file", "it is no folder"),
        ("read_only", "it "),
        ("read_only/new", f"{open_path / 'read_only'} cannot be written to"),
        ("closed/new", "Permission denied"),
    ):
        told = child(f"{STORE}dana2py.cli_files.cache_info(False)", nobody=True, DANA_CACHE_DIR=str(open_path / name))
        assert told.startswith(f"False False {problem}")
        assert "problem  nothing is stored: " in told
        assert child("print(cache.clear(), cache.trim())", nobody=True, DANA_CACHE_DIR=str(open_path / name)) == "0 0"


def test_no_home(tmp_path: Path) -> None:
    """Without a home there is no cache, and above all no folder called ``~`` in the working folder."""
    unknown = "import os\nos.chdir({!r})\nos.path.expanduser = str\ncache = dana2py.cache.Cache.default()\n"
    program = unknown.format(str(tmp_path)) + STORE + "dana2py.cli_files.cache_info(False)\n"
    assert child(program) == "False False None\nthere is no home folder; DANA_CACHE_DIR names one"
    assert not list(tmp_path.iterdir())
    assert child("print(dana2py.cache.user_folder())", XDG_CACHE_HOME=str(tmp_path)) == str(tmp_path / "dana2py")
    home = child("print(dana2py.cache.user_folder())", HOME="/somewhere", XDG_CACHE_HOME="relative")
    assert home == "/somewhere/.cache/dana2py"


def test_the_folder_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A relative DANA_CACHE_DIR stays where it was when the working folder changes; ``~`` is the home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DANA_CACHE_DIR", "here")
    assert Cache.default().root == tmp_path / "here"
    monkeypatch.setenv("HOME", "/somewhere")
    monkeypatch.setenv("DANA_CACHE_DIR", "~/here")
    assert Cache.default().root == Path("/somewhere/here")


def test_the_limit_is_a_size(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """``DANA_CACHE_SIZE`` is a number of bytes or a size; what is neither is told and does not count."""
    for text, limit in (("1000000", 1_000_000), ("64MB", 64_000_000), ("", DEFAULT_LIMIT)):
        monkeypatch.setenv("DANA_CACHE_SIZE", text)
        assert Cache.default().limit == limit
    assert not caplog.records
    monkeypatch.setenv("DANA_CACHE_SIZE", "much")
    with caplog.at_level(logging.WARNING):
        assert Cache.default().limit == DEFAULT_LIMIT
    assert "DANA_CACHE_SIZE" in caplog.text


def test_writing_keeps_the_limit(tmp_path: Path) -> None:
    """Nobody has to call ``trim``: one write in 32 does it."""
    cache = Cache(tmp_path / "cache")
    cache.put(key_of(cache), make())
    cache.limit = 10 * cache.info().size
    for number in range(400):
        cache.put(key_of(cache, str(number).encode()), make())
    assert cache.info().entries < 250


def test_many_processes(tmp_path: Path) -> None:
    """Processes that begin with no folder, no key and no entry agree in the end, and each sees whole modules."""
    program = "for _ in range(30):\n    cache.put(key, module)\n    assert cache.get(key) in (module, None)\n"
    environment = os.environ | {"DANA_CACHE_DIR": str(tmp_path / "cache")}
    setup = (
        "from dana2py.cache import Cache\nfrom dana2py.compiled import CompiledModule\n"
        "module = CompiledModule(compile('answer = 42', 'm.na', 'exec'), 'm', 'm.na')\ncache = Cache.default()\n"
        "key = cache.key(b'x', filename='m.na', name='m', fingerprint='p')\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", setup + program], env=environment) for _ in range(4)]
    assert [process.wait() for process in started] == [0] * 4
    fresh = Cache(tmp_path / "cache")
    key = fresh.key(b"x", filename="m.na", name="m", fingerprint="p")
    assert fresh.put(key, make())
    assert Cache(tmp_path / "cache").get(key) is not None
    assert not list((tmp_path / "cache").glob("*.tmp"))


def test_the_compiler_in_an_archive_is_hashed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where our own files lie in a zip, another zip is another compiler: its code must not run under other guards."""
    found = []
    for content in (b"one", b"two"):
        (tmp_path / "app.zip").write_bytes(content)
        monkeypatch.setattr(compiled, "__file__", str(tmp_path / "app.zip" / "dana2py" / "compiled.py"))
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        compiler_digest.cache_clear()
        found.append(compiler_digest())
    compiler_digest.cache_clear()
    assert len(set(found)) == 2


def test_a_planted_folder_is_not_believed(cache: Cache, tmp_path: Path) -> None:
    """An authentic entry counts in its folder only: not through a link, not where others can write."""
    key = key_of(cache)
    cache.put(key, make())
    assert cache.root is not None
    assert cache.get(key) is not None
    moved = tmp_path / "moved"
    cache.root.rename(moved)
    cache.root.symlink_to(moved)
    assert cache.get(key) is None
    cache.root.unlink()
    moved.rename(cache.root)
    assert cache.get(key) is not None
