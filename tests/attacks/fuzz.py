"""Programs made at random, run where there is something to find.

In: a seed and a number of seconds. Out: how many programs ran, and the first that did harm: that touched a canary,
crashed or outlived its time, or ended in anything but an error of ours that shows nothing of Python's inside. The
programs are made from pieces that reach for what an attacker wants, so that most of them compile, or derived from the
grammar, so that no form of the language is left out; some are damaged afterwards.

    python -m tests.attacks.fuzz --seconds 600 --seed 7

A run is one process: a crash of the interpreter leaves the program that did it in the file that ``--last`` names.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from dana_guards.errors import DanaError
from opendxa.dana import DanaRuntime

from .grammar_programs import grammar_program

SECRET = "canary-93be"
SHOWN = ("0x7", "<class ", "object at", "dana_guards.", "opendxa.", "functools.partial", SECRET)
OURS = re.compile(r"InternalError|Traceback|/dana_guards/|/dana2py/dana2py/|mistake of ours")
TIMEOUT = 0.5
"""Seconds for one program; a stop has to arrive within `SLACK` after that."""
SLACK = 8.0

NAMES = ["x", "y", "z", "f", "g", "p", "q", "d", "l", "s", "t", "class_", "_h", "dana_k_f", "format", "int", "len"]
ATTRIBUTES = [
    "x", "y", "format", "format_map", "mro", "append", "join", "sort", "extend", "update", "get", "keys", "items",
    "upper", "replace", "split", "index", "count", "pop", "insert", "copy", "func", "args", "gi_frame", "f_globals",
    "tb_frame", "co_consts", "obj", "message", "original", "type", "to_dict", "set_field_value", "spy", "open", "add",
    "secret", "mapping", "real", "start", "name", "class_", "_h", "dana_s_x", "ljust", "encode", "bit_length",
    "__class__", "__globals__", "__self__",
]  # fmt: skip
ATOMS = [
    "0", "1", "-7", "3.5", "1e308", "2 ** 70", '"a"', '"{0.__class__}"', '"%s%s"', '"\\n\\u2028"', "[]", "[1, 2]",
    "(1,)", "()", "{}", '{"x": 1, "__class__": 2}', "{1, 2}", "none", "true", "false", "range(5)", "range(10 ** 13)",
    "vault", "same", "len", "print(1)", "ValueError", 'ValueError("x")', "P", "P(x=1, y=2)", "R(state=1)", "int",
    "str", "list", "type(1)", "type", "lambda v :: v", "map(len, [[1]])", "zip([1], [2])", "enumerate([1])",
    '"a".join', "[3, 1].sort", '"{}".format', "{}.keys()", "public:k", "private:k", "system:k", "other", "other.f",
    "math", "math.sqrt", "math.py",
]  # fmt: skip
OPERATORS = [
    "+", "-", "*", "/", "//", "%", "**", "|", "&", "^", "<<", ">>", "==", "!=", "<", "<=", ">", ">=", "in", "not in",
    "is", "is not", "and", "or",
]  # fmt: skip
CALLS = [
    "len", "str", "int", "float", "list", "tuple", "set", "dict", "sorted", "sum", "min", "max", "any", "all", "map",
    "filter", "zip", "enumerate", "reversed", "range", "abs", "round", "type", "isinstance", "same", "case", "print",
    "noop",
]  # fmt: skip
TYPES = ["int", "float", "str", "bool", "list", "dict", "any", "P", "none"]


class Maker:
    """Makes one program."""

    def __init__(self, source: random.Random) -> None:
        self.random = source
        self.depth = 0

    def one(self, *choices: str) -> str:
        return self.random.choice(choices)

    def name(self) -> str:
        return self.random.choice(NAMES)

    # -- expressions -----------------------------------------------------------------------------

    def expression(self) -> str:
        self.depth += 1
        try:
            if self.depth > 4 or self.random.random() < 0.25:
                return self.random.choice(ATOMS) if self.random.random() < 0.5 else self.name()
            made: Callable[[], str] = self.random.choice(_EXPRESSIONS).__get__(self)
            return made()
        finally:
            self.depth -= 1

    def operation(self) -> str:
        return f"({self.expression()} {self.random.choice(OPERATORS)} {self.expression()})"

    def attribute(self) -> str:
        return f"{self.name_or_group()}.{self.random.choice(ATTRIBUTES)}"

    def method(self) -> str:
        return f"{self.attribute()}({self.arguments()})"

    def call(self) -> str:
        function = self.random.choice(CALLS) if self.random.random() < 0.6 else self.name_or_group()
        return f"{function}({self.arguments()})"

    def arguments(self) -> str:
        parts = [self.expression() for _ in range(self.random.choice((0, 1, 1, 1, 2, 2, 3)))]
        if self.random.random() < 0.1:
            parts.append(f"*{self.name_or_group()}")
        if self.random.random() < 0.1:
            parts.append(f"{self.one('x', 'key', 'sep', 'default', '__class__')}={self.expression()}")
        return ", ".join(parts)

    def name_or_group(self) -> str:
        return self.name() if self.random.random() < 0.6 else f"({self.expression()})"

    def item(self) -> str:
        return f"{self.name_or_group()}[{self.one(self.expression(), '0', '-1', '1:', '::2', self.expression() + ':')}]"

    def text(self) -> str:
        inner = self.expression().replace('"', "'").replace("\\", "")
        return f'f"{self.one("", "a", "{{")}{{{inner}{self.one("", "!r", "!a", ":>9", ":.2f", ":{x}", ":99999999")}}}"'

    def comprehension(self) -> str:
        tail = f"for {self.name()} in {self.expression()}{self.one('', f' if {self.expression()}')}"
        first, last = self.random.choice(("[]", "{}", "()"))
        return f"{first}{self.expression()} {tail}{last}"

    def display(self) -> str:
        parts = [self.expression() for _ in range(self.random.randrange(4))]
        return self.one(f"[{', '.join(parts)}]", f"({', '.join([*parts, ''])})" if parts else "()", f"[*{self.name()}]")

    def mapping(self) -> str:
        return "{" + f"{self.expression()}: {self.expression()}" + self.one("", f", **{self.name()}") + "}"

    def choice(self) -> str:
        return f"({self.expression()} if {self.expression()} else {self.expression()})"

    def function(self) -> str:
        return f"(lambda {self.name()} :: {self.expression()})"

    def pipe(self) -> str:
        return f"({self.expression()} | {self.expression()} | {self.name()})"

    # -- statements ------------------------------------------------------------------------------

    def block(self, indent: str, length: int = 3) -> Iterator[str]:
        for _ in range(self.random.randrange(1, length + 1)):
            yield from self.statement(indent)

    def statement(self, indent: str) -> Iterator[str]:
        if len(indent) > 12 or self.random.random() < 0.5:
            yield indent + self.simple()
            return
        kind = self.random.randrange(8)
        inner = indent + "    "
        if kind == 0:
            yield f"{indent}if {self.expression()}:"
            yield from self.block(inner)
            yield f"{indent}else:"
        elif kind == 1:
            yield f"{indent}for {self.one(self.name(), f'{self.name()}, {self.name()}')} in {self.expression()}:"
        elif kind == 2:
            yield f"{indent}while {self.expression()}:"
            yield from self.block(inner)
            yield f"{inner}break" if self.random.random() < 0.6 else f"{inner}pass"
            return
        elif kind == 3:
            yield f"{indent}try:"
            yield from self.block(inner)
            yield f"{indent}except {self.one('Exception', 'TypeError', self.expression(), '')} as e:".replace(
                "  as", ""
            )
            yield f"{inner}print(e, [e])" if self.random.random() < 0.5 else f"{inner}{self.name()} = e"
            yield f"{indent}finally:"
        elif kind == 4:
            guides = "".join(
                f", {name}: {self.random.choice(TYPES)}" for name in ("y", "z") if self.random.random() < 0.5
            )
            yield f"{indent}def {self.name()}(x{guides}{self.one('', ', s=1', ', *t')}):"
            yield from self.block(inner)
            yield f"{inner}return {self.expression()}"
            return
        elif kind == 5:
            yield f"{indent}with P(x={self.expression()}, y=1) as {self.name()}:"
        elif kind == 6 and not indent:
            yield f"def (p: P) {self.one('spy', 'format', 'm', 'x', 'keys')}({self.name()}) -> any:"
            yield f"    return {self.expression()}"
            return
        else:
            yield f"{indent}if {self.expression()}:"
        yield from self.block(inner)

    def simple(self) -> str:
        kind = self.random.randrange(12)
        target = self.one(
            self.name(), self.name(), f"{self.name()}[0]", self.attribute(), f"{self.name()}, {self.name()}"
        )
        if kind < 5:
            return f"{target} = {self.expression()}"
        if kind == 5:
            return f"{self.name()}: {self.random.choice(TYPES)} = {self.expression()}"
        if kind == 6:
            return f"{self.name()} {self.one('+', '*', '-', '|', '%')}= {self.expression()}"
        if kind == 7:
            return f"print({self.expression()})"
        if kind == 8:
            return self.one(f"raise {self.expression()}", f"assert {self.expression()}, {self.expression()}", "pass")
        if kind == 9:
            return self.one(f"del {target}", f"private:k = {self.expression()}", f"public:k = {self.expression()}")
        return self.expression()


_EXPRESSIONS = [
    Maker.operation, Maker.operation, Maker.attribute, Maker.method, Maker.method, Maker.call, Maker.call, Maker.item,
    Maker.text, Maker.comprehension, Maker.display, Maker.mapping, Maker.choice, Maker.function, Maker.pipe,
]  # fmt: skip

HEAD = """\
import other
import math.py
struct P:
    x: any
    y: int
