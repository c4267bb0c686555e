"""Tree builder: the parser's reductions in, nodes of the Dana syntax tree out.

One method for each rule or named alternative of ``grammar.lark``, called while the text is parsed,
with the list of everything that stands on the right side: tokens, nodes, lists, and None for an
absent ``[part]``. So there is no parse tree in between. What is assigned to is checked here, because
the grammar cannot tell a target from a value; all other questions are the resolver's.

Chains of operators, attributes and branches arrive as flat lists and are folded by loops: nothing
here recurses except over brackets, which the lexer has counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dana2py import nodes
from dana2py.lexer import Token
from dana2py.nodes import Span
from dana2py.source import Source

#: Links that one chain may have (``a + b + c``, ``a.b().c``, ``not not a``, ``a if b else c if …``):
#: later passes and Python's own compiler walk down such a chain link by link.
MAX_CHAIN = 500
#: Branches of one ``if`` statement.
MAX_ELIFS = 1_000

Children = list[Any]


def cover(first: Any, last: Any) -> Span:
    """The span from the start of one token or node to the end of another."""
    start = first.span
    end = last.span
    return tuple.__new__(Span, (start[0], start[1], end[2], end[3]))


def docstring_of(body: list[nodes.Stmt]) -> str | None:
    """The text of a leading string statement."""
    if body and type(body[0]) is nodes.ExprStmt:
        value = body[0].value
        if type(value) is nodes.Constant and type(value.value) is str:
            return value.value
    return None


class TreeBuilder:
    """Builds the nodes of one source; used once.

    Parameters
    ----------
    source : for error messages.
    comments : the comment at the end of each line, as `dana2py.lexer.Lexer` found them.
    strict : whether the head of the source asks for strict operators.
    """

    def __init__(self, source: Source, comments: dict[int, str], strict: bool) -> None:
        self.source = source
        self.comments = comments
        self.strict = strict
        self.longest = 0

    def error(self, message: str, at: Any, hint: str | None = None) -> Exception:
        """A syntax error at a token or node."""
        return self.source.error(message, at.span.line, at.span.column, hint)

    # -- lists and parts -----------------------------------------------------------------------

    def list_first(self, c: Children) -> list[Any]:
        return [c[0]]

    def list_same(self, c: Children) -> list[Any]:
        return c[0]  # type: ignore[no-any-return]

    def list_more(self, c: Children) -> list[Any]:
        c[0].append(c[1])
        return c[0]  # type: ignore[no-any-return]

    def list_next(self, c: Children) -> list[Any]:
        c[0].append(c[2])
        return c[0]  # type: ignore[no-any-return]

    def list_pair(self, c: Children) -> list[Any]:
        return [c[0], c[2]]

    def list_triple(self, c: Children) -> list[Any]:
        return c

    def list_two(self, c: Children) -> list[Any]:
        c[0] += (c[1], c[2])
        return c[0]  # type: ignore[no-any-return]

    def list_extend(self, c: Children) -> list[Any]:
        c[0].extend(c[1])
        return c[0]  # type: ignore[no-any-return]

    def first(self, c: Children) -> Any:
        return c[0]

    def second(self, c: Children) -> Any:
        return c[1]

    def third(self, c: Children) -> Any:
        return c[2]

    # -- a file, a block, a line ---------------------------------------------------------------

    def module(self, c: Children) -> nodes.Module:
        body = c[0] or []
        lines = self.source.starts
        span = Span(1, 0, len(lines), len(self.source.text) - lines[-1])
        return nodes.Module(span, tuple(body), docstring_of(body), self.strict)

    def line(self, c: Children) -> list[nodes.Stmt]:
        return c[0]  # type: ignore[no-any-return]

    def block_line(self, c: Children) -> list[nodes.Stmt]:
        return c[0]  # type: ignore[no-any-return]

    def block_lines(self, c: Children) -> list[nodes.Stmt]:
        return c[2]  # type: ignore[no-any-return]

    def block_empty(self, c: Children) -> list[nodes.Stmt]:
        return [nodes.Pass(c[1].span)]

    # -- simple statements ---------------------------------------------------------------------

    def value(self, node: Any) -> nodes.Expr:
        """A value that is not a lone ``*value``."""
        if type(node) is nodes.Starred:
            raise self.error("'*' can only unpack inside a list, tuple, set or call", node, "write [*value]")
        return node  # type: ignore[no-any-return]

    def expression_stmt(self, c: Children) -> nodes.Stmt:
        value = c[0]
        return nodes.ExprStmt(value.span, self.value(value))

    def assign(self, c: Children) -> nodes.Stmt:
        *targets, value = c[0]
        for target in targets:
            self.check_target(target)
        return nodes.Assign(cover(targets[0], value), tuple(targets), self.value(value))

    def typed_assign(self, c: Children) -> nodes.Stmt:
        target, _, annotation, _, value = c
        self.check_place(target, "an annotation")
        return nodes.TypedAssign(cover(target, value), target, annotation, self.value(value))

    def augmented_assign(self, c: Children) -> nodes.Stmt:
        target, operator, value = c
        self.check_place(target, f"{operator.value!r}")
        return nodes.AugAssign(cover(target, value), target, operator.value[:-1], self.value(value))

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

    def pass_stmt(self, c: Children) -> nodes.Stmt:
        return nodes.Pass(c[0].span)

    def break_stmt(self, c: Children) -> nodes.Stmt:
        return nodes.Break(c[0].span)

    def continue_stmt(self, c: Children) -> nodes.Stmt:
        return nodes.Continue(c[0].span)

    def return_stmt(self, c: Children) -> nodes.Stmt:
        word, value = c
        if value is None:
            return nodes.Return(word.span, None)
        return nodes.Return(cover(word, value), self.value(value))

    def raise_stmt(self, c: Children) -> nodes.Stmt:
        word, value = c
        return nodes.Raise(cover(word, value or word), value, None)

    def raise_from(self, c: Children) -> nodes.Stmt:
        word, value, _, cause = c
        return nodes.Raise(cover(word, cause), value, cause)

    def assert_stmt(self, c: Children) -> nodes.Stmt:
        return nodes.Assert(cover(c[0], c[1]), c[1], None)

    def assert_message(self, c: Children) -> nodes.Stmt:
        word, test, _, message = c
        return nodes.Assert(cover(word, message), test, message)

    def delete_stmt(self, c: Children) -> nodes.Stmt:
        word, values = c
        targets = values.items if type(values) is nodes.TupleExpr else (values,)
        for target in targets:
            self.check_target(target, "delete")
        return nodes.Delete(cover(word, values), targets)

    def global_stmt(self, c: Children) -> nodes.Stmt:
        return nodes.Global(cover(c[0], c[1][-1]), _words(c[1]))

    def nonlocal_stmt(self, c: Children) -> nodes.Stmt:
        return nodes.Nonlocal(cover(c[0], c[1][-1]), _words(c[1]))

    def export_stmt(self, c: Children) -> nodes.Stmt:
        return nodes.Export(cover(c[0], c[1][-1]), _words(c[1]))

    # -- compound statements -------------------------------------------------------------------

    def if_stmt(self, c: Children) -> nodes.Stmt:
        word, test, _, body, elifs, orelse = c
        orelse = orelse or []
        if elifs and len(elifs) > MAX_ELIFS:
            raise self.error(f"more than {MAX_ELIFS} branches of one 'if'", elifs[MAX_ELIFS][0], "use a dict")
        for elif_word, elif_test, elif_body in reversed(elifs or ()):
            last = (orelse or elif_body)[-1]
            orelse = [nodes.If(cover(elif_word, last), elif_test, tuple(elif_body), tuple(orelse))]
        return nodes.If(cover(word, (orelse or body)[-1]), test, tuple(body), tuple(orelse))

    def elif_(self, c: Children) -> tuple[Token, nodes.Expr, list[nodes.Stmt]]:
        return c[0], c[1], c[3]

    def else_block(self, c: Children) -> list[nodes.Stmt]:
        return c[2]  # type: ignore[no-any-return]

    def while_stmt(self, c: Children) -> nodes.Stmt:
        word, test, _, body, orelse = c
        return nodes.While(cover(word, (orelse or body)[-1]), test, tuple(body), tuple(orelse or ()))

    def for_stmt(self, c: Children) -> nodes.Stmt:
        word, target, _, iterable, _, body, orelse = c
        self.check_target(target)
        iterable = self.value(iterable)
        return nodes.For(cover(word, (orelse or body)[-1]), target, iterable, tuple(body), tuple(orelse or ()))

    def try_stmt(self, c: Children) -> nodes.Stmt:
        word, _, body, handlers, orelse, final = c
        for handler in handlers[:-1]:
            if handler.kinds is None:
                raise self.error("an 'except' without a type must be the last one", handler)
        last = (final or orelse or handlers)[-1]
        return nodes.Try(cover(word, last), tuple(body), tuple(handlers), tuple(orelse or ()), tuple(final or ()))

    def try_finally(self, c: Children) -> nodes.Stmt:
        word, _, body, final = c
        return nodes.Try(cover(word, final[-1]), tuple(body), (), (), tuple(final))

    def handler(self, c: Children) -> nodes.Handler:
        word, kinds, _, name, _, body = c
        return nodes.Handler(cover(word, body[-1]), kinds, name and name.value, tuple(body))

    def finally_block(self, c: Children) -> list[nodes.Stmt]:
        return c[2]  # type: ignore[no-any-return]

    def with_stmt(self, c: Children) -> nodes.Stmt:
        word, items, _, body = c
        return nodes.With(cover(word, body[-1]), tuple(items), tuple(body))

    def with_group(self, c: Children) -> nodes.Stmt:
        word, _, items, _, _, _, body = c
        return nodes.With(cover(word, body[-1]), tuple(items), tuple(body))

    def with_first(self, c: Children) -> list[nodes.WithItem]:
        return [self.with_item(c)]

    def with_item(self, c: Children) -> nodes.WithItem:
        value, _, target = c
        if target is not None:
            self.check_target(target)
        return nodes.WithItem(cover(value, target or value), value, target)

    # -- expressions ---------------------------------------------------------------------------

    def bare_tuple(self, c: Children) -> nodes.Expr:
        items, comma = c
        return nodes.TupleExpr(cover(items[0], comma or items[-1]), tuple(items))

    def bare_single(self, c: Children) -> nodes.Expr:
        return nodes.TupleExpr(cover(c[0], c[1]), (c[0],))

    def starred(self, c: Children) -> nodes.Expr:
        return nodes.Starred(cover(c[0], c[1]), c[1])

    def walrus(self, c: Children) -> nodes.Expr:
        return nodes.Walrus(cover(c[0], c[2]), c[0].value, c[2])

    def check_chain(self, length: int, at: Any, what: str) -> None:
        """Refuse a chain of more than `MAX_CHAIN` links."""
        self.longest = max(self.longest, length)
        if length > MAX_CHAIN:
            raise self.error(
                f"a chain of more than {MAX_CHAIN} {what}", at, "split it, or join the parts with a loop or a function"
            )

    def branch(self, c: Children) -> tuple[nodes.Expr, nodes.Expr]:
        return c[0], c[2]

    def conditional(self, c: Children) -> nodes.Expr:
        branches, value = c
        self.check_chain(len(branches), value, "conditional expressions")
        for body, test in reversed(branches):
            value = nodes.Conditional(cover(body, value), test, body, value)
        return value  # type: ignore[no-any-return]

    def lambda_expr(self, c: Children) -> nodes.Expr:
        word, receiver, params, _, body = c
        return nodes.Lambda(cover(word, body), receiver, tuple(params or ()), body)

    def bool_op(self, c: Children) -> nodes.Expr:
        parts = c[0]
        return nodes.BoolOp(cover(parts[0], parts[-1]), parts[1].value, tuple(parts[::2]))

    def unary(self, c: Children) -> nodes.Expr:
        operators, value = c
        self.check_chain(len(operators), value, "signs")
        for operator in reversed(operators):
            value = nodes.UnaryOp(cover(operator, value), operator.value, value)
        return value  # type: ignore[no-any-return]

    def compare(self, c: Children) -> nodes.Expr:
        parts = c[0]
        return nodes.Compare(cover(parts[0], parts[-1]), parts[0], tuple(parts[1::2]), tuple(parts[2::2]))

    def op_one(self, c: Children) -> str:
        return c[0].value  # type: ignore[no-any-return]

    def op_two(self, c: Children) -> str:
        return f"{c[0].value} {c[1].value}"

    def binary_chain(self, c: Children) -> nodes.Expr:
        parts = c[0]
        value = parts[0]
        self.check_chain(len(parts) // 2, value, f"operators like {parts[1].value!r}")
        for index in range(1, len(parts), 2):
            right = parts[index + 1]
            value = nodes.BinOp(cover(value, right), value, parts[index].value, right)
        return value  # type: ignore[no-any-return]

    def power_chain(self, c: Children) -> nodes.Expr:
        parts = c[0]
        value = parts[-1]
        self.check_chain(len(parts) // 2, value, "operators like '**'")
        for left in reversed(parts[:-1:2]):
            value = nodes.BinOp(cover(left, value), left, "**", value)
        return value  # type: ignore[no-any-return]

    # -- calls, indexes, attributes ------------------------------------------------------------

    def trailer_chain(self, c: Children) -> nodes.Expr:
        value, trailers = c
        if len(trailers) > self.longest:
            self.check_chain(len(trailers), value, "calls, indexes and attributes")
        start = value.span
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
        return "attribute", c[1].value, c[1]

    def call(self, c: Children) -> tuple[str, Any, Any]:
        arguments = c[1]
        if not arguments:
            return "call", (), c[2]
        keywords = tuple([argument for argument in arguments if type(argument) is nodes.Keyword])
        if keywords:
            arguments = [argument for argument in arguments if type(argument) is not nodes.Keyword]
        return "call", (tuple(arguments), keywords), c[2]

    def index(self, c: Children) -> tuple[str, Any, Any]:
        return "index", self.value(c[1]), c[2]

    def generator_argument(self, c: Children) -> list[nodes.Expr]:
        return [nodes.Comprehension(cover(c[0], c[1][-1]), "generator", c[0], None, tuple(c[1]))]

    def keyword(self, c: Children) -> nodes.Keyword:
        return nodes.Keyword(cover(c[0], c[2]), c[0].value, c[2])

    def keyword_rest(self, c: Children) -> nodes.Keyword:
        return nodes.Keyword(cover(c[0], c[1]), None, c[1])

    def slice_two(self, c: Children) -> nodes.Expr:
        lower, colon, upper = c
        return nodes.Slice(cover(lower or colon, upper or colon), lower, upper, None)

    def slice_three(self, c: Children) -> nodes.Expr:
        lower, colon, upper, second, step = c
        return nodes.Slice(cover(lower or colon, step or second), lower, upper, step)

    def slice_step(self, c: Children) -> nodes.Expr:
        lower, colon, step = c
        return nodes.Slice(cover(lower or colon, step or colon), lower, None, step)

    # -- atoms ---------------------------------------------------------------------------------

    def name(self, c: Children) -> nodes.Expr:
        token = c[0]
        return nodes.Name(token[2], token[1])

    def scoped(self, c: Children) -> nodes.Expr:
        return nodes.ScopedName(cover(c[0], c[2]), c[0].value, c[2].value)

    def number(self, c: Children) -> nodes.Expr:
        token = c[0]
        return nodes.Constant(token[2], token[1])

    def true(self, c: Children) -> nodes.Expr:
        return nodes.Constant(c[0].span, True)

    def false(self, c: Children) -> nodes.Expr:
        return nodes.Constant(c[0].span, False)

    def none(self, c: Children) -> nodes.Expr:
        return nodes.Constant(c[0].span, None)

    def placeholder(self, c: Children) -> nodes.Expr:
        return nodes.Placeholder(c[0].span)

    def group(self, c: Children) -> nodes.Expr:
        return c[1]  # type: ignore[no-any-return]

    def empty_tuple(self, c: Children) -> nodes.Expr:
        return nodes.TupleExpr(cover(c[0], c[1]), ())

    def tuple_expr(self, c: Children) -> nodes.Expr:
        return nodes.TupleExpr(cover(c[0], c[3]), tuple(c[1]))

    def single_tuple(self, c: Children) -> nodes.Expr:
        return nodes.TupleExpr(cover(c[0], c[3]), (c[1],))

    def empty_list(self, c: Children) -> nodes.Expr:
        return nodes.ListExpr(cover(c[0], c[1]), ())

    def list_expr(self, c: Children) -> nodes.Expr:
        return nodes.ListExpr(cover(c[0], c[2]), tuple(c[1]))

    def set_expr(self, c: Children) -> nodes.Expr:
        return nodes.SetExpr(cover(c[0], c[2]), tuple(c[1]))

    def empty_dict(self, c: Children) -> nodes.Expr:
        return nodes.DictExpr(cover(c[0], c[1]), ())

    def dict_expr(self, c: Children) -> nodes.Expr:
        return nodes.DictExpr(cover(c[0], c[3]), tuple(c[1]))

    def pair(self, c: Children) -> tuple[nodes.Expr, nodes.Expr]:
        return c[0], c[2]

    def pair_rest(self, c: Children) -> tuple[None, nodes.Expr]:
        return None, c[1]

    def generator(self, c: Children) -> nodes.Expr:
        return nodes.Comprehension(cover(c[0], c[3]), "generator", c[1], None, tuple(c[2]))

    def list_comprehension(self, c: Children) -> nodes.Expr:
        return nodes.Comprehension(cover(c[0], c[3]), "list", c[1], None, tuple(c[2]))

    def set_comprehension(self, c: Children) -> nodes.Expr:
        return nodes.Comprehension(cover(c[0], c[3]), "set", c[1], None, tuple(c[2]))

    def dict_comprehension(self, c: Children) -> nodes.Expr:
        (key, value), clauses = c[1], c[2]
        return nodes.Comprehension(cover(c[0], c[3]), "dict", key, value, tuple(clauses))

    def dict_comprehension_old(self, c: Children) -> nodes.Expr:
        opening, _, key, _, value, _, clauses, closing = c
        return nodes.Comprehension(cover(opening, closing), "dict", key, value, tuple(clauses))

    def clause(self, c: Children) -> nodes.Clause:
        word, target, _, iterable, conditions = c
        self.check_target(target)
        last = conditions[-1] if conditions else iterable
        return nodes.Clause(cover(word, last), target, iterable, tuple(conditions or ()))

    # -- strings -------------------------------------------------------------------------------

    def strings(self, c: Children) -> nodes.Expr:
        """Adjacent strings are one; with an f-string among them the whole is one."""
        pieces = c[0]
        span = cover(pieces[0], pieces[-1])
        if all(type(piece) is Token for piece in pieces):
            return nodes.Constant(span, "".join([piece.value for piece in pieces]))
        parts: list[str | nodes.FormatField] = []
        for piece in pieces:
            parts += (piece.value,) if type(piece) is Token else piece.parts
        return nodes.FString(span, _joined(parts))

    def fstring(self, c: Children) -> nodes.FString:
        return nodes.FString(cover(c[0], c[2]), _parts(c[1]))

    def field(self, c: Children) -> nodes.FormatField:
        start, value, debug, conversion, spec, end = c
        return nodes.FormatField(
            cover(start, end), self.value(value), conversion and conversion.value, spec, debug and debug.value
        )

    def field_spec(self, c: Children) -> nodes.FString:
        colon, parts = c
        return nodes.FString(cover(colon, parts[-1] if parts else colon), _parts(parts))

    # -- types ---------------------------------------------------------------------------------

    def type_union(self, c: Children) -> nodes.TypeUnion:
        members = c[0]
        return nodes.TypeUnion(cover(members[0], members[-1]), tuple(members))

    def type_plain(self, c: Children) -> nodes.TypeName:
        return nodes.TypeName(cover(c[0][0], c[0][-1]), _type_name(c[0]))

    def type_generic(self, c: Children) -> nodes.TypeName:
        name, _, arguments, _, closing = c
        return nodes.TypeName(cover(name[0], closing), _type_name(name), tuple(arguments))

    # -- functions -----------------------------------------------------------------------------

    def function(self, c: Children) -> nodes.FunctionDef:
        sync, word, receiver, name, _, params, _, returns, _, body = c
        return nodes.FunctionDef(
            cover(sync or word, body[-1]),
            name.value,
            receiver,
            tuple(params or ()),
            returns,
            tuple(body),
            (),
            sync is not None,
            docstring_of(body),
        )

    def receiver(self, c: Children) -> nodes.Receiver:
        return nodes.Receiver(cover(c[0], c[4]), c[1].value, c[3])

    def params_done(self, c: Children) -> list[nodes.Param]:
        """A parameter list; ``*args`` and ``**kwargs`` once each, and nothing after ``**kwargs``."""
        params: list[nodes.Param] = c[0]
        seen: set[str] = set()
        for param in params:
            if "double_star" in seen:
                raise self.error("no parameter can follow '**'", param)
            if param.kind != "plain" and param.kind in seen:
                raise self.error("only one parameter can have a '*'", param)
            seen.add(param.kind)
        return params

    def param(self, c: Children) -> nodes.Param:
        name, annotation, default = c
        return nodes.Param(cover(name, default or annotation or name), name.value, annotation, default)

    def param_rest(self, c: Children) -> nodes.Param:
        stars, name, annotation = c
        kind = "star" if stars.value == "*" else "double_star"
        return nodes.Param(cover(stars, annotation or name), name.value, annotation, None, kind)

    def decorated(self, c: Children) -> nodes.FunctionDef:
        return replace(c[1], decorators=tuple(c[0]))

    def composition(self, c: Children) -> nodes.Stmt:
        word, name, _, params, _, returns, _, stages, _ = c
        return self.composition_of(word, name, params, returns, stages)

    def composition_group(self, c: Children) -> nodes.Stmt:
        word, name, _, params, _, returns, _, _, stages, _, _ = c
        return self.composition_of(word, name, params, returns, stages)

    def composition_of(self, word: Token, name: Any, params: Any, returns: Any, stages: list[nodes.Stage]) -> nodes.Stmt:
        span = cover(word, stages[-1])
        flat = [part for stage in stages for part in self.flat_stages(stage)]
        return nodes.Composition(span, name.value, tuple(params or ()), returns, tuple(flat))

    def stage(self, c: Children) -> nodes.Stage:
        value, _, name = c
        return nodes.Stage(cover(value, name or value), value, name and name.value)

    def stages_first(self, c: Children) -> list[nodes.Stage]:
        return [self.stage(c)]

    def stages_next(self, c: Children) -> list[nodes.Stage]:
        stages: list[nodes.Stage] = c[0]
        stages.append(self.stage(c[2:]))
        return stages

    def flat_stages(self, stage: nodes.Stage) -> list[nodes.Stage]:
        """A bracketed ``(f | g)`` is the same two stages; a list runs its members side by side."""
        values: list[Any] = []
        value: Any = stage.value
        while type(value) is nodes.BinOp and value.op == "|":
            values.append(value.right)
            value = value.left
        values.append(value)
        values.reverse()
        flat = [nodes.Stage(item.span, self.stage_value(item)) for item in values]
        flat[-1] = replace(flat[-1], name=stage.name)
        return flat

    def stage_value(self, value: Any) -> Any:
        """The value of a stage: list items become stages of their own."""
        if type(value) is not nodes.ListExpr:
            return value
        if not value.items:
            raise self.error("a list of stages needs at least one stage", value)
        return tuple([nodes.Stage(item.span, self.stage_value(item)) for item in value.items])

    # -- declared types ------------------------------------------------------------------------

    def declared_empty(self, c: Children) -> list[Any]:
        return [c[1]]

    def struct(self, c: Children) -> nodes.Stmt:
        word, name, _, members = c
        docstring = self.take_docstring(members)
        fields = tuple([member for member in members if type(member) is nodes.Field])
        methods = tuple([member for member in members if type(member) is nodes.FunctionDef])
        return nodes.StructDef(cover(word, members[-1]), word.value, name.value, fields, methods, docstring)

    def struct_field(self, c: Children) -> nodes.Field:
        name, _, annotation, default, end = c
        comment = self.comments.get(end.span.line)
        return nodes.Field(cover(name, default or annotation), name.value, annotation, default, comment)

    def take_docstring(self, members: list[Any]) -> str | None:
        """The leading docstring of a declaration; text at any other place is refused."""
        texts = [member for member in members if isinstance(member, nodes.Constant | nodes.FString)]
        if not texts:
            return None
        if texts[0] is not members[0] or len(texts) > 1:
            raise self.error("a text inside a declaration must be its docstring", texts[-1], "move it to the first line")
        if type(texts[0]) is not nodes.Constant:
            raise self.error("an f-string cannot be a docstring", texts[0], "write a plain string")
        return str(texts[0].value)

    def interface(self, c: Children) -> nodes.Stmt:
        word, name, _, lines = c
        docstring = self.take_docstring(lines)
        signatures = tuple([line for line in lines if type(line) is nodes.Signature])
        embedded = tuple([line.value for line in lines if type(line) is Token and line.kind == "NAME"])
        return nodes.InterfaceDef(cover(word, lines[-1]), name.value, signatures, embedded, docstring)

    def signature(self, c: Children) -> nodes.Signature:
        name, _, params, closing, returns, _ = c
        return nodes.Signature(cover(name, returns or closing), name.value, tuple(params or ()), returns)

    def agent_plain(self, c: Children) -> nodes.Stmt:
        word, name, blueprint, _ = c
        return nodes.AgentDef(cover(word, blueprint or name), name.value, blueprint and blueprint.value, ())

    def agent_bare(self, c: Children) -> nodes.Stmt:
        word, blueprint, _ = c
        return nodes.AgentDef(cover(word, blueprint), None, blueprint.value, ())

    def agent_named(self, c: Children) -> nodes.Stmt:
        word, name, blueprint, _, lines = c
        return self.agent_with(word, name.value, blueprint and blueprint.value, lines)

    def agent_unnamed(self, c: Children) -> nodes.Stmt:
        word, blueprint, _, lines = c
        return self.agent_with(word, None, blueprint.value, lines)

    def agent_with(self, word: Token, name: str | None, blueprint: str | None, lines: list[Any]) -> nodes.Stmt:
        docstring = self.take_docstring([line[1] if type(line) is tuple else line for line in lines if line] and lines)
        overrides = tuple([line[:2] for line in lines if type(line) is tuple])
        last = lines[-1][2] if type(lines[-1]) is tuple else lines[-1]
        return nodes.AgentDef(cover(word, last), name, blueprint, overrides, docstring)

    def override(self, c: Children) -> tuple[str, nodes.Expr, nodes.Expr]:
        return c[0].value, self.value(c[2]), c[2]

    # -- modules -------------------------------------------------------------------------------

    def import_stmt(self, c: Children) -> nodes.Stmt:
        return nodes.Import(cover(c[0], c[1][-1]), tuple(c[1]))

    def import_name(self, c: Children) -> nodes.ImportName:
        dotted, _, alias = c
        module, python = _module_name(dotted)
        return nodes.ImportName(cover(dotted[0], alias or dotted[-1]), module, python, alias and alias.value)

    def import_absolute(self, c: Children) -> nodes.Stmt:
        word, dotted, _, imported = c
        module, python = _module_name(dotted)
        return self.import_members(word, module, 0, python, imported)

    def import_relative(self, c: Children) -> nodes.Stmt:
        word, dots, dotted, _, imported = c
        module, python = _module_name(dotted or [])
        return self.import_members(word, module, len(dots), python, imported)

    def import_members(self, word: Token, module: str, level: int, python: bool, imported: Any) -> nodes.Stmt:
        if type(imported) is Token:
            return nodes.ImportFrom(cover(word, imported), module, level, python, (), True)
        names = tuple([(name.value, alias and alias.value) for name, alias in imported])
        last = imported[-1][1] or imported[-1][0]
        return nodes.ImportFrom(cover(word, last), module, level, python, names, False)

    def import_star(self, c: Children) -> Token:
        return c[0]  # type: ignore[no-any-return]

    def import_member(self, c: Children) -> tuple[Token, Token | None]:
        return c[0], c[2]


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


def _words(tokens: list[Token]) -> tuple[str, ...]:
    return tuple([str(token.value) for token in tokens])


def _type_name(tokens: list[Token]) -> str:
    return "None" if tokens[0].kind == "NONE" else ".".join(_words(tokens))


def _module_name(tokens: list[Token]) -> tuple[str, bool]:
    """The dotted name, and whether it ended in ``.py`` (9.1)."""
    words = _words(tokens)
    if len(words) > 1 and words[-1] == "py":
        return ".".join(words[:-1]), True
    return ".".join(words), False


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
