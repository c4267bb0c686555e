"""Calls of built-ins for which the types show a shorter way.

In: a call of a built-in name that nothing in the module rebinds, and the types of its arguments. Out: an
expression with the same value, or None. `int`, `float`, `str`, `min`, `max` and `isinstance` are functions of
ours in Dana (they know text that means a number, sizes, struct types); for the plain cases Python's own do.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from dana2py.specialise.forms import clone, either, hook, joined, place, simple, type_test
from dana2py.specialise.types import NUMBERS
from dana_guards.lattice import FLOAT, INT, STR, Type

EXACT_WORDS = frozenset(("str", "list", "dict", "float"))
"""Type words for which ``isinstance`` of an exact instance is true (a bool makes ``int`` less simple)."""


def shorter(
    node: ast.Call, types: Sequence[Type], limited: bool, is_builtin: Callable[[str], bool]
) -> ast.expr | None:
    """The shorter form of a call whose function is a name and whose arguments are specialised."""
    if not isinstance(node.func, ast.Name) or node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
        return None
    maker = _SHORTER.get((node.func.id, len(node.args)))
    if maker is None or not is_builtin(node.func.id):
        return None
    return maker(node, types, limited, is_builtin)


Maker = Callable[[ast.Call, Sequence[Type], bool, Callable[[str], bool]], ast.expr | None]


def _int(node: ast.Call, types: Sequence[Type], limited: bool, _: object) -> ast.expr | None:
    if limited and not types[0].is_only(NUMBERS):
        return None
    return hook(node, "_int_", node.args[0])


def _float(node: ast.Call, types: Sequence[Type], limited: bool, _: object) -> ast.expr | None:
    return hook(node, "_float_", node.args[0])


def _range(node: ast.Call, types: Sequence[Type], limited: bool, _: object) -> ast.expr | None:
    return hook(node, "_range_", *node.args)


def _str(node: ast.Call, types: Sequence[Type], limited: bool, _: object) -> ast.expr | None:
    if types[0].is_only(STR):
        return node.args[0]
    return joined(node, node.args[0]) if types[0].is_only(INT | FLOAT) else None


def _min(node: ast.Call, types: Sequence[Type], limited: bool, _: object) -> ast.expr | None:
    return _extreme(node, types, ast.Lt())


def _max(node: ast.Call, types: Sequence[Type], limited: bool, _: object) -> ast.expr | None:
    return _extreme(node, types, ast.Gt())


def _extreme(node: ast.Call, types: Sequence[Type], op: ast.cmpop) -> ast.expr | None:
    """``b if b < a else a``: what Python's ``min`` does, also with a nan."""
    first, second = node.args
    if not (simple(first) and simple(second)) or not all(kind.is_only(NUMBERS) for kind in types):
        return None
    test = ast.Compare(left=clone(second), ops=[op], comparators=[clone(first)], **place(node))
    return either(node, test, second, first)


def _isinstance(
    node: ast.Call, types: Sequence[Type], limited: bool, is_builtin: Callable[[str], bool]
) -> ast.expr | None:
    """``type(x) is str or isinstance(x, str)``: the plain case first."""
    value, word = node.args
    if not isinstance(word, ast.Name) or word.id not in EXACT_WORDS or not is_builtin(word.id):
        return None
    if not isinstance(value, ast.Name):
        return None
    return ast.BoolOp(op=ast.Or(), values=[type_test(clone(value), f"_{word.id}_"), node], **place(node))


_SHORTER: dict[tuple[str, int], Maker] = {
    ("int", 1): _int,
    ("float", 1): _float,
    **{("range", count): _range for count in (1, 2, 3)},
    ("str", 1): _str,
    ("min", 2): _min,
    ("max", 2): _max,
    ("isinstance", 2): _isinstance,
}
