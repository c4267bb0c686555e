"""``file_read[:DIR]`` and ``file_write[:DIR]``: text, CSV and JSON files, and the names in a folder.

In: a path, then the data. Out: text, rows (dicts of text), JSON values. The files are found by `paths`; reading is
measured against the memory before it is done; writing replaces a file in one step. Not done here: bytes, deleting,
moving, links: no builtin does them.

Texts are UTF-8. A byte order mark is skipped, line ends are read as newlines and written as they are.
"""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from stat import S_IMODE, S_ISDIR
from typing import Any, Final

from dana_guards.bounded import check_nesting
from dana_guards.capabilities import Capability, paths
from dana_guards.capabilities.paths import Place, check_writable, is_regular, place_of
from dana_guards.errors import DanaSecurityError
from dana_guards.formatting import text_of
from dana_guards.limits import Meter
from dana_guards.safe_builtins import Builtin

_CHUNK: Final = 1 << 20
_ROW_COST: Final = 12
"""Bytes of memory for each byte of CSV or JSON, for the estimate before it is read."""
_MAX_NODES: Final = 100_000
_LONG_PIECE: Final = 4096



def _capability(name: str, what: str) -> Capability:
    return Capability(
        name,
        what,
        paths.parse_folder,
        paths.covers,
        paths.suggest,
        paths.narrow,
        paths.overlap,
        paths.needs_name,
        paths.names_more,
        paths.spell,
        paths.in_folder,
    )


CAPABILITIES: Final = (_capability("file_read", "reading files"), _capability("file_write", "writing files"))


