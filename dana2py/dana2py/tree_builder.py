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
from dana2py.expression_builder import Children, ExpressionBuilder
from dana2py.lexer import Token
from dana2py.nodes import Span

#: Branches of one ``if`` statement.
MAX_ELIFS = 1_000


def docstring_of(body: list[nodes.Stmt]) -> str | None:
    """The text of a leading string statement."""
    if body and type(body[0]) is nodes.ExprStmt:
        value = body[0].value
        if type(value) is nodes.Constant and type(value.value) is str:
            return value.value
    return None


class TreeBuilder(ExpressionBuilder):
    """Builds the nodes of one source; used once. The docstring of a method is the right side of its rule.

    Parameters
    ----------
    source : for error messages.
    comments : the comment at the end of each line, as `dana2py.lexer.Lexer` found them.
    strict : whether the head of the source asks for strict operators.
    """

    # -- a file, a block, a line ---------------------------------------------------------------

    def module(self, c: Children) -> nodes.Module:
        """``[statements]``."""
        body = c[0] or []
        text = self.source.text
        span = Span(1, 0, text.count("\n") + 1, len(text) - (text.rfind("\n") + 1))
        return nodes.Module(span, tuple(body), docstring_of(body), self.strict)

    def line(self, c: Children) -> list[nodes.Stmt]:
        """``simple_list [";"] NEWLINE``."""
        return c[0]  # type: ignore[no-any-return]

    def block_line(self, c: Children) -> list[nodes.Stmt]:
        """``line``."""
        return c[0]  # type: ignore[no-any-return]

    def block_lines(self, c: Children) -> list[nodes.Stmt]:
        """``NEWLINE INDENT statements DEDENT``."""
        return c[2]  # type: ignore[no-any-return]

    def block_empty(self, c: Children) -> list[nodes.Stmt]:
        """``NEWLINE EMPTY``."""
        return [nodes.Pass(c[1].span)]

    # -- simple statements ---------------------------------------------------------------------

    def expression_stmt(self, c: Children) -> nodes.Stmt:
        """``values``."""
        value = c[0]
        return nodes.ExprStmt(self.cover(value, value), self.value(value))

    def assign(self, c: Children) -> nodes.Stmt:
        """``assign_chain``."""
        *targets, value = c[0]
        for target in targets:
            self.check_target(target)
        return nodes.Assign(self.cover(targets[0], value), tuple(targets), self.value(value))

    def typed_assign(self, c: Children) -> nodes.Stmt:
        """``values ":" type "=" values``."""
        target, _, annotation, _, value = c
        self.check_place(target, "an annotation")
        return nodes.TypedAssign(self.cover(target, value), target, annotation, self.value(value))

    def augmented_assign(self, c: Children) -> nodes.Stmt:
        """``values AUGMENTED values``."""
        target, operator, value = c
        self.check_place(target, f"{operator.value!r}")
        return nodes.AugAssign(self.cover(target, value), target, operator.value[:-1], self.value(value))

    def pass_stmt(self, c: Children) -> nodes.Stmt:
        """``"pass"``."""
        return nodes.Pass(c[0].span)

    def break_stmt(self, c: Children) -> nodes.Stmt:
        """``"break"``."""
        return nodes.Break(c[0].span)

    def continue_stmt(self, c: Children) -> nodes.Stmt:
        """``"continue"``."""
        return nodes.Continue(c[0].span)

    def return_stmt(self, c: Children) -> nodes.Stmt:
        """``("return" | "deliver") [values]``."""
        word, value = c
        if value is None:
            return nodes.Return(word.span, None)
        return nodes.Return(self.cover(word, value), self.value(value))

    def raise_stmt(self, c: Children) -> nodes.Stmt:
        """``"raise" [expr]``."""
        word, value = c
        return nodes.Raise(self.cover(word, value or word), value, None)

    def raise_from(self, c: Children) -> nodes.Stmt:
        """``"raise" expr "from" expr``."""
        word, value, _, cause = c
        return nodes.Raise(self.cover(word, cause), value, cause)

    def assert_stmt(self, c: Children) -> nodes.Stmt:
        """``"assert" expr``."""
        return nodes.Assert(self.cover(c[0], c[1]), c[1], None)

    def assert_message(self, c: Children) -> nodes.Stmt:
        """``"assert" expr "," expr``."""
        word, test, _, message = c
        return nodes.Assert(self.cover(word, message), test, message)

    def delete_stmt(self, c: Children) -> nodes.Stmt:
        """``"del" values``."""
        word, values = c
        targets = values.items if type(values) is nodes.TupleExpr else (values,)
        for target in targets:
            self.check_target(target, "delete")
        return nodes.Delete(self.cover(word, values), targets)

    def global_stmt(self, c: Children) -> nodes.Stmt:
        """``"global" names``."""
        return nodes.Global(self.cover(c[0], c[1][-1]), _words(c[1]))

    def nonlocal_stmt(self, c: Children) -> nodes.Stmt:
        """``"nonlocal" names``."""
        return nodes.Nonlocal(self.cover(c[0], c[1][-1]), _words(c[1]))

    def export_stmt(self, c: Children) -> nodes.Stmt:
        """``"export" names``."""
        return nodes.Export(self.cover(c[0], c[1][-1]), _words(c[1]))

    # -- compound statements -------------------------------------------------------------------

    def if_stmt(self, c: Children) -> nodes.Stmt:
        """``"if" named ":" block [elifs] [else_block]``."""
        word, test, _, body, elifs, orelse = c
        orelse = orelse or []
        if elifs and len(elifs) > MAX_ELIFS:
            raise self.error(f"more than {MAX_ELIFS} branches of one 'if'", elifs[MAX_ELIFS][0], "use a dict")
        for elif_word, elif_test, elif_body in reversed(elifs or ()):
            last = (orelse or elif_body)[-1]
            orelse = [nodes.If(self.cover(elif_word, last), elif_test, tuple(elif_body), tuple(orelse))]
        return nodes.If(self.cover(word, (orelse or body)[-1]), test, tuple(body), tuple(orelse))

    def elif_(self, c: Children) -> tuple[Token, nodes.Expr, list[nodes.Stmt]]:
        """``"elif" named ":" block``."""
        return c[0], c[1], c[3]

    def else_block(self, c: Children) -> list[nodes.Stmt]:
        """``"else" ":" block``."""
        return c[2]  # type: ignore[no-any-return]

    def while_stmt(self, c: Children) -> nodes.Stmt:
        """``"while" named ":" block [else_block]``."""
        word, test, _, body, orelse = c
        return nodes.While(self.cover(word, (orelse or body)[-1]), test, tuple(body), tuple(orelse or ()))

    def for_stmt(self, c: Children) -> nodes.Stmt:
        """``"for" targets "in" values ":" block [else_block]``."""
        word, target, _, iterable, _, body, orelse = c
        self.check_target(target)
        iterable = self.value(iterable)
        return nodes.For(self.cover(word, (orelse or body)[-1]), target, iterable, tuple(body), tuple(orelse or ()))

    def try_stmt(self, c: Children) -> nodes.Stmt:
        """``"try" ":" block handlers [else_block] [finally_block]``."""
        word, _, body, handlers, orelse, final = c
        for handler in handlers[:-1]:
            if handler.kinds is None:
                raise self.error("an 'except' without a type must be the last one", handler)
        last = (final or orelse or handlers)[-1]
        return nodes.Try(self.cover(word, last), tuple(body), tuple(handlers), tuple(orelse or ()), tuple(final or ()))

    def try_finally(self, c: Children) -> nodes.Stmt:
        """``"try" ":" block finally_block``."""
        word, _, body, final = c
        return nodes.Try(self.cover(word, final[-1]), tuple(body), (), (), tuple(final))

    def handler(self, c: Children) -> nodes.Handler:
        """``"except" [values] ["as" NAME] ":" block``."""
        word, kinds, _, name, _, body = c
        if kinds is not None:
            self.value(kinds)
        return nodes.Handler(self.cover(word, body[-1]), kinds, name and name.value, tuple(body))

    def finally_block(self, c: Children) -> list[nodes.Stmt]:
        """``"finally" ":" block``."""
        return c[2]  # type: ignore[no-any-return]

    def with_stmt(self, c: Children) -> nodes.Stmt:
        """``"with" with_items ":" block``."""
        word, items, _, body = c
        return nodes.With(self.cover(word, body[-1]), tuple(items), tuple(body))

    def with_group(self, c: Children) -> nodes.Stmt:
        """``"with" "(" with_items_named [","] ")" ":" block``."""
        word, _, items, _, _, _, body = c
        return nodes.With(self.cover(word, body[-1]), tuple(items), tuple(body))

    def with_first(self, c: Children) -> list[nodes.WithItem]:
        """``expr "as" target``."""
        return [self.with_item(c)]

    def with_item(self, c: Children) -> nodes.WithItem:
        """``expr ["as" target]``."""
        value, _, target = c
        if target is not None:
            self.check_target(target)
        return nodes.WithItem(self.cover(value, target or value), value, target)

    # -- functions -----------------------------------------------------------------------------

    def function(self, c: Children) -> nodes.FunctionDef:
        """``["sync"] "def" [receiver] NAME "(" [params] ")" [returns] ":" block``."""
        sync, word, receiver, name, _, params, _, returns, _, body = c
        return nodes.FunctionDef(
            self.cover(sync or word, body[-1]),
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
        """``"(" NAME ":" type ")"``."""
        return nodes.Receiver(self.cover(c[0], c[4]), c[1].value, c[3])

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
        """``NAME [annotation] [default]``."""
        name, annotation, default = c
        return nodes.Param(self.cover(name, default or annotation or name), name.value, annotation, default)

    def param_rest(self, c: Children) -> nodes.Param:
        """``"*" NAME [annotation]`` or ``"**" NAME [annotation]``."""
        stars, name, annotation = c
        kind = "star" if stars.value == "*" else "double_star"
        return nodes.Param(self.cover(stars, annotation or name), name.value, annotation, None, kind)

    def decorated(self, c: Children) -> nodes.FunctionDef:
        """``decorators function``."""
        decorators, function = c
        assert isinstance(function, nodes.FunctionDef)
        return replace(function, decorators=tuple(decorators))

    def composition(self, c: Children) -> nodes.Stmt:
        """``"def" NAME "(" [params] ")" [returns] "=" stages NEWLINE``."""
        word, name, _, params, _, returns, _, stages, _ = c
        return self.composition_of(word, name, params, returns, stages)

    def composition_group(self, c: Children) -> nodes.Stmt:
        """``"def" NAME "(" [params] ")" [returns] "=" "(" named_stages ")" NEWLINE``."""
        word, name, _, params, _, returns, _, _, stages, _, _ = c
        return self.composition_of(word, name, params, returns, stages)

    def composition_of(self, word: Token, name: Any, params: Any, returns: Any, stages: list[Any]) -> nodes.Stmt:
        span = self.cover(word, stages[-1])
        flat = [part for stage in stages for part in self.flat_stages(stage)]
        return nodes.Composition(span, name.value, tuple(params or ()), returns, tuple(flat))

    def stage(self, c: Children) -> nodes.Stage:
        """``test ["as" NAME]``."""
        value, _, name = c
        return nodes.Stage(self.cover(value, name or value), value, name and name.value)

    def stages_first(self, c: Children) -> list[nodes.Stage]:
        """``expr "as" NAME``."""
        return [self.stage(c)]

    def stages_next(self, c: Children) -> list[nodes.Stage]:
        """``named_stages "|" test ["as" NAME]``."""
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
        """``NEWLINE EMPTY``."""
        return [c[1]]

    def struct(self, c: Children) -> nodes.Stmt:
        """``("struct" | "resource" | "workflow" | "agent_blueprint") NAME ":" declared``."""
        word, name, _, members = c
        docstring = self.take_docstring(members)
        fields = tuple([member for member in members if type(member) is nodes.Field])
        methods = tuple([member for member in members if type(member) is nodes.FunctionDef])
        return nodes.StructDef(self.cover(word, members[-1]), word.value, name.value, fields, methods, docstring)

    def struct_field(self, c: Children) -> nodes.Field:
        """``NAME ":" type [default] NEWLINE``."""
        name, _, annotation, default, end = c
        comment = self.comments.get(end.span.line)
        return nodes.Field(self.cover(name, default or annotation), name.value, annotation, default, comment)

    def take_docstring(self, members: list[Any]) -> str | None:
        """The leading docstring of a declaration; text at any other place is refused."""
        texts = [member for member in members if isinstance(member, nodes.Constant | nodes.FString)]
        if not texts:
            return None
        if texts[0] is not members[0] or len(texts) > 1:
            message = "a text inside a declaration must be its docstring"
            raise self.error(message, texts[-1], "move it to the first line")
        if type(texts[0]) is not nodes.Constant:
            raise self.error("an f-string cannot be a docstring", texts[0], "write a plain string")
        return str(texts[0].value)

    def interface(self, c: Children) -> nodes.Stmt:
        """``"interface" NAME ":" contract``."""
        word, name, _, lines = c
        docstring = self.take_docstring(lines)
        signatures = tuple([line for line in lines if type(line) is nodes.Signature])
        embedded = tuple([line.value for line in lines if type(line) is Token and line.kind == "NAME"])
        return nodes.InterfaceDef(self.cover(word, lines[-1]), name.value, signatures, embedded, docstring)

    def signature(self, c: Children) -> nodes.Signature:
        """``NAME "(" [params] ")" [returns] NEWLINE``; who writes ``self`` first means the instance."""
        name, _, params, closing, returns, _ = c
        if params and params[0].name == "self":
            params = params[1:]
        return nodes.Signature(self.cover(name, returns or closing), name.value, tuple(params or ()), returns)

    def agent_plain(self, c: Children) -> nodes.Stmt:
        """``"agent" NAME [blueprint] NEWLINE``."""
        word, name, blueprint, _ = c
        return nodes.AgentDef(self.cover(word, blueprint or name), name.value, blueprint and blueprint.value, ())

    def agent_bare(self, c: Children) -> nodes.Stmt:
        """``"agent" blueprint NEWLINE``."""
        word, blueprint, _ = c
        return nodes.AgentDef(self.cover(word, blueprint), None, blueprint.value, ())

    def agent_named(self, c: Children) -> nodes.Stmt:
        """``"agent" NAME [blueprint] ":" overrides``."""
        word, name, blueprint, _, lines = c
        return self.agent_with(word, name.value, blueprint and blueprint.value, lines)

    def agent_unnamed(self, c: Children) -> nodes.Stmt:
        """``"agent" blueprint ":" overrides``."""
        word, blueprint, _, lines = c
        return self.agent_with(word, None, blueprint.value, lines)

    def agent_with(self, word: Token, name: str | None, blueprint: str | None, lines: list[Any]) -> nodes.Stmt:
        docstring = self.take_docstring([line[1] if type(line) is tuple else line for line in lines if line] and lines)
        overrides = tuple([line[:2] for line in lines if type(line) is tuple])
        last = lines[-1][2] if type(lines[-1]) is tuple else lines[-1]
        return nodes.AgentDef(self.cover(word, last), name, blueprint, overrides, docstring)

    def override(self, c: Children) -> tuple[str, nodes.Expr, nodes.Expr]:
        """``NAME "=" values NEWLINE``."""
        return c[0].value, self.value(c[2]), c[2]

    # -- modules -------------------------------------------------------------------------------

    def import_stmt(self, c: Children) -> nodes.Stmt:
        """``"import" import_names``."""
        return nodes.Import(self.cover(c[0], c[1][-1]), tuple(c[1]))

    def import_name(self, c: Children) -> nodes.ImportName:
        """``dotted ["as" NAME]``."""
        dotted, _, alias = c
        module, python = _module_name(dotted)
        return nodes.ImportName(self.cover(dotted[0], alias or dotted[-1]), module, python, alias and alias.value)

    def import_absolute(self, c: Children) -> nodes.Stmt:
        """``"from" dotted "import" imported``."""
        word, dotted, _, imported = c
        module, python = _module_name(dotted)
        return self.import_members(word, module, 0, python, imported)

    def import_relative(self, c: Children) -> nodes.Stmt:
        """``"from" dots [dotted] "import" imported``."""
        word, dots, dotted, _, imported = c
        module, python = _module_name(dotted or [])
        return self.import_members(word, module, len(dots), python, imported)

    def import_members(self, word: Token, module: str, level: int, python: bool, imported: Any) -> nodes.Stmt:
        if type(imported) is Token:
            return nodes.ImportFrom(self.cover(word, imported), module, level, python, (), True)
        names = tuple([(name.value, alias and alias.value) for name, alias in imported])
        last = imported[-1][1] or imported[-1][0]
        return nodes.ImportFrom(self.cover(word, last), module, level, python, names, False)

    def import_star(self, c: Children) -> Token:
        """``"*"``."""
        return c[0]  # type: ignore[no-any-return]

    def import_member(self, c: Children) -> tuple[Token, Token | None]:
        """``NAME ["as" NAME]``."""
        return c[0], c[2]


def _words(tokens: list[Token]) -> tuple[str, ...]:
    return tuple([str(token.value) for token in tokens])


def _module_name(tokens: list[Token]) -> tuple[str, bool]:
    """The dotted name, and whether it ended in ``.py`` (9.1)."""
    words = _words(tokens)
    if len(words) > 1 and words[-1] == "py":
        return ".".join(words[:-1]), True
    return ".".join(words), False
