"""Run Python text as if the compiler had made it: with the flag tests where this interpreter needs them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from dana_guards import watchdog
from dana_guards.errors import DanaError, Interrupt
from dana_guards.limits import Limits, Meter

_TEST = "if dana_stop: _stop_()"


class _Flags(ast.NodeTransformer):
    """What the policy inserts on Python 3.11: a test at loop heads, entries and in comprehensions."""

    def _headed(self, node: Any) -> Any:
        self.generic_visit(node)
        node.body = [*ast.parse(_TEST).body, *node.body]
        return node

    visit_While = visit_For = visit_FunctionDef = _headed

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        self.generic_visit(node)
        test = ast.parse("(_stop_() if dana_stop else None, 0)[1]", mode="eval").body
        node.body = ast.Subscript(ast.Tuple([test, node.body], ast.Load()), ast.Constant(1), ast.Load())
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.generic_visit(node)
        node.ifs = [ast.parse("not dana_stop or _stop_() is None", mode="eval").body, *node.ifs]
        return node


def load(text: str, meter: Meter, **names: object) -> dict[str, Any]:
    """Execute `text` in a namespace that `meter` can stop."""
    tree = ast.parse(text)
    if watchdog.stop_mode() == "flag":
        tree = ast.fix_missing_locations(_Flags().visit(tree))
    code = compile(tree, "<test>", "exec")
    meter.register_code(code)
    namespace: dict[str, Any] = {"_stop_": meter.stop_hook, **names}
    meter.register_namespace(namespace)
    exec(code, namespace)
    return namespace


def call(meter: Meter, function: Callable[..., Any], *arguments: object) -> DanaError | None:
    """Call as the border does; the reason of a stop, or None."""
    outer = meter.enter()
    try:
        function(*arguments)
    except Interrupt:
        pass
    finally:
        reason = meter.leave(outer)
    return reason


def meter_with(**limits: Any) -> Meter:
    """A meter with some limits of its own."""
    return Meter(Limits(**limits))