@contextmanager
def _own_words(path: object) -> Iterator[None]:
    """Errors of the system with the path as the program wrote it, and no path of the host."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # one of ours
            raise
        raise type(error)(f"{(os.strerror(error.errno)).lower()}: {path!r}") from None


# -- reading ---------------------------------------------------------------------------------------


def _read(environment: Any, path: object, by: str, cost: int = 4) -> str:
    """The text of a regular file."""
    meter: Meter = environment.meter
    with _own_words(path), place_of(environment.grants, "file_read", path, by) as place:
        # Without O_NONBLOCK, opening a pipe waits for a writer.
        descriptor = place.open(os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            status = os.fstat(descriptor)
            if not is_regular(status):
                raise _not_a_file(status, path)
            meter.need(status.st_size * cost, f"the file {path!r}")
            data = bytearray()
            while chunk := os.read(descriptor, _CHUNK):
                data += chunk
                meter.need(len(chunk) * cost, f"the file {path!r}")
                meter.check()
        finally:
            os.close(descriptor)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path!r} is not UTF-8 text: byte {error.start}") from None


def _not_a_file(status: os.stat_result, path: object) -> OSError:
    if S_ISDIR(status.st_mode):
        return IsADirectoryError(f"is a directory: {path!r}")
    return OSError(f"is not a regular file: {path!r}")


def make_read_file(environment: Any) -> Callable[[Any], str]:
    """``read_file(path)``: the text of a file, its line ends as newlines."""

    def read_file(path: Any) -> str:
        text = _read(environment, path, "read_file")
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    return read_file


def make_load_csv(environment: Any) -> Callable[..., list[dict[str, str]]]:
    """``load_csv(path, delimiter=",")``: a dict of text for each row; the first row gives the keys.

    Short rows are filled with empty text, empty lines are left out. Raises ValueError for a row with more
    cells than the header, for two columns of one name, and for text that is no CSV.
    """

    def load_csv(path: Any, delimiter: str = ",") -> list[dict[str, str]]:
        if type(delimiter) is not str or len(delimiter) != 1:
            raise ValueError("the delimiter of a CSV file is one character")
        text = _read(environment, path, "load_csv", _ROW_COST)
        try:
            return list(_rows(environment.meter, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), path))
        except csv.Error as error:
            raise ValueError(f"{path!r} is not CSV: {error}") from None

    return load_csv


def _rows(meter: Meter, reader: Any, path: object) -> Iterator[dict[str, str]]:
    header: list[str] = []
    for count, cells in enumerate(reader):
        if not count & 255:
            meter.check()
        if not cells:
            continue
        if not header:
            header = cells
            if len(set(header)) != len(header):
                raise ValueError(f"{path!r} has two columns of one name")
            continue
        if len(cells) > len(header):
            raise ValueError(f"{path!r}, line {reader.line_num}: {len(cells)} cells, but the header has {len(header)}")
        cells += [""] * (len(header) - len(cells))
        yield dict(zip(header, cells, strict=True))


def make_load_json(environment: Any) -> Callable[[Any], Any]:
    """``load_json(path)``: the value in a JSON file. ValueError for text that is no JSON or nested too deep."""

    def load_json(path: Any) -> Any:
        return json_value(environment.meter, _read(environment, path, "load_json", _ROW_COST), repr(path))

    return load_json


def json_value(meter: Meter, text: str, name: str) -> Any:
    """The value of a JSON text; `name` is what messages call it. ValueError as `make_load_json` says."""
    meter.need(_ROW_COST * len(text), name)
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"{name} is nested too deep") from None
    except ValueError as error:
        raise ValueError(f"{name} is not JSON: {error}") from None
    if text.count("[") + text.count("{") > meter.limits.depth:
        _check_depth(meter, value)
    return value


def _check_depth(meter: Meter, value: Any) -> None:
    """Refuse data deeper than ``limits.depth``, level by level."""
    level = [value] if type(value) is list or type(value) is dict else []
    for _ in range(meter.limits.depth):
        meter.check()
        level = [
            member
            for each in level
            for member in (each.values() if type(each) is dict else each)
            if type(member) is list or type(member) is dict
        ]
        if not level:
            return
    raise ValueError(f"the data is nested deeper than {meter.limits.depth}")


def make_list_dir(environment: Any) -> Callable[..., list[str]]:
    """``list_dir(path=".")``: the names in a folder, sorted."""

    def list_dir(path: Any = ".") -> list[str]:
        with _own_words(path), place_of(environment.grants, "file_read", path, "list_dir") as place:
            descriptor = place.open(os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
            try:
                names = os.listdir(descriptor if os.listdir in os.supports_fd else place.path)
            finally:
                os.close(descriptor)
        environment.meter.need(100 * len(names), "the list of names")
        return sorted(names)

    return list_dir


def make_file_exists(environment: Any) -> Callable[[Any], bool]:
    """``file_exists(path)``: whether there is a file or folder; a path that is not granted is a denial."""

    def file_exists(path: Any) -> bool:
        try:
            with _own_words(path), place_of(environment.grants, "file_read", path, "file_exists") as place:
                status = place.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return is_regular(status) or S_ISDIR(status.st_mode)

    return file_exists


# -- writing ---------------------------------------------------------------------------------------


def _write(environment: Any, path: object, text: str, by: str) -> None:
    """Replace a file in one step: a reader sees the old text or the new one."""
    environment.meter.need(2 * len(text), "the written text")
    data = _encoded(text)
    with _own_words(path), place_of(environment.grants, "file_write", path, by) as place:
        _check_writable(environment, place, str(path), by)
        mode = None
        with suppress(FileNotFoundError):
            status = place.stat()
            if not is_regular(status):
                raise _not_a_file(status, path)
            mode = S_IMODE(status.st_mode)
        fresh = place.beside(f".{secrets.token_hex(8)}.tmp")
        descriptor = fresh.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            try:
                if mode is not None and hasattr(os, "fchmod"):
                    os.fchmod(descriptor, mode)
                _write_all(environment.meter, descriptor, data)
            finally:
                os.close(descriptor)
            fresh.replace(place)
        except BaseException:
            with suppress(OSError):
                fresh.remove()
            raise


def _check_writable(environment: Any, place: Place, path: str, by: str) -> None:
    """`check_writable`, with a refusal on record."""
    try:
        check_writable(place, path)
    except DanaSecurityError:
        environment.grants.refused("file_write", path, by)
        raise


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("the text has half of a surrogate pair, which no file can hold") from None


def _write_all(meter: Meter, descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        meter.check()
        view = view[os.write(descriptor, view[:_CHUNK]) :]


def _exact_text(text: object, by: str) -> str:
    if type(text) is not str:
        raise TypeError(f"{by} writes text, not {type(text).__name__}; the path comes first")
    return text


def make_write_file(environment: Any) -> Callable[[Any, Any], None]:
    """``write_file(path, text)``: the whole file, replaced in one step."""

    def write_file(path: Any, text: Any) -> None:
        _write(environment, path, _exact_text(text, "write_file"), "write_file")

    return write_file


def make_append_file(environment: Any) -> Callable[[Any, Any], None]:
    """``append_file(path, text)``: behind what is there, in one write; the file is made if need be."""

    def append_file(path: Any, text: Any) -> None:
        data = _encoded(_exact_text(text, "append_file"))
        with _own_words(path), place_of(environment.grants, "file_write", path, "append_file") as place:
            _check_writable(environment, place, str(path), "append_file")
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
            descriptor = place.open(flags)
            try:
                status = os.fstat(descriptor)
                if not is_regular(status):
                    raise _not_a_file(status, path)
                _write_all(environment.meter, descriptor, data)
            finally:
                os.close(descriptor)

    return append_file


def _record(row: Any) -> dict[Any, Any]:
    """A row for a CSV file: a dict, or a struct's fields."""
    if type(row) is dict:
        return row
    if getattr(type(row), "_dana_fields_", None):
        return row.to_dict()  # type: ignore[no-any-return]
    raise TypeError(f"a row of a CSV file is a dict or a struct, not {type(row).__name__}")


