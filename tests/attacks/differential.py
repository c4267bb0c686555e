"""Programs made at random that have to mean the same with and without optimisations.

In: a seed and a number of seconds. Out: how many programs ran, and the first whose output, errors or lines of errors
differ. Programs are mostly well typed, so that they get far; now and then a value of another type comes in, a global
changes its type, a name of a built-in gets another meaning.

    python -m tests.attacks.differential --seconds 600 --seed 7
"""

from __future__ import annotations

import argparse
import os
import random
import re
import tempfile
import time
from pathlib import Path

from dana_guards.errors import DanaError, DanaLimitError
from opendxa.dana import DanaRuntime

VARIABLES = {
    "int": ["i", "j", "G"], "float": ["x", "y"], "str": ["s", "u"], "list": ["l", "m"], "dict": ["d"], "P": ["p", "q"],
    "any": ["w"],
}  # fmt: skip
LITERALS = {
    "int": ["0", "1", "2", "-1", "7", "true"], "float": ["0.5", "1.0", "-2.5"], "str": ['"a"', '""', '"12"', '"no"'],
    "list": ["[]", "[1, 2, 3]", "[1.5, 2]", '[1, "a"]', "[true, 2]"], "dict": ["{}", '{"x": 1}', "{1: 2}"],
    "P": ["P(x=1, y=2)", 'P(x=3, y="a")'], "any": ["none", "1", '"a"', "[1]", "0.5", "(1, 2)"],
    "bool": ["true", "false"],
}  # fmt: skip
FORMS = {
    "int": [
        "({int} + {int})", "({int} - {int})", "({int} * {int})", "({int} // {int})", "({int} % 3)", "len({list})",
        "sum({list})", "{P}.x", "{P}.bump({int})", "{list}[0]", "abs({int})", "max({int}, {int})",
        "{list}.count({int})",
        "({int} if {bool} else {int})", "({int} + (lambda k :: k + {int})({int}))", "({int} + {call})",
    ],
    "float": ["({float} + {int})", "({float} * {float})", "({int} / {float})", "float({int})", "round({float}, 2)"],
    "str": [
        "({str} + {str})", "({str} + {any})", 'f"{{{any:v}}}|{{{int:v}}}"', "str({any})", "{str}.upper()",
        "({str} * 2)",
        "({str} + {call})", '"-".join(map(str, {list}))',
    ],
    "list": [
        "({list} + {list})", "({list} * 2)", "[k * 2 for k in {list}]", "[k for k in range(3) if k != {int}]",
        "sorted({list})", "{list}[1:]", "list(map(lambda k :: k + {int}, {list}))",
        "(({list} * 2) + grow({list:v}, {int}))",
    ],
    "dict": ['{{"x": {int}, "y": {any}}}', "{{k: k for k in {list}}}"],
    "P": ["P(x={int}, y={any})"],
    "any": ["{int}", "{float}", "{str}", "{list}", "{P}", "{bool}", "{P}.y", "({any} + {any})", "({any} * {any})"],
    "bool": ["{int} < {int}", "{int} == {float}", "{str} != {str}", "{int} in {list}", "not {bool}", "{any}",
             "isinstance({any:v}, int)", "{bool} and {bool}", "{any:v} is none"],
}  # fmt: skip
STATEMENTS = [
    "{int:v} = {int}", "{float:v} = {float}", "{str:v} = {str}", "{list:v} = {list}", "{P:v} = {P}", "w = {any}",
    "{int:v} += {int}", "{str:v} += {str}", "{list:v} += {list}", "{float:v} *= {float}", "{P:v}.x = {int}",
    "{P:v}.y = {any}", "{list:v}.append({any})", "{list:v}[0] = {any}", "public:z = {any}\nw = public:z", "l = m",
    "i, j = j, {int}", "print({any})", "w = {call}", "k: float = {any}\nw = k",
    "for i in {list}:\n    {block}", "for j in range(4):\n    {block}", "if {bool}:\n    {block}\nelse:\n    {block}",
    "try:\n    {block}\nexcept Exception as w:\n    {block}", "while i < 3:\n    i += 1\n    {block}",
    "def inner(k):\n    return {any}\nw = inner({any})", "if {bool}:\n    return {any}",
    "w = ({list:v} * 2) + (lambda k :: {list:v}.append(k) or {list})({int})",
    "w = ({any} / {any}) + (lambda k :: print(k) or {any})({int})",
]  # fmt: skip
HEAD = """struct P:
    x: int
    y: any
def (p: P) bump(n: int) -> int:
    p.x = p.x + n
    return p.x
def grow(items, item):
    items.append(item)
    return [item] if item else 0
G = 3
"""
NEW_MEANINGS = [
    "",
    "",
    "",
    "def len(v):\n    return 5\n",
    "def str(v):\n    return 7\n",
    'def sum(v):\n    return "s"\n',
]
_PLACE = re.compile(r"( *)\{(\w+)(:v)?\}")


