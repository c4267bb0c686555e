"""Expression builder: the tree builder's half for expressions, strings and types.

In: what the parser reduces, as in `dana2py.tree_builder`, which inherits from here. Out: expression
nodes, with long chains folded by loops. What can be assigned to is decided here as well, because
targets are parsed as expressions.
"""

from __future__ import annotations

from typing import Any

from dana2py import nodes
from dana2py.lexer import Token
from dana2py.nodes import Span
from dana2py.source import Source

#: Links that one chain may have (``a + b + c``, ``a.b().c``, ``not not a``, ``a if b else c if …``):
#: later passes and Python's own compiler walk down such a chain link by link.
MAX_CHAIN = 500

Children = list[Any]


class ExpressionBuilder:
    """Builds expressions; see `dana2py.tree_builder.TreeBuilder` for the parameters.

    ``longest`` is the longest chain that was built.
    """

    def __init__(self, source: Source, comments: dict[int, str], strict: bool) -> None:
        self.source = source
        self.comments = comments
        self.strict = strict
        self.longest = 0
        # The span with its brackets of each bracketed node, which is kept so that its id stays its own.
        self.groups: dict[int, tuple[Span, nodes.Expr]] = {}

    def cover(self, first: Any, last: Any) -> Span:
        """The span from the start of one token or node to the end of another, with their brackets."""
        start = first.span
        end = last.span
        if self.groups:
            start = self.groups.get(id(first), (start,))[0]
            end = self.groups.get(id(last), (end,))[0]
        return tuple.__new__(Span, (start[0], start[1], end[2], end[3]))

    def error(self, message: str, at: Any, hint: str | None = None) -> Exception:
        """A syntax error at a token or node."""
        return self.source.error(message, at.span.line, at.span.column, hint)

    # -- lists and parts -----------------------------------------------------------------------

    def list_first(self, c: Children) -> list[Any]:
        """Start a list with its first item."""
        return [c[0]]

    def list_same(self, c: Children) -> list[Any]:
        """A list as it is."""
        return c[0]  # type: ignore[no-any-return]

    def list_more(self, c: Children) -> list[Any]:
        """``list item``: one more item."""
        c[0].append(c[1])
        return c[0]  # type: ignore[no-any-return]

    def list_next(self, c: Children) -> list[Any]:
        """``list separator item``: one more item."""
        c[0].append(c[2])
        return c[0]  # type: ignore[no-any-return]

    def list_pair(self, c: Children) -> list[Any]:
        """``item separator item``: start a list."""
        return [c[0], c[2]]

    def list_triple(self, c: Children) -> list[Any]:
        """``item operator item``: start a chain; operators stay between the items."""
        return c

    def list_two(self, c: Children) -> list[Any]:
        """``chain operator item``: two more links."""
        c[0] += (c[1], c[2])
        return c[0]  # type: ignore[no-any-return]

    def list_extend(self, c: Children) -> list[Any]:
        """``list list``: join them."""
        c[0].extend(c[1])
        return c[0]  # type: ignore[no-any-return]

    def first(self, c: Children) -> Any:
        """What stands first is all."""
        return c[0]

    def second(self, c: Children) -> Any:
        """What stands second is all."""
        return c[1]

    def third(self, c: Children) -> Any:
        """What stands third is all."""
        return c[2]

    # -- targets -------------------------------------------------------------------------------

    def value(self, node: Any) -> nodes.Expr:
        """A value that is not a lone ``*value``."""
        if type(node) is nodes.Starred:
            raise self.error("'*' can only unpack inside a list, tuple, set or call", node, "write [*value]")
        return node  # type: ignore[no-any-return]

    def check_place(self, target: Any, what: str) -> None:
        """Refuse everything that is not one single place to store a value."""
        if not isinstance(target, nodes.Name | nodes.ScopedName | nodes.Attribute | nodes.Index):
            raise self.error(
                f"{what} needs a single target, not {_described(target)}", target, "a name, an attribute or an index"
            )

    def check_target(self, target: Any, what: str = "assign to") -> None:
        """Refuse what cannot be assigned to (or deleted)."""
        kind = type(target)
        if kind in _PLACES:
            return
        if kind is nodes.TupleExpr or kind is nodes.ListExpr:
            stars = 0
            for item in target.items:
                if type(item) is nodes.Starred and what != "delete":
                    stars += 1
                    item = item.value
                self.check_target(item, what)
            if stars > 1:
                raise self.error("only one target of an unpacking can have a '*'", target)
            return
        if kind is nodes.Starred and what != "delete":
            raise self.error("a target with '*' must stand in a list or tuple", target, "write '*rest, = values'")
        hint = "write '==' to compare" if what == "assign to" else None
        raise self.error(f"cannot {what} {_described(target)}", target, hint)

    # -- expressions ---------------------------------------------------------------------------

    def bare_tuple(self, c: Children) -> nodes.Expr:
        """``value_list [","]`` or ``target_list [","]``."""
        items, comma = c
        return nodes.TupleExpr(self.cover(items[0], comma or items[-1]), tuple(items))

    def bare_single(self, c: Children) -> nodes.Expr:
        """``value ","`` or ``target ","``."""
        return nodes.TupleExpr(self.cover(c[0], c[1]), (c[0],))

    def starred(self, c: Children) -> nodes.Expr:
        """``"*" operand`` or ``"*" operand``."""
        return nodes.Starred(self.cover(c[0], c[1]), c[1])

    def walrus(self, c: Children) -> nodes.Expr:
        """``NAME ":=" expr``."""
        return nodes.Walrus(self.cover(c[0], c[2]), c[0].value, c[2])

    def check_chain(self, length: int, at: Any, what: str) -> None:
        """Refuse a chain of more than `MAX_CHAIN` links."""
        self.longest = max(self.longest, length)
        if length > MAX_CHAIN:
            raise self.error(
                f"a chain of more than {MAX_CHAIN} {what}", at, "split it, or join the parts with a loop or a function"
            )

    def branch(self, c: Children) -> tuple[nodes.Expr, nodes.Expr]:
        """``or_test "if" or_test "else"``."""
        return c[0], c[2]

    def conditional(self, c: Children) -> nodes.Expr:
        """``branches or_test`` or ``branches lambda``."""
        branches, value = c
        self.check_chain(len(branches), value, "conditional expressions")
        for body, test in reversed(branches):
            value = nodes.Conditional(self.cover(body, value), test, body, value)
        return value  # type: ignore[no-any-return]

    def lambda_expr(self, c: Children) -> nodes.Expr:
        """``"lambda" [receiver] [lambda_params] "::" test``."""
        word, receiver, params, _, body = c
        return nodes.Lambda(self.cover(word, body), receiver, tuple(params or ()), body)

    def bool_op(self, c: Children) -> nodes.Expr:
        """``or_list`` or ``and_list``."""
        parts = c[0]
        return nodes.BoolOp(self.cover(parts[0], parts[-1]), parts[1].value, tuple(parts[::2]))

    def unary(self, c: Children) -> nodes.Expr:
        """``nots comparison`` or ``signs primary``."""
        operators, value = c
        self.check_chain(len(operators), value, "signs")
        for operator in reversed(operators):
            value = nodes.UnaryOp(self.cover(operator, value), operator.value, value)
        return value  # type: ignore[no-any-return]

    def compare(self, c: Children) -> nodes.Expr:
        """``compare_list``."""
        parts = c[0]
        return nodes.Compare(self.cover(parts[0], parts[-1]), parts[0], tuple(parts[1::2]), tuple(parts[2::2]))

    def op_one(self, c: Children) -> str:
        """``("<" | ">" | "<=" | ">=" | "==" | "!=" | "in" | "is")``."""
        return c[0].value  # type: ignore[no-any-return]

    def op_two(self, c: Children) -> str:
        """``"not" "in"`` or ``"is" "not"``."""
        return f"{c[0].value} {c[1].value}"

    def binary_chain(self, c: Children) -> nodes.Expr:
        """``bit_or_list`` or ``bit_xor_list``."""
        parts = c[0]
        value = parts[0]
        self.check_chain(len(parts) // 2, value, f"operators like {parts[1].value!r}")
        for index in range(1, len(parts), 2):
            right = parts[index + 1]
            value = nodes.BinOp(self.cover(value, right), value, parts[index].value, right)
        return value  # type: ignore[no-any-return]

    def power_chain(self, c: Children) -> nodes.Expr:
        """``power_list``."""
        parts = c[0]
        value = parts[-1]
        self.check_chain(len(parts) // 2, value, "operators like '**'")
        for left in reversed(parts[:-1:2]):
            value = nodes.BinOp(self.cover(left, value), left, "**", value)
        return value  # type: ignore[no-any-return]

    # -- calls, indexes, attributes ------------------------------------------------------------

    def trailer_chain(self, c: Children) -> nodes.Expr:
        """``atom trailers``."""
        value, trailers = c
        if len(trailers) > self.longest:
            self.check_chain(len(trailers), value, "calls, indexes and attributes")
        start = self.cover(value, value)
        for kind, content, last in trailers:
            end = last.span
            span = tuple.__new__(Span, (start[0], start[1], end[2], end[3]))
            if kind == "attribute":
                value = nodes.Attribute(span, value, content)
            elif kind == "call":
                value = nodes.Call(span, value, *content)
            else:
                value = nodes.Index(span, value, content)
        return value  # type: ignore[no-any-return]

    def attribute(self, c: Children) -> tuple[str, Any, Any]:
        """``"." NAME``."""
        return "attribute", c[1].value, c[1]

    def call(self, c: Children) -> tuple[str, Any, Any]:
        """``"(" [arguments] ")"``."""
        arguments = c[1]
        if not arguments:
            return "call", (), c[2]
        keywords = tuple([argument for argument in arguments if type(argument) is nodes.Keyword])
        if keywords:
            arguments = [argument for argument in arguments if type(argument) is not nodes.Keyword]
        return "call", (tuple(arguments), keywords), c[2]

    def index(self, c: Children) -> tuple[str, Any, Any]:
        """``"[" subscripts "]"``."""
        return "index", self.value(c[1]), c[2]

    def generator_argument(self, c: Children) -> list[nodes.Expr]:
        """``expr clauses``."""
        return [nodes.Comprehension(self.cover(c[0], c[1][-1]), "generator", c[0], None, tuple(c[1]))]

    def keyword(self, c: Children) -> nodes.Keyword:
        """``NAME "=" expr``."""
        return nodes.Keyword(self.cover(c[0], c[2]), c[0].value, c[2])

    def keyword_rest(self, c: Children) -> nodes.Keyword:
        """``"**" expr``."""
        return nodes.Keyword(self.cover(c[0], c[1]), None, c[1])

    def slice_two(self, c: Children) -> nodes.Expr:
        """``[expr] ":" [expr]``."""
        lower, colon, upper = c
        return nodes.Slice(self.cover(lower or colon, upper or colon), lower, upper, None)

    def slice_three(self, c: Children) -> nodes.Expr:
        """``[expr] ":" [expr] ":" [expr]``."""
        lower, colon, upper, second, step = c
        return nodes.Slice(self.cover(lower or colon, step or second), lower, upper, step)

    def slice_step(self, c: Children) -> nodes.Expr:
        """``[expr] "::" [expr]``."""
        lower, colon, step = c
        return nodes.Slice(self.cover(lower or colon, step or colon), lower, None, step)

    # -- atoms ---------------------------------------------------------------------------------

    def name(self, c: Children) -> nodes.Expr:
        """``NAME``."""
        token = c[0]
        return nodes.Name(token[2], token[1])

    def scoped(self, c: Children) -> nodes.Expr:
        """``SCOPE ":" NAME``."""
        return nodes.ScopedName(self.cover(c[0], c[2]), c[0].value, c[2].value)

    def number(self, c: Children) -> nodes.Expr:
        """``NUMBER``."""
        token = c[0]
        return nodes.Constant(token[2], token[1])

    def true(self, c: Children) -> nodes.Expr:
        """``TRUE``."""
        return nodes.Constant(c[0].span, True)

    def false(self, c: Children) -> nodes.Expr:
        """``FALSE``."""
        return nodes.Constant(c[0].span, False)

    def none(self, c: Children) -> nodes.Expr:
        """``NONE``."""
        return nodes.Constant(c[0].span, None)

    def placeholder(self, c: Children) -> nodes.Expr:
        """``"$$"``."""
        return nodes.Placeholder(c[0].span)

    def group(self, c: Children) -> nodes.Expr:
        """``"(" named ")"``."""
        opening, value, closing = c
        self.groups[id(value)] = (self.cover(opening, closing), value)
        return value  # type: ignore[no-any-return]

    def empty_tuple(self, c: Children) -> nodes.Expr:
        """``"(" ")"``."""
        return nodes.TupleExpr(self.cover(c[0], c[1]), ())

    def tuple_expr(self, c: Children) -> nodes.Expr:
        """``"(" item_list [","] ")"``."""
        return nodes.TupleExpr(self.cover(c[0], c[3]), tuple(c[1]))

    def single_tuple(self, c: Children) -> nodes.Expr:
        """``"(" item "," ")"``."""
        return nodes.TupleExpr(self.cover(c[0], c[3]), (c[1],))

    def empty_list(self, c: Children) -> nodes.Expr:
        """``"[" "]"``."""
        return nodes.ListExpr(self.cover(c[0], c[1]), ())

    def list_expr(self, c: Children) -> nodes.Expr:
        """``"[" items "]"``."""
        return nodes.ListExpr(self.cover(c[0], c[2]), tuple(c[1]))

    def set_expr(self, c: Children) -> nodes.Expr:
        """``"{" items "}"``."""
        return nodes.SetExpr(self.cover(c[0], c[2]), tuple(c[1]))

    def empty_dict(self, c: Children) -> nodes.Expr:
        """``"{" "}"``."""
        return nodes.DictExpr(self.cover(c[0], c[1]), ())

    def dict_expr(self, c: Children) -> nodes.Expr:
        """``"{" pair_list [","] "}"``."""
        return nodes.DictExpr(self.cover(c[0], c[3]), tuple(c[1]))

    def pair(self, c: Children) -> tuple[nodes.Expr, nodes.Expr]:
        """``expr ":" expr``."""
        return c[0], c[2]

    def pair_rest(self, c: Children) -> tuple[None, nodes.Expr]:
        """``"**" operand``."""
        return None, c[1]

    def generator(self, c: Children) -> nodes.Expr:
        """``"(" named clauses ")"``."""
        return nodes.Comprehension(self.cover(c[0], c[3]), "generator", c[1], None, tuple(c[2]))

    def list_comprehension(self, c: Children) -> nodes.Expr:
        """``"[" named clauses "]"``."""
        return nodes.Comprehension(self.cover(c[0], c[3]), "list", c[1], None, tuple(c[2]))

    def set_comprehension(self, c: Children) -> nodes.Expr:
        """``"{" named clauses "}"``."""
        return nodes.Comprehension(self.cover(c[0], c[3]), "set", c[1], None, tuple(c[2]))

    def dict_comprehension(self, c: Children) -> nodes.Expr:
        """``"{" pair clauses "}"``."""
        (key, value), clauses = c[1], c[2]
        return nodes.Comprehension(self.cover(c[0], c[3]), "dict", key, value, tuple(clauses))

    def dict_comprehension_old(self, c: Children) -> nodes.Expr:
        """``"{" "(" expr ":" expr ")" clauses "}"``."""
        opening, _, key, _, value, _, clauses, closing = c
        return nodes.Comprehension(self.cover(opening, closing), "dict", key, value, tuple(clauses))

    def clause(self, c: Children) -> nodes.Clause:
        """``"for" targets "in" or_test [conditions]``."""
        word, target, _, iterable, conditions = c
        self.check_target(target)
        last = conditions[-1] if conditions else iterable
        return nodes.Clause(self.cover(word, last), target, iterable, tuple(conditions or ()))

    # -- strings -------------------------------------------------------------------------------

    def strings(self, c: Children) -> nodes.Expr:
        """Adjacent strings are one; with an f-string among them the whole is one."""
        pieces = c[0]
        span = self.cover(pieces[0], pieces[-1])
        if all(type(piece) is Token for piece in pieces):
            return nodes.Constant(span, "".join([piece.value for piece in pieces]))
        parts: list[str | nodes.FormatField] = []
        for piece in pieces:
            parts.extend((piece.value,) if type(piece) is Token else piece.parts)
        return nodes.FString(span, _joined(parts))

    def fstring(self, c: Children) -> nodes.FString:
        """``FSTRING_START [fstring_parts] FSTRING_END``."""
        return nodes.FString(self.cover(c[0], c[2]), _parts(c[1]))

    def field(self, c: Children) -> nodes.FormatField:
        """``FIELD_START named_values [FIELD_DEBUG] [FIELD_CONVERSION] [field_spec] FIELD_END``."""
        start, value, debug, conversion, spec, end = c
        return nodes.FormatField(
            self.cover(start, end), self.value(value), conversion and conversion.value, spec, debug and debug.value
        )

    def field_spec(self, c: Children) -> nodes.FString:
        """``FIELD_SPEC [fstring_parts]``."""
        colon, parts = c
        return nodes.FString(self.cover(colon, parts[-1] if parts else colon), _parts(parts))

    # -- types ---------------------------------------------------------------------------------

    def type_union(self, c: Children) -> nodes.TypeUnion:
        """``type_list``."""
        members = c[0]
        return nodes.TypeUnion(self.cover(members[0], members[-1]), tuple(members))

    def type_plain(self, c: Children) -> nodes.TypeName:
        """``type_name``."""
        return nodes.TypeName(self.cover(c[0][0], c[0][-1]), _type_name(c[0]))

    def type_generic(self, c: Children) -> nodes.TypeName:
        """``type_name "[" type_args [","] "]"``."""
        name, _, arguments, _, closing = c
        return nodes.TypeName(self.cover(name[0], closing), _type_name(name), tuple(arguments))


_PLACES = frozenset({nodes.Name, nodes.ScopedName, nodes.Attribute, nodes.Index})

_DESCRIPTIONS = {
    nodes.Constant: "a literal",
    nodes.FString: "an f-string",
    nodes.Call: "a call",
    nodes.BinOp: "an expression",
    nodes.BoolOp: "an expression",
    nodes.UnaryOp: "an expression",
    nodes.Compare: "a comparison",
    nodes.Conditional: "a conditional expression",
    nodes.Lambda: "a lambda",
    nodes.Comprehension: "a comprehension",
    nodes.DictExpr: "a dict literal",
    nodes.SetExpr: "a set literal",
    nodes.ListExpr: "a list",
    nodes.TupleExpr: "a tuple",
    nodes.Starred: "a '*' target",
    nodes.Placeholder: "'$$'",
    nodes.Walrus: "a ':=' expression",
}


def _described(node: Any) -> str:
    return _DESCRIPTIONS.get(type(node), "this")


def _type_name(tokens: list[Token]) -> str:
    return "None" if tokens[0].kind == "NONE" else ".".join([str(token.value) for token in tokens])


def _parts(parts: list[Any] | None) -> tuple[str | nodes.FormatField, ...]:
    return tuple([part.value if type(part) is Token else part for part in parts or ()])


def _joined(parts: list[str | nodes.FormatField]) -> tuple[str | nodes.FormatField, ...]:
    """Neighbouring texts become one."""
    joined: list[str | nodes.FormatField] = []
    for part in parts:
        if joined and isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)
