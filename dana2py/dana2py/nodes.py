"""The Dana syntax tree: one frozen dataclass per construct, each with its span.

In: nothing. Out: the classes that the tree builder makes, the resolver reads and the lowering
consumes. A node holds what the text says and nothing that was found out later: what a name means is
the resolver's answer (`dana2py.bindings`), not a field here.

Sequences are tuples, absent parts are ``None``. Section numbers refer to the language reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """A stretch of source text. Lines count from 1, columns are characters from 0."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Node:
    """Base of all nodes."""

    span: Span


class Expr(Node):
    """Base of expressions (section 4)."""

    __slots__ = ()


class Stmt(Node):
    """Base of statements (section 3)."""

    __slots__ = ()


# -- types in annotations (5.1) ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TypeName(Node):
    """``int``, ``list[int]``, ``Point``; ``None`` is the name ``"None"``."""

    name: str
    args: tuple[TypeExpr, ...] = ()


@dataclass(frozen=True, slots=True)
class TypeUnion(Node):
    """``int | str | None``."""

    members: tuple[TypeExpr, ...]


TypeExpr = TypeName | TypeUnion


# -- expressions (4) ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Constant(Expr):
    """A number, text, truth value or ``none``; the Python value itself."""

    value: int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class FormatField(Node):
    """``{value!r:spec}`` inside an f-string; ``conversion`` is ``"r"``, ``"s"``, ``"a"`` or None.

    ``debug`` is the text before the ``=`` of ``{x=}``, with the ``=``, or None.
    """

    value: Expr
    conversion: str | None = None
    spec: FString | None = None
    debug: str | None = None


@dataclass(frozen=True, slots=True)
class FString(Expr):
    """An f-string (1.6): text parts (escapes done) and fields in order."""

    parts: tuple[str | FormatField, ...]


@dataclass(frozen=True, slots=True)
class Name(Expr):
    """An unscoped name, read or assigned."""

    name: str


@dataclass(frozen=True, slots=True)
class ScopedName(Expr):
    """``private:x``; ``scope`` is ``local``, ``private``, ``public`` or ``system`` (2.1)."""

    scope: str
    name: str


@dataclass(frozen=True, slots=True)
class ListExpr(Expr):
    """``[a, *b]``, also as an assignment target."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class TupleExpr(Expr):
    """``(a, b)`` or a bare ``a, b``, also as an assignment target."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class SetExpr(Expr):
    """``{a, b}``."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class DictExpr(Expr):
    """``{k: v}``; a key of None marks ``**value``."""

    items: tuple[tuple[Expr | None, Expr], ...]


@dataclass(frozen=True, slots=True)
class Starred(Expr):
    """``*value`` in a literal, a call or an unpacking target."""

    value: Expr


@dataclass(frozen=True, slots=True)
class UnaryOp(Expr):
    """``op`` is ``+``, ``-``, ``~`` or ``not``."""

    op: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class BinOp(Expr):
    """``op`` is one of ``+ - * / // % ** | & ^ << >>``."""

    left: Expr
    op: str
    right: Expr


@dataclass(frozen=True, slots=True)
class BoolOp(Expr):
    """``a and b and c``: one node for a chain of one operator."""

    op: str
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Compare(Expr):
    """``a < b <= c``; ops are ``== != < <= > >= in``, ``not in``, ``is``, ``is not``."""

    left: Expr
    ops: tuple[str, ...]
    comparators: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Conditional(Expr):
    """``body if test else orelse``."""

    test: Expr
    body: Expr
    orelse: Expr


@dataclass(frozen=True, slots=True)
class Keyword(Node):
    """``name=value`` in a call; a name of None marks ``**value``."""

    name: str | None
    value: Expr


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """``func(args, keywords)`` (4.5)."""

    func: Expr
    args: tuple[Expr, ...] = ()
    keywords: tuple[Keyword, ...] = ()


@dataclass(frozen=True, slots=True)
class Attribute(Expr):
    """``value.name`` (4.4)."""

    value: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Index(Expr):
    """``value[index]``; the index may be a `Slice` or a `TupleExpr`."""

    value: Expr
    index: Expr


@dataclass(frozen=True, slots=True)
class Slice(Expr):
    """``lower:upper:step``, only inside an `Index`."""

    lower: Expr | None
    upper: Expr | None
    step: Expr | None


@dataclass(frozen=True, slots=True)
class Lambda(Expr):
    """``lambda (p: Point) x: int, y = 1 :: body`` (4.6)."""

    receiver: Receiver | None
    params: tuple[Param, ...]
    body: Expr