class Maker:
    """Makes one program."""

    def __init__(self, source: random.Random) -> None:
        self.random = source
        self.functions: list[tuple[str, list[str]]] = []

    def fill(self, form: str, depth: int) -> str:
        """A form with something in each of its places; ``{{`` is a brace."""

        def put(match: re.Match[str]) -> str:
            blanks, kind, variable = match.groups()
            if kind == "block":
                return "\n".join(blanks + line for line in self.block(depth - 1).split("\n"))
            return blanks + (self.variable(kind) if variable else self.expression(kind, depth - 1))

        inner = _PLACE.sub(
            put, form.replace("{{{", "\0{").replace("}}}", "}\1").replace("{{", "\0").replace("}}", "\1")
        )
        return inner.replace("\0", "{").replace("\1", "}")

    def variable(self, kind: str) -> str:
        """A variable that holds a value of that kind, most of the time."""
        return self.random.choice(VARIABLES[kind if self.random.random() < 0.95 else "any"])

    def expression(self, kind: str, depth: int) -> str:
        """An expression of that kind, most of the time."""
        if kind == "call":
            return self.call(depth)
        if self.random.random() < 0.03:
            kind = self.random.choice(list(FORMS))
        if depth > 0 and self.random.random() < 0.7:
            return self.fill(self.random.choice(FORMS[kind]), depth)
        if kind in VARIABLES and self.random.random() < 0.7:
            return self.variable(kind)
        return self.random.choice(LITERALS[kind])

    def call(self, depth: int) -> str:
        """A call of a function that is there already."""
        if not self.functions:
            return "abs(-1)"
        name, kinds = self.random.choice(self.functions)
        return f"{name}({', '.join(self.expression(kind, depth - 1) for kind in kinds)})"

    def block(self, depth: int) -> str:
        """One to three statements; none with a block of its own where it is deep enough."""
        forms = STATEMENTS if depth > 0 else [form for form in STATEMENTS if "\n" not in form]
        count = self.random.randint(1, 3)
        return "\n".join(self.fill(self.random.choice(forms), max(depth, 1)) for _ in range(count))

    def function(self, name: str) -> str:
        """A function with typed parameters, and all variables bound."""
        kinds = self.random.sample(list(VARIABLES), self.random.randint(1, 4))
        given = {VARIABLES[kind][0]: kind for kind in kinds if kind != "int"} | {"j": "int"}
        head = ", ".join(f"{each}: {kind}" if self.random.random() < 0.8 else each for each, kind in given.items())
        variables = [(each, kind) for kind, names in VARIABLES.items() for each in names if each != "G"]
        lines = [f"{each} = {self.random.choice(LITERALS[kind])}" for each, kind in variables if each not in given]
        lines += [self.block(2) for _ in range(3)] + [f"return {self.expression('any', 2)}"]
        body = "\n".join(lines).replace("\n", "\n    ")
        self.functions.append((name, list(given.values())))
        return f"def {name}({head}):\n    {body}\n"

    def program(self) -> str:
        """Functions, and calls of them whose results and errors are printed."""
        text = HEAD + self.random.choice(NEW_MEANINGS)
        text += "".join(f"{each} = {LITERALS[kind][0]}\n" for kind, all_of in VARIABLES.items() for each in all_of[:2])
        text += "".join(map(self.function, "fgh"[: self.random.randint(1, 3)]))
        for _ in range(7):
            text += (
                f"try:\n    print({self.call(1)}, G)\nexcept Exception as e:\n    print(e.type, e.message, e.line)\n"
            )
            if self.random.random() < 0.2:
                text += f"G = {self.random.choice(LITERALS['any'])}\n"
        return text


def outcome(text: str, folder: Path, setting: str) -> tuple[str, str]:
    """What a program prints, and the error that ends it, with optimisations ``on`` or ``off``."""
    printed: list[str] = []
    (folder / "made.na").write_text(text, encoding="utf-8")
    before = os.environ.get("DANA2PY_OPTIMISE")
    os.environ["DANA2PY_OPTIMISE"] = setting
    try:
        with DanaRuntime().create_context(on_print=printed.append, search_paths=[folder], timeout="10s") as context:
            context.import_module("made")
    except DanaLimitError:
        return "", "limit"  # where exactly a limit stops a program is nobody's promise
    except DanaError as error:
        return "".join(printed), f"{type(error).__name__}: {error}"
    finally:
        os.environ.pop("DANA2PY_OPTIMISE")
        if before is not None:
            os.environ["DANA2PY_OPTIMISE"] = before
    return "".join(printed), ""


def compare(seconds: float, seed: int, most: int | None = None) -> tuple[int, str | None]:
    """Programs until the time is over; gives how many ran, and the first that differs, with both outcomes."""
    end, count = time.monotonic() + seconds, 0
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end and count != most:
            text = Maker(random.Random(f"{seed}-{count}")).program()
            plain, optimised = (outcome(text, Path(folder), setting) for setting in ("off", "on"))
            count += 1
            if plain != optimised:
                return count, f"{text}\n--- without optimisations\n{plain}\n--- with\n{optimised}"
    return count, None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    ran, different = compare(options.seconds, options.seed)
    print(different or "no difference", f"{ran} programs", sep="\n")
