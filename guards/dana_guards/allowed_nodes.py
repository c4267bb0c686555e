"""The Python ast nodes that guarded code may consist of.

In: nothing. Out: tables by node class. What has to hold for each node beyond its class is `dana_guards.transform`.
"""

from __future__ import annotations

import ast
from typing import Final

ALLOWED_NODES: Final[frozenset[type[ast.AST]]] = frozenset(
    {
        ast.Module, ast.FunctionDef, ast.Lambda, ast.arguments, ast.arg, ast.keyword, ast.Return, ast.Delete,
        ast.Assign, ast.AugAssign, ast.For, ast.While, ast.If, ast.With, ast.withitem, ast.Raise, ast.Try,
        ast.ExceptHandler, ast.Global, ast.Nonlocal, ast.Expr, ast.Pass, ast.Break, ast.Continue, ast.BoolOp,
        ast.NamedExpr, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Dict, ast.Set, ast.ListComp, ast.SetComp,
        ast.DictComp, ast.comprehension, ast.Compare, ast.Call, ast.FormattedValue, ast.JoinedStr, ast.Constant,
        ast.Attribute, ast.Subscript, ast.Starred, ast.Name, ast.List, ast.Tuple, ast.Slice,
        ast.Load, ast.Store, ast.Del, ast.And, ast.Or, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.Pow,
        ast.LShift, ast.RShift, ast.BitOr, ast.BitXor, ast.BitAnd, ast.FloorDiv, ast.Invert, ast.Not, ast.UAdd,
        ast.USub, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.In, ast.NotIn,
    }
)  # fmt: skip
"""Everything else is refused: a node of a new Python too, until somebody has looked at it. Left out on purpose:
``class`` (structs come from ``_struct_``), ``import`` (``_import_``), ``async``, ``await``, ``yield`` and generator
expressions (a generator or coroutine holds a frame), ``match`` (calls ``__match_args__``), ``assert``, ``except*``
(CVE-2025-22153), annotations of variables, ``@``, template strings, type parameters."""

LEAVES: Final = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)

PLAIN_NODES: Final[frozenset[type[ast.AST]]] = frozenset(
    {
        ast.Starred, ast.If, ast.While, ast.Try, ast.Return, ast.Expr, ast.Pass, ast.Break, ast.Continue, ast.BoolOp,
        ast.UnaryOp, ast.IfExp,
    }
)  # fmt: skip
"""Of these only the parts are looked at."""

HINTS: Final[dict[str, str]] = {
    "GeneratorExp": "write a list comprehension",
    "ClassDef": "declare a struct",
    "Yield": "build a list and return it",
    "YieldFrom": "build a list and return it",
    "AugAssign": "write it as a plain assignment",
}


def described(node: ast.AST) -> str:
    """A node for a message: ``class``, ``yield``, else the name of its class."""
    kind = type(node).__name__
    return {"ClassDef": "class", "Yield": "yield", "YieldFrom": "yield from", "Import": "import", "ImportFrom": "from",
            "Match": "match", "Await": "await", "Assert": "assert", "TryStar": "except*", "AnnAssign": "annotation",
            "GeneratorExp": "generator expression"}.get(kind, kind)  # fmt: skip