def make_save_csv(environment: Any) -> Callable[..., None]:
    """``save_csv(path, rows, delimiter=",")``: dicts or structs; the keys of the first give the header.

    None is written as empty text. Raises ValueError for a row with a key that the first does not have.
    """

    def save_csv(path: Any, rows: Any, delimiter: str = ",") -> None:
        if type(rows) not in (list, tuple):
            raise TypeError(f"save_csv writes a list of rows, not {type(rows).__name__}; the path comes first")
        out = io.StringIO(newline="")
        header = list(_record(rows[0])) if rows else []
        writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
        if header:
            writer.writerow(map(text_of, header))
        for count, row in enumerate(rows):
            record = _record(row)
            surplus = sorted(map(str, record.keys() - set(header)))
            if surplus:
                raise ValueError(f"row {count + 1} has the key {surplus[0]!r}, which the first row has not")
            writer.writerow("" if record.get(key) is None else text_of(record[key]) for key in header)
            if not count & 255:
                environment.meter.check()
                environment.meter.need(out.tell(), "the CSV text")
        _write(environment, path, out.getvalue(), "save_csv")

    return save_csv


def make_save_json(environment: Any) -> Callable[..., None]:
    """``save_json(path, value, indent=None)``: structs as objects, tuples as arrays; ValueError for cycles."""

    def save_json(path: Any, value: Any, indent: int | None = None) -> None:
        if indent is not None and (type(indent) is not int or not 0 <= indent <= 16):
            raise ValueError("indent is a number from 0 to 16, or None")
        _write(environment, path, json_text(environment.meter, value, indent) + "\n", "save_json")

    return save_json


def json_text(
    meter: Meter, value: Any, indent: int | None = None, *, sort_keys: bool = False, ensure_ascii: bool = False
) -> str:
    """`value` as JSON.

    Data of moderate size goes to the C encoder; more is encoded in steps that look at the meter, and that also
    end where shared parts would multiply.
    """


    def plain(value: Any) -> Any:
        # Structs are not measured before, so their parts could multiply here.
        meter.check()
        if getattr(type(value), "_dana_fields_", None):
            fields = value.to_dict()
            check_nesting(meter, [fields], _MAX_NODES)
            return fields
        raise TypeError(f"a value of type {type(value).__name__} cannot be written as JSON")

    encoder = json.JSONEncoder(ensure_ascii=ensure_ascii, indent=indent, sort_keys=sort_keys, default=plain)
    try:
        check_nesting(meter, [value], _MAX_NODES)
    except ValueError:
        pieces, size = [], 0
        for count, piece in enumerate(encoder.iterencode(value)):
            pieces.append(piece)
            size += len(piece)
            if not count & 1023 or len(piece) > _LONG_PIECE:
                meter.check()
                meter.need(4 * size, "the JSON text")
        return "".join(pieces)
    return encoder.encode(value)


_READ = "reads below granted folders, by descriptor, measured first"
_WRITE = "writes below granted folders, in one step, never what something could load"
ROWS: Final = (
    Builtin("read_file", make_read_file, "file_read", _READ),
    Builtin("load_csv", make_load_csv, "file_read", _READ),
    Builtin("load_json", make_load_json, "file_read", _READ),
    Builtin("list_dir", make_list_dir, "file_read", "names in granted folders"),
    Builtin("file_exists", make_file_exists, "file_read", "asks below granted folders only"),
    Builtin("write_file", make_write_file, "file_write", _WRITE),
    Builtin("append_file", make_append_file, "file_write", _WRITE),
    Builtin("save_csv", make_save_csv, "file_write", _WRITE),
    Builtin("save_json", make_save_json, "file_write", _WRITE),
)