resource R:
    z: any
x = 1
y = [1, 2]
z = "abc"
d = {"x": [1]}
l = [[1], ["a"]]
s = "text"
t = (1, "b")
p = P(x=[1], y=2)
q = R(z=p)
def f(v):
    return v
def g(v: int) -> int:
    return v + 1
"""
POOLS = {
    "": NAMES, "name": [*NAMES, *CALLS], "attribute": ATTRIBUTES, "type_name": TYPES, "dotted": ["other", "math"],
    "STRING": ['"a"', '""', '"%s%s"', '"{0.__class__}"'], "NUMBER": ["0", "1", "2", "1.5", "99999999"],
    "FSTRING_TEXT": ["a", ">9", ".2f", " "],
}  # fmt: skip
"""What a token may be in a program that is derived from the grammar, by the rule that it stands in."""
_PARTS = re.compile(r"\b[a-z_]+\b|\d+|\S")


def make(source: random.Random) -> str:
    """A program."""
    if source.random() < 0.4:
        return grammar_program(source, HEAD, POOLS)
    lines = HEAD.splitlines() + list(Maker(source).block("", 12))
    text = "\n".join(lines) + "\n"
    return damaged(text, source) if source.random() < 0.1 else text


def damaged(text: str, source: random.Random) -> str:
    """The same with some of it in other places, doubled, or gone."""
    for _ in range(source.randrange(1, 4)):
        spans = [found.span() for found in _PARTS.finditer(text)]
        (start, end), (first, last) = source.choice(spans), source.choice(spans)
        text = (
            text[:start] + source.choice(("", text[first:last], text[start:end] * 2, "\r", "ｅ", "\x00")) + text[end:]
        )
    return text


class Harm(NamedTuple):
    """What must not happen."""

    what: str
    program: str


class Vault:
    """The canary object."""

    def __init__(self) -> None:
        self.open = "shown"
        self.secret = SECRET

    def add(self, value: object = 0) -> object:
        """The method that is shown."""
        return value


def run(program: str, folder: Path, closed: bool) -> str | None:
    """What harm a program did, or None.

    Parameters
    ----------
    folder : with ``other.na`` and the canary file.
    closed : as a module, with all optimisations, instead of a text.
    """
    printed: list[str] = []
    vault = Vault()
    told = ""
    start = time.monotonic()
    with DanaRuntime().create_context(
        on_print=printed.append, timeout=TIMEOUT, max_memory="200MB", max_output="100KB", search_paths=[folder],
        functions={"same": lambda value=None: value},
    ) as context:  # fmt: skip
        context.expose("vault", vault, attrs=["open"], methods=["add"])
        try:
            if closed:
                (folder / "program.na").write_text(program, encoding="utf-8", newline="")
                context.import_module("program")
            else:
                context.eval_dana(program)
        except DanaError as error:
            told = f"{type(error).__name__} {error} {error.hint}"
        except BaseException as error:
            return f"{type(error).__name__}: {error}"
    if time.monotonic() - start > TIMEOUT + SLACK:
        return "it ran on after its time"
    if (vault.open, vault.secret) != ("shown", SECRET) or (folder / "canary.txt").read_text() != SECRET:
        return "a canary was touched"
    shown = "".join(printed)
    found = next((word for word in SHOWN if word in shown or word in told), None)
    if found is not None:
        return f"it was shown {found!r}: {told}"
    return f"told of ours: {told}" if OURS.search(told) else None


def fuzz(seconds: float, seed: int, last: Path | None = None, most: int = 10**9) -> tuple[int, Harm | None]:
    """Run programs until the time is over or one does harm: how many, and which."""
    source = random.Random(seed)
    end = time.monotonic() + seconds
    os.environ["DANA_CANARY"] = SECRET
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "canary.txt").write_text(SECRET)
        (folder / "other.na").write_text("k = 1\ndef f(x):\n    return x\n")
        count = 0
        while time.monotonic() < end and count < most:
            program = make(source)
            if last is not None:
                last.write_text(program, encoding="utf-8")
            count += 1
            harm = run(program, folder, closed=count % 2 == 0)
            if harm is not None:
                return count, Harm(harm, program)
    return count, None


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Run random Dana programs and look for harm.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--last", type=Path, help="where to write each program before it runs")
    options = parser.parse_args()
    count, harm = fuzz(options.seconds, options.seed, options.last)
    print(f"{count} programs, seed {options.seed}: {'no harm' if harm is None else harm.what}")
    if harm is not None:
        print(harm.program)
    return harm is not None


if __name__ == "__main__":
    raise SystemExit(main())
