"""Which lists of a function nobody else can reach, so that their items can be known.

In: a function and its scope. Out: names of local variables that are only ever used in ways that keep no second
reference: read and written by index, iterated, measured, copied, compared, returned, appended to. A list under such
a name changes only where its own function says so (threat model 5.3: no proof where another name reaches the value).
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from dana_guards.known import LIST_METHODS_KEPT, READ_ONLY
from dana_guards.scopes import Comprehension, Function, Scope, parameters
from dana_guards.walking import descendants, fields_of, parts

if TYPE_CHECKING:
    from dana_guards.evidence import Evidence

_KEEPING: Final = frozenset(
    {
        (ast.Subscript, "value"), (ast.For, "iter"), (ast.comprehension, "iter"), (ast.comprehension, "ifs"),
        (ast.Return, "value"), (ast.If, "test"), (ast.While, "test"), (ast.IfExp, "test"), (ast.UnaryOp, "operand"),
        (ast.Compare, "left"), (ast.Compare, "comparators"), (ast.Starred, "value"),
    }
)  # fmt: skip
_READING_HOOKS: Final = frozenset(["_len_", "_truth_", "_eq_", "_ne_", "_text_"])


def private_lists(function: ast.FunctionDef, scope: Scope, evidence: Evidence) -> set[str]:
    """Names of `function` whose lists stay inside it."""
    finder = _Finder(scope, evidence)
    for each in function.body:
        finder.visit(each)
    names = {
        name for name, nodes in scope.bound.items() if all(isinstance(each, ast.Name) for each in nodes)
    }
    given = {each.arg for each in parameters(function)}
    return names - finder.shared - scope.outside - given


class _Finder:
    """Collects names whose value gets a second reference."""

    def __init__(self, scope: Scope, evidence: Evidence) -> None:
        self.scope = scope
        self.evidence = evidence
        self.shared: set[str] = set()

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, Function):
            self.shared.update(each.id for each in descendants(node) if isinstance(each, ast.Name))
            return
        if isinstance(node, Comprehension):
            self.shared.update(self.evidence.scope_of(node).bound)
        elif isinstance(node, ast.NamedExpr) and isinstance(node.target, ast.Name):
            self.shared.add(node.target.id)
        elif isinstance(node, ast.Assign) and len(node.targets) > 1:
            for target in node.targets:
                self.shared.update(each.id for each in descendants(target) if isinstance(each, ast.Name))
        elif isinstance(node, ast.Call):
            self.call(node)
            return
        for field, value in zip(fields_of(type(node)), parts(node), strict=False):
            for each in value if type(value) is list else (value,):
                if type(each) is ast.Name:
                    if isinstance(each.ctx, ast.Load) and not self.keeps(node, field):
                        self.shared.add(each.id)
                elif each is not None and type(each) is not ast.Constant:
                    self.visit(each)

    def keeps(self, node: ast.AST, field: str) -> bool:
        """Whether a name at this place gives nobody a reference."""
        if isinstance(node, ast.BinOp):
            return isinstance(node.op, ast.Add | ast.Mult | ast.Mod)
        return (type(node), field) in _KEEPING

    def call(self, node: ast.Call) -> None:
        function = node.func
        kept = False
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            if function.attr not in LIST_METHODS_KEPT or node.keywords:
                self.shared.add(function.value.id)
        elif isinstance(function, ast.Name):
            if function.id in _READING_HOOKS:
                kept = True
            elif function.id in READ_ONLY and self.evidence.is_builtin(function.id, self.scope):
                # With more arguments these give back one of them.
                kept = function.id not in ("min", "max", "sum") or len(node.args) == 1
        else:
            self.visit(function)
        for each in node.args:
            if not isinstance(each, ast.Name):
                self.visit(each)
            elif not kept:
                self.shared.add(each.id)
        for keyword in node.keywords:
            if isinstance(keyword.value, ast.Name):
                self.shared.add(keyword.value.id)
            else:
                self.visit(keyword.value)
