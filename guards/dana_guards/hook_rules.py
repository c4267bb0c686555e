"""Where hooks may stand, and with what: the part of the transformer that knows `names.HOOKS`.

In: nodes of a Python ast that name a hook. Out: the same, with their arguments visited, or a refusal. A hook is no
value of the closed world: it is called, or compared as a type, in the one place that its position says.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

from dana_guards import names

if TYPE_CHECKING:
    from dana_guards.errors import DanaError
    from dana_guards.evidence import Evidence
    from dana_guards.scopes import Scope

_MAX_INTEGER_BITS: Final = 16_384
"""Of a literal: a little above 4,300 decimal digits, what Python itself reads from text (CVE-2020-10735)."""

_PLACES: Final[dict[str, str]] = {
    "type test": "be called in a comparison with 'is' or 'is not'",
    "type": "be compared by 'is' or 'is not' with what _type_ gives",
    "raise": "be called directly after 'raise'",
    "cause or raise": "be called directly after 'raise' or 'from'",
    "handler": "be called directly after 'except'",
    "handler type": "stand directly after 'except'",
    "caught": "be called with the name after 'except ... as'",
    "with": "be called directly after 'with'",
    "default": "be the default of a parameter or be compared by 'is'",
    "store": "stand before a dot",
    "policy": "be written by the policy itself",
}

_SIGNATURES: Final[dict[str, tuple[str, str]]] = {
    name: (hook.arguments.partition("?")[0], hook.arguments.replace("?", "")) for name, hook in names.HOOKS.items()
}
"""Letters of the arguments that are needed, and of all."""

_ARGUMENT_KINDS: Final = {"n": "the constant name of an attribute", "s": "a constant", "c": "constant data"}


class HookRules:
    """Checks of hooks; `visit` and the rest come from the transformer."""

    scope: Scope
    evidence: Evidence
    caught: list[tuple[Scope | None, str]]

    if TYPE_CHECKING:

        def visit(self, node: ast.AST) -> Any: ...
        def in_function(self) -> bool: ...
        def refuse(
            self, node: ast.AST, message: str, hint: str | None = None, kind: type[DanaError] = ...
        ) -> None: ...

    def misplaced(self, node: ast.AST, identifier: str) -> None:
        hook = names.HOOKS.get(identifier)
        if hook is None:
            self.refuse(node, f"'{identifier}' begins with an underscore", "names here begin with a letter")
        elif not isinstance(getattr(node, "ctx", None), ast.Load | None):
            self.refuse(node, f"'{identifier}' is a guard and cannot be bound")
        else:
            self.refuse(node, f"the guard '{identifier}' may only {_PLACES.get(hook.position, 'be called')}")

    def hook_of(self, node: ast.AST | None) -> str | None:
        """The hook that `node` calls, or None."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names.HOOKS:
            return node.func.id
        return None

    def hook_call(self, node: ast.Call, hook: str) -> ast.Call:
        """A call of `hook` where it may stand: check the arguments and visit them."""
        if not isinstance(node.func, ast.Name) or not isinstance(node.func.ctx, ast.Load):
            self.refuse(node, f"the guard '{hook}' is not called")
        required, letters = _SIGNATURES[hook]
        repeated = required.startswith("*")
        arguments = node.args
        fits = repeated or len(required) <= len(arguments) <= len(letters)
        if node.keywords or not fits or any(isinstance(each, ast.Starred) for each in arguments):
            self.refuse(node, f"the guard '{hook}' is called with wrong arguments")
            return node
        if hook == "_struct_":
            self._check_fields(arguments[2])
        if hook == "_import_star_":
            self._check_star_import(node)
        for index, argument in enumerate(arguments):
            letter = "v" if repeated else letters[index]
            if letter == "v":
                arguments[index] = self._hook_value(node, hook, argument)
            elif not _is_constant(argument, letter):
                self.refuse(argument, f"argument {index + 1} of '{hook}' is not {_ARGUMENT_KINDS[letter]}")
        return node

    def _hook_value(self, node: ast.Call, hook: str, argument: ast.expr) -> ast.expr:
        if isinstance(argument, ast.Name) and isinstance(argument.ctx, ast.Load):
            if hook in ("_caught_", "_exception_") and (self.scope.owner(argument.id), argument.id) in self.caught:
                return argument
            if hook == "_struct_" and argument.id.startswith(names.INIT_PREFIX):
                return argument
        if hook == "_caught_":
            self.refuse(argument, "'_caught_' takes the name after 'except ... as', inside that handler")
        visited: ast.expr = self.visit(argument)
        return visited

    def _check_star_import(self, node: ast.Call) -> None:
        """At module level only; and only a closed module may let a star replace the names of built-ins."""
        if self.in_function():
            self.refuse(node, "a star import stands at module level only")
        if len(node.args) > 4 and not self.evidence.closed:
            self.refuse(node, "a star import of a session leaves the names of built-ins alone")

    def _check_fields(self, fields: ast.expr) -> None:
        """Every name in the constant field table of a struct is an attribute that a program may define."""
        for row in _constant_rows(fields):
            if not row or not names.is_identifier(row[0]) or str(row[0]).startswith(names.SLOT_PREFIX):
                self.refuse(fields, f"{row[:1]!a} is not the name of a field")

    def identity_operand(self, operand: ast.expr, tests: int) -> ast.expr:
        if self.hook_of(operand) == "_type_":
            return self.hook_call(operand, "_type_")  # type: ignore[arg-type]
        if isinstance(operand, ast.Name) and isinstance(operand.ctx, ast.Load):
            hook = names.HOOKS.get(operand.id)
            if hook is not None and (hook.position == "default" or (tests and hook.position == "type")):
                return operand
        visited: ast.expr = self.visit(operand)
        return visited


def position_of(identifier: str) -> str:
    hook = names.HOOKS.get(identifier)
    return hook.position if hook is not None else ""


def is_plain_constant(value: object) -> bool:
    """Whether a literal is a value of the closed world, and not too long."""
    if type(value) is int:
        return value.bit_length() <= _MAX_INTEGER_BITS
    if isinstance(value, tuple):
        return all(is_plain_constant(each) for each in value)
    return value is None or type(value) in (bool, float, str)


def _is_constant(node: ast.expr, letter: str) -> bool:
    """Whether an argument of a hook is the constant that its `letter` asks for."""
    if letter == "c" and type(node) is ast.Tuple:
        return all(_is_constant(each, "c") for each in node.elts)
    if type(node) is not ast.Constant or not is_plain_constant(node.value):
        return False
    return names.is_identifier(node.value) if letter == "n" else letter == "c" or not isinstance(node.value, tuple)


def _constant_rows(fields: ast.expr) -> list[tuple[object, ...]]:
    """The rows of a constant table; a row that is none is empty."""
    if isinstance(fields, ast.Constant) and isinstance(fields.value, tuple):
        return [row if type(row) is tuple else () for row in fields.value]
    if not isinstance(fields, ast.Tuple):
        return [()]
    rows: list[tuple[object, ...]] = []
    for row in fields.elts:
        if isinstance(row, ast.Constant):
            rows.append(row.value if isinstance(row.value, tuple) else ())
        else:
            parts = row.elts if isinstance(row, ast.Tuple) else []
            rows.append(tuple(each.value if isinstance(each, ast.Constant) else None for each in parts))
    return rows
