"""Lowering of expressions: one method per node, Dana in, Python out.

Python's own operator stands for Dana's wherever they agree; where Dana means more (text and numbers
in ``+``, dict keys as attributes) the node is marked and `dana2py.specialise` spells it out.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from dana2py import nodes
from dana2py.bindings import function_line, lookup, python_name
from dana2py.lower.base import LOAD, Lowering
from dana2py.lower.pyast import At, again, arguments

BINARY: dict[str, type[ast.operator]] = {
    "+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div, "//": ast.FloorDiv, "%": ast.Mod, "**": ast.Pow,
    "|": ast.BitOr, "&": ast.BitAnd, "^": ast.BitXor, "<<": ast.LShift, ">>": ast.RShift,
}  # fmt: skip
UNARY: dict[str, type[ast.unaryop]] = {"+": ast.UAdd, "-": ast.USub, "~": ast.Invert, "not": ast.Not}
COMPARE: dict[str, type[ast.cmpop]] = {
    "==": ast.Eq, "!=": ast.NotEq, "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE,
    "in": ast.In, "not in": ast.NotIn, "is": ast.Is, "is not": ast.IsNot,
}  # fmt: skip
CHAIN = 24
"""Operators of one chain, or stages of one pipeline, that nest."""
IDENTITY = frozenset(("is", "is not"))
COERCING = frozenset(("==", "!=", "<", "<=", ">", ">="))
METHODS = frozenset(name for kind in (str, list, dict, set, tuple, int, float) for name in dir(kind))
CONVERSIONS = {None: -1, "s": 115, "r": 114, "a": 97}


def opaque(node: ast.expr, identity: bool = False) -> ast.expr:
    """A literal behind a test that is always true.

    Python's ``compile`` prints a SyntaxWarning to the host for ``x is 1``, ``1(2)`` or ``{1}[0]``, and turns
    it into an error where the host asked for that. In Dana these are ordinary (if odd) programs.
    """
    common = identity and isinstance(node, ast.Constant) and type(node.value) in (bool, type(None))
    if (isinstance(node, _LITERALS) and not common) or _folds(node):
        place = {name: getattr(node, name) for name in node._attributes}
        true, none = ast.Constant(value=True, **place), ast.Constant(value=None, **place)
        return ast.IfExp(test=true, body=node, orelse=none, **place)
    return node


def _folds(node: ast.expr) -> bool:
    """Whether Python may compute an operation on literals when it compiles, and then warn as about a literal."""
    match node:
        case ast.BinOp():
            return all(_folds(part) or isinstance(part, _LITERALS) for part in (node.left, node.right))
        case ast.UnaryOp():
            return _folds(node.operand) or isinstance(node.operand, _LITERALS)
        case ast.Subscript():
            return _folds(node.value) or isinstance(node.value, (*_LITERALS, ast.IfExp))
    return False


_LITERALS = (
    ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp,
    ast.Lambda,
)  # fmt: skip


class Expressions(Lowering):
    """``lower_<Node>`` for every expression except compositions."""

    def lower_Constant(self, node: nodes.Constant) -> ast.expr:
        """Numbers, text, truth values, none."""
        return self.at(node).constant(node.value)

    def lower_Name(self, node: nodes.Name) -> ast.expr:
        """An unscoped name."""
        return self.load_name(node, node.name)

    def lower_FString(self, node: nodes.FString) -> ast.expr:
        """An f-string stays an f-string."""
        at = self.at(node)
        values: list[ast.expr] = []
        for part in node.parts:
            if isinstance(part, str):
                values.append(at.constant(part))
                continue
            if part.debug is not None:
                values.append(at.constant(part.debug))
            values.append(self.field(part))
        return ast.JoinedStr(values=values, **at.place)

    def field(self, node: nodes.FormatField) -> ast.expr:
        """``{value!conversion:spec}``; ``{x=}`` shows the repr as Python does."""
        conversion = node.conversion
        if node.debug is not None and conversion is None and node.spec is None:
            conversion = "r"
        spec = None if node.spec is None else self.lower_FString(node.spec)
        place = self.at(node).place
        return ast.FormattedValue(
            value=self.expr(node.value), conversion=CONVERSIONS[conversion], format_spec=spec, **place
        )

    def lower_ListExpr(self, node: nodes.ListExpr) -> ast.expr:
        """``[items]``."""
        return self.at(node).list(self.exprs(node.items))

    def lower_TupleExpr(self, node: nodes.TupleExpr) -> ast.expr:
        """``(items)``."""
        return self.at(node).tuple(self.exprs(node.items))

    def lower_SetExpr(self, node: nodes.SetExpr) -> ast.expr:
        """``{items}``."""
        return ast.Set(elts=self.exprs(node.items), **self.at(node).place)

    def lower_DictExpr(self, node: nodes.DictExpr) -> ast.expr:
        """``{k: v}``; a key of None spreads."""
        keys = [None if key is None else self.expr(key) for key, _ in node.items]
        return ast.Dict(keys=keys, values=[self.expr(value) for _, value in node.items], **self.at(node).place)

    def lower_Starred(self, node: nodes.Starred) -> ast.expr:
        """``*value``."""
        return ast.Starred(value=self.expr(node.value), ctx=LOAD, **self.at(node).place)

    # -- operators -----------------------------------------------------------------------------

    def lower_UnaryOp(self, node: nodes.UnaryOp) -> ast.expr:
        """``-x``, ``not x``; a signed number is a constant."""
        operand = self.expr(node.operand)
        value = operand.value if isinstance(operand, ast.Constant) else None
        if node.op == "-" and isinstance(value, int | float) and not isinstance(value, bool):
            return self.at(node).constant(-value)
        return ast.UnaryOp(op=UNARY[node.op](), operand=operand, **self.at(node).place)

    def lower_BinOp(self, node: nodes.BinOp) -> ast.expr:
        """``a op b``. A chain leans to the left: it is built from the bottom, without recursion.

        A long one would nest too deep for the passes behind this one (and for Python's own compiler), so it is cut:
        ``((t := a + b + …), (t := t + c + …), t + d)[-1]``.
        """
        chain: list[nodes.BinOp] = []
        left: nodes.Expr = node
        while isinstance(left, nodes.BinOp):
            chain.append(left)
            left = left.left
        result = self.expr(left)
        steps: list[ast.expr] = []
        name = self.temporary() if len(chain) > CHAIN else ""
        for number, part in enumerate(reversed(chain), 1):
            at = self.at(part)
            result = self.binary(at, result, part.op, self.expr(part.right))
            if number % CHAIN == 0 and number < len(chain):
                steps.append(at.walrus(name, result))
                result = at.load(name)
        if not steps:
            return result
        at = self.at(node)
        return at.subscript(at.tuple([*steps, result]), at.constant(-1))

    def binary(self, at: At, left: ast.expr, op: str, right: ast.expr) -> ast.expr:
        """One operator; ``|`` composes functions as well, ``+`` joins text and numbers (4.2, 4.8)."""
        if op == "|":
            return at.hook("_or_", left, right)
        result = at.binop(left, BINARY[op](), right)
        if op == "+":
            result.dana_op = True  # type: ignore[attr-defined]
        return result

    def lower_BoolOp(self, node: nodes.BoolOp) -> ast.expr:
        """``and``/``or`` give the deciding operand."""
        op = ast.And() if node.op == "and" else ast.Or()
        return self.at(node).boolean(op, self.exprs(node.values))

    def lower_Compare(self, node: nodes.Compare) -> ast.expr:
        """Comparisons chain."""
        operands = self.exprs((node.left, *node.comparators))
        if not IDENTITY.isdisjoint(node.ops):
            operands = [opaque(operand, identity=True) for operand in operands]
        result = ast.Compare(
            left=operands[0],
            ops=[COMPARE[op]() for op in node.ops],
            comparators=operands[1:],
            **self.at(node).place,
        )
        if not COERCING.isdisjoint(node.ops):
            result.dana_op = True  # type: ignore[attr-defined]
        return result

    def lower_Conditional(self, node: nodes.Conditional) -> ast.expr:
        """``x if c else y`` uses plain truth (5.4)."""
        return self.at(node).conditional(self.expr(node.test), self.expr(node.body), self.expr(node.orelse))

    def lower_Walrus(self, node: nodes.Walrus) -> ast.expr:
        """``(name := value)`` binds in the function around."""
        return self.at(node).walrus(self.local_name(node.name), self.expr(node.value))

    # -- access and calls ----------------------------------------------------------------------

    def lower_Attribute(self, node: nodes.Attribute) -> ast.expr:
        """``x.name``: an attribute, else the key of a dict (4.4)."""
        result = self.at(node).attribute(self.expr(node.value), python_name(node.name))
        result.dana_attr = True  # type: ignore[attr-defined]
        return result

    def lower_Index(self, node: nodes.Index) -> ast.expr:
        """``x[i]``."""
        return self.at(node).subscript(opaque(self.expr(node.value)), self.expr(node.index))

    def lower_Slice(self, node: nodes.Slice) -> ast.expr:
        """``a:b:c``; bounds clamp as in Python."""
        parts = [None if part is None else self.expr(part) for part in (node.lower, node.upper, node.step)]
        return ast.Slice(lower=parts[0], upper=parts[1], step=parts[2], **self.at(node).place)

    def lower_Call(self, node: nodes.Call) -> ast.expr:
        """``f(args)``; ``x.m(args)`` may find a function of the scope (4.5, 7.3)."""
        at = self.at(node)
        args, keywords = self.exprs(node.args), self.keywords(node.keywords)
        if not isinstance(node.func, nodes.Attribute):
            return at.call(opaque(self.expr(node.func)), args, keywords)
        func = self.at(node.func).attribute(self.expr(node.func.value), python_name(node.func.name))
        call = at.call(func, args, keywords)
        call.dana_call = self.fallback(node.func)  # type: ignore[attr-defined]
        return call

    def fallback(self, node: nodes.Attribute) -> ast.expr | None:
        """The function of the scope that answers ``x.name(…)`` when x has no such method.

        A function that is defined further down may not exist yet, so where the name is one that values have
        as a method anyway, that is what is meant.
        """
        binding = lookup(self.scope, node.name)
        line = function_line(self.scope, node.name)
        if binding is None or line is None or binding.kind not in ("local", "module"):
            return None
        if line > node.span.line and (node.name in METHODS or self.scope.function().kind == "module"):
            return None
        return self.bound(self.at(node), binding)

    def keywords(self, keywords: Sequence[nodes.Keyword]) -> list[ast.keyword]:
        """``name=value`` and ``**value``."""
        return [
            ast.keyword(
                arg=None if item.name is None else python_name(item.name),
                value=self.expr(item.value),
                **self.at(item).place,
            )
            for item in keywords
        ]

    # -- functions and comprehensions ----------------------------------------------------------

    def parameters(
        self, params: Sequence[nodes.Param], receiver: nodes.Receiver | None, late: bool = False
    ) -> tuple[ast.arguments, list[nodes.Param]]:
        """A parameter list; with it the parameters whose default has to be made at the call.

        A parameter without default may follow one with (6.1): it gets the marker ``_missing_`` so that
        Python accepts the order, and the body complains.
        """
        result = arguments()
        names = [] if receiver is None else [self.at(receiver).arg(python_name(receiver.name))]
        required: list[nodes.Param] = []
        for param in params:
            at = self.at(param)
            if param.kind == "star":
                result.vararg = at.arg(python_name(param.name))
            elif param.kind == "double_star":
                result.kwarg = at.arg(python_name(param.name))
            elif result.vararg is not None:
                result.kwonlyargs.append(at.arg(python_name(param.name)))
                result.kw_defaults.append(None if param.default is None else self.expr(param.default))
            else:
                names.append(at.arg(python_name(param.name)))
                if param.default is not None:
                    result.defaults.append(self.expr(param.default))
                elif result.defaults:
                    result.defaults.append(at.load("_missing_"))
                    required.append(param)
        result.args = names
        return result, required

    def lower_Lambda(self, node: nodes.Lambda) -> ast.expr:
        """``lambda params :: body``."""
        args, _ = self.parameters(node.params, node.receiver)
        outside = self.scope
        self.scope = self.resolution.scopes[id(node)]
        body = self.expr(node.body)
        self.scope = outside
        return ast.Lambda(args=args, body=body, **self.at(node).place)

    def lower_Comprehension(self, node: nodes.Comprehension) -> ast.expr:
        """All four kinds; the targets have a scope of their own (4.7)."""
        outside, inside = self.scope, self.resolution.scopes[id(node)]
        clauses: list[ast.comprehension] = []
        for clause in node.clauses:
            iterable = self.expr(clause.iterable)
            self.scope = inside
            target = self.target(clause.target)
            conditions = self.exprs(clause.conditions)
            clauses.append(ast.comprehension(target=target, iter=iterable, ifs=conditions, is_async=0))
        element = self.expr(node.element)
        value = None if node.value is None else self.expr(node.value)
        self.scope = outside
        place = self.at(node).place
        if value is not None:
            return ast.DictComp(key=element, value=value, generators=clauses, **place)
        # A generator holds a frame and is no value of the closed world: what it would give comes as a list.
        kind = ast.SetComp if node.kind == "set" else ast.ListComp
        return kind(elt=element, generators=clauses, **place)

    def lower_Placeholder(self, node: nodes.Placeholder) -> ast.expr:
        """``$$``: the value that the composition put in place."""
        return self.piped_value()

    def piped_value(self) -> ast.expr:
        """What ``$$`` stands for here; the values of a star parameter are one tuple."""
        value = self.stage_value
        assert value is not None, "the resolver allows $$ in stages only"
        return again(value.value if isinstance(value, ast.Starred) else value)