@dataclass(frozen=True, slots=True)
class Clause(Node):
    """``for target in iterable if c1 if c2`` of a comprehension."""

    target: Expr
    iterable: Expr
    conditions: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Comprehension(Expr):
    """``kind`` is ``list``, ``set``, ``dict`` or ``generator``; a dict has a key and a value (4.7)."""

    kind: str
    element: Expr
    value: Expr | None
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Walrus(Expr):
    """``(name := value)``."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Placeholder(Expr):
    """``$$``: the piped value inside a stage (6.5)."""


# -- simple statements (3) ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExprStmt(Stmt):
    """An expression as a statement."""

    value: Expr


@dataclass(frozen=True, slots=True)
class Assign(Stmt):
    """``t1 = t2 = value``; the targets in source order."""

    targets: tuple[Expr, ...]
    value: Expr


@dataclass(frozen=True, slots=True)
class TypedAssign(Stmt):
    """``target: annotation = value`` (5.2)."""

    target: Expr
    annotation: TypeExpr
    value: Expr


@dataclass(frozen=True, slots=True)
class AugAssign(Stmt):
    """``target op= value``; ``op`` without the ``=``."""

    target: Expr
    op: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Delete(Stmt):
    """``del a, b[0]``."""

    targets: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Pass(Stmt):
    """``pass``."""


@dataclass(frozen=True, slots=True)
class Break(Stmt):
    """``break``."""


@dataclass(frozen=True, slots=True)
class Continue(Stmt):
    """``continue``."""


@dataclass(frozen=True, slots=True)
class Return(Stmt):
    """``return value``; ``deliver`` is the same."""

    value: Expr | None


@dataclass(frozen=True, slots=True)
class Raise(Stmt):
    """``raise value from cause`` (3.4)."""

    value: Expr | None
    cause: Expr | None


@dataclass(frozen=True, slots=True)
class Assert(Stmt):
    """``assert test, message``."""

    test: Expr
    message: Expr | None


@dataclass(frozen=True, slots=True)
class Global(Stmt):
    """``global a, b``."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nonlocal(Stmt):
    """``nonlocal a, b``."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportName(Node):
    """``a.b.c as alias``; ``python`` when the text ends in ``.py`` (not part of ``module``)."""

    module: str
    python: bool
    alias: str | None


@dataclass(frozen=True, slots=True)
class Import(Stmt):
    """``import a.b as n, c.py`` (9.1)."""

    names: tuple[ImportName, ...]


@dataclass(frozen=True, slots=True)
class ImportFrom(Stmt):
    """``from ..m import x as y``; ``level`` counts the dots, ``star`` means ``*`` and no names."""

    module: str
    level: int
    python: bool
    names: tuple[tuple[str, str | None], ...]
    star: bool


@dataclass(frozen=True, slots=True)
class Export(Stmt):
    """``export a, b`` (9.4)."""

    names: tuple[str, ...]


# -- compound statements -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class If(Stmt):
    """``elif`` is an `If` alone in ``orelse``."""

    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class While(Stmt):
    """``while test: body`` with ``else`` as an extension."""

    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class For(Stmt):
    """``for target in iterable: body``; several targets are a `TupleExpr`."""

    target: Expr
    iterable: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Handler(Node):
    """``except kinds as name: body``; ``kinds`` is any expression, mostly a name or a tuple."""

    kinds: Expr | None
    name: str | None
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Try(Stmt):
    """``try`` in all forms (3.5)."""

    body: tuple[Stmt, ...]
    handlers: tuple[Handler, ...]
    orelse: tuple[Stmt, ...]
    finalbody: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class WithItem(Node):
    """``value as target``."""

    value: Expr
    target: Expr | None


@dataclass(frozen=True, slots=True)
class With(Stmt):
    """``with items: body`` (3.6)."""

    items: tuple[WithItem, ...]
    body: tuple[Stmt, ...]


# -- functions (6) -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Param(Node):
    """``kind`` is ``plain``, ``star`` (``*args``) or ``double_star`` (``**kwargs``)."""

    name: str
    annotation: TypeExpr | None = None
    default: Expr | None = None
    kind: str = "plain"


@dataclass(frozen=True, slots=True)
class Receiver(Node):
    """``(p: Point | Square)`` before a function's name or a lambda's parameters (7.3)."""

    name: str
    annotation: TypeExpr


@dataclass(frozen=True, slots=True)
class FunctionDef(Stmt):
    """``def`` and ``sync def``. A leading docstring is also the first statement of ``body``."""

    name: str
    receiver: Receiver | None
    params: tuple[Param, ...]
    returns: TypeExpr | None
    body: tuple[Stmt, ...]
    decorators: tuple[Expr, ...] = ()
    sync: bool = False
    docstring: str | None = None


@dataclass(frozen=True, slots=True)
class Stage(Node):
    """One stage of a composition: an expression, or a tuple of stages that run side by side."""

    value: Expr | tuple[Stage, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Composition(Stmt):
    """``def name(params) = stage | stage as n`` (6.5)."""

    name: str
    params: tuple[Param, ...]
    returns: TypeExpr | None
    stages: tuple[Stage, ...]


# -- declarations (7) --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field(Node):
    """``name: annotation = default  # comment``."""

    name: str
    annotation: TypeExpr
    default: Expr | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class StructDef(Stmt):
    """``kind`` is ``struct``, ``resource``, ``workflow`` or ``agent_blueprint`` (7.1 to 7.7)."""

    kind: str
    name: str
    fields: tuple[Field, ...]
    methods: tuple[FunctionDef, ...]
    docstring: str | None = None


@dataclass(frozen=True, slots=True)
class Signature(Node):
    """``area(scale: float) -> float`` inside an interface."""

    name: str
    params: tuple[Param, ...]
    returns: TypeExpr | None


@dataclass(frozen=True, slots=True)
class InterfaceDef(Stmt):
    """``interface Shape:`` with signatures and embedded interfaces (7.4)."""

    name: str
    signatures: tuple[Signature, ...]
    embedded: tuple[str, ...]
    docstring: str | None = None


@dataclass(frozen=True, slots=True)
class AgentDef(Stmt):
    """``agent Helper(Blueprint): overrides``; both names may be absent, not at once (7.7)."""

    name: str | None
    blueprint: str | None
    overrides: tuple[tuple[str, Expr], ...]
    docstring: str | None = None


@dataclass(frozen=True, slots=True)
class Module(Node):
    """A whole source file. ``strict`` is set by the pragma ``# dana: strict`` at its head."""

    body: tuple[Stmt, ...]
    docstring: str | None = None
    strict: bool = False
