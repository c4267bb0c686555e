"""Guesses: what an unannotated parameter will probably be, from what its function does with it.

In: a lowered function and the structs of the module. Out: parameter → what to test for at the entry. A
guess changes no meaning: like an annotation it only chooses a test, and a wrong one goes to the general
version (`dana2py.specialise.entries`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from dana2py.specialise.facts import StructFacts

NUMBER = ("_int_", "_float_")
ARITHMETIC = (ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
METHODS = {
    **dict.fromkeys(("append", "sort", "insert", "extend", "reverse"), "_list_"),
    **dict.fromkeys(("keys", "values", "items", "get", "setdefault"), "_dict_"),
    **dict.fromkeys(
        ("upper", "lower", "strip", "split", "startswith", "endswith", "replace", "join", "isdigit", "title"), "_str_"
    ),
}


class Uses:
    """How one parameter is used: kinds that were seen, and the structs that have all its attributes."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()
        self.attributes: set[str] = set()

    def add(self, kind: str) -> None:
        """Note one use: a kind, or ``.name`` for an attribute."""
        if kind.startswith("."):
            self.attributes.add(kind[1:])
        else:
            self.kinds.add(kind)

    def guess(self, structs: dict[str, StructFacts]) -> tuple[str, ...]:
        """Names to test for, or nothing."""
        if self.attributes:
            owners = [
                struct.name for struct in structs.values() if all(name in struct.fields or name in struct.methods
                for name in self.attributes) and any(name in struct.fields for name in self.attributes)
            ]
            return (owners[0],) if len(owners) == 1 and not self.kinds else ()
        if self.kinds <= {"number", "int"} and self.kinds:
            return ("_int_",) if "int" in self.kinds else NUMBER
        return tuple(self.kinds) if len(self.kinds) == 1 else ()


def guesses(
    function: ast.FunctionDef, inside: Sequence[ast.AST], structs: dict[str, StructFacts]
) -> dict[str, tuple[str, ...]]:
    """Parameter → hooks or struct classes, one of which its value will probably have as type.

    ``inside`` are the nodes of the function's body.
    """
    uses = {arg.arg: Uses() for arg in function.args.args}
    # A loop often works on a copy of a parameter: what is done to the copy tells as much.
    for node in inside:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=source)) if source in uses:
                uses.setdefault(name, uses[source])
    for node in inside:
        for name, kind in probable(node):
            if name in uses:
                uses[name].add(kind)
    found = {arg.arg: uses[arg.arg].guess(structs) for arg in function.args.args}
    return {name: guess for name, guess in found.items() if guess}


def probable(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Pairs of a variable and what this node makes probable of it.

    An index by a variable, or an iteration, says nothing: lists, dicts and text have both, and a wrong guess sends
    every call to the general version.
    """
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=attr):
            kind = METHODS.get(attr)
            yield (name, kind) if kind is not None else (name, f".{attr}")
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str())):
            yield name, "_dict_"
        case ast.Call(func=ast.Name(id="range"), args=args):
            for arg in args:
                if isinstance(arg, ast.Name):
                    yield arg.id, "int"
        case ast.BinOp(op=op, left=left, right=right) if isinstance(op, ARITHMETIC):
            # Text takes part in ``%`` and ``*`` as well, but on the left of one and beside a count in the other.
            for part in (left, right):
                if isinstance(part, ast.Name):
                    yield part.id, "number"
        case ast.Compare(left=ast.Name(id=name), comparators=[ast.Constant(value=value)]):
            if type(value) in (int, float):
                yield name, "number"
