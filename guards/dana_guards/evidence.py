"""Evidence: which types the expressions of a Python ast can have.

In: an ``ast.Module``, not changed. Out: an `Evidence` that answers, for every expression of it, a `Type` that holds
whenever the expression is evaluated. Used by the policy, which leaves out guards by it, and by the compiler's
specialise pass. Nothing is rewritten here.

What counts (threat model 5.3): literals, displays and comprehensions; operators on known types; built-ins that nothing
in the module rebinds; and a test ``_type_(x) is _int_`` that dominates the use with no rebinding between. Annotations
never count. A variable that another function assigns, a global, and a parameter that was not tested can be anything.

For each function: the type of a variable is the join over all its assignments, to a fixed point; inside one straight
path the last assignment or test is known more exactly. The types of captured variables come from the function that
owns them, so functions are visited from the outside in. The work is linear: each is
walked a bounded number of times.

The closed world is taken for granted (invariant 1): values have exact types, and nothing but numbers, texts, lists,
tuples and sets has arithmetic.
"""

from __future__ import annotations

import ast
import heapq

from dana_guards import known
from dana_guards.flow import Walker
from dana_guards.flow_expressions import is_hook_call
from dana_guards.lattice import ANY, FUNCTION, Type, of, of_constant
from dana_guards.names import INIT_PREFIX
from dana_guards.results import KNOWN_PREFIX, FunctionResults, call_order
from dana_guards.scopes import Collected, Scope
from dana_guards.watchdog import look_for_stop


class Evidence:
    """Answers for one module. Keeps the nodes alive: they are known by identity."""

    def __init__(self, tree: ast.AST, names: frozenset[str], closed: bool) -> None:
        self.tree = tree
        self.names = names
        self.closed = closed
        self.found = Collected(tree, KNOWN_PREFIX)
        self._scopes = self.found.scopes
        self.module_scope = self._scopes[id(tree)]
        self.types: dict[int, Type] = {}
        """What the walks have found, by ``id``; a missing node can be anything."""
        self.held: list[ast.expr] = []
        """An id is reused when a node dies: what has a type is held."""
        self._globals: dict[str, Type] = {}
        self.results = FunctionResults()
        body: list[ast.stmt] = getattr(tree, "body", [])
        self._assigned: dict[str, ast.expr] = {
            each.targets[0].id: each.value
            for each in body
            if isinstance(each, ast.Assign) and len(each.targets) == 1 and isinstance(each.targets[0], ast.Name)
        }

        for name, nodes in self.module_scope.bound.items() if closed else ():
            node = nodes[0]
            if self.of_global(name).is_only(FUNCTION) and isinstance(node, ast.FunctionDef):
                scope = self.scope_of(node)
                self.results.know(name, node, lambda struct, scope=scope: self.is_struct_class(struct, scope))  # type: ignore[misc]
        self.results.only_called(self.found, lambda struct: self.is_struct_class(struct, self.module_scope))

    def type_of(self, node: ast.expr) -> Type:
        """Type of an expression of the tree; `ANY` for any other node."""
        found = self.types.get(id(node))
        return found if found is not None and found.flags else ANY

    def noted(self, node: ast.expr) -> Type:
        """What the walk that goes on has found for an expression; nothing yet is `lattice.NOTHING`."""
        return self.types.get(id(node), ANY)

    def scope_of(self, node: ast.AST) -> Scope:
        """The scope that a function, lambda, comprehension or the module opens."""
        return self._scopes.get(id(node)) or Scope(node, self.module_scope)

    def variables(self, function: ast.AST) -> dict[str, Type]:
        """Types of the local variables of a function, over all its assignments."""
        scope = self.scope_of(function)
        return {name: ANY if name in scope.outside else kind for name, kind in scope.types.items()}

    def note(self, node: ast.expr, kind: Type) -> Type:
        """Record the type of an expression in this round."""
        key = id(node)
        if kind is ANY:
            self.types.pop(key, None)
        else:
            if key not in self.types:
                self.held.append(node)
            self.types[key] = kind
        return kind

    # -- names ---------------------------------------------------------------------------------------------

    def is_builtin(self, name: str, scope: Scope) -> bool:
        """Whether `name`, read in `scope`, is the built-in of Dana at every moment.

        That holds in a session as well: no piece of it may bind the name of a built-in (`transform.restrict`).
        """
        return (
            name not in self.names
            and not self.module_scope.imports_all
            and scope.owner(name) is None
        )

    def of_global(self, name: str) -> Type:
        """Type of a variable of the module: known if it is bound once, to a function, a struct or a constant."""
        if name not in self._globals:
            self._globals[name] = self._find_global(name)
        return self._globals[name]

    def _find_global(self, name: str) -> Type:
        root = self.module_scope
        bound = root.bound.get(name, [])
        if not self.closed or root.imports_all or name in root.outside or len(bound) != 1:
            return ANY
        if isinstance(bound[0], ast.FunctionDef):
            return of(FUNCTION) if not bound[0].decorator_list else ANY
        value = self._assigned.get(name)
        return of_constant(value.value) if isinstance(value, ast.Constant) else ANY

    def is_struct_class(self, name: str, scope: Scope) -> bool:
        """Whether `name`, read in `scope`, is a struct class that the module makes once."""
        root = self.module_scope
        value = self._assigned.get(name)
        return (
            value is not None
            and is_hook_call(value, "_struct_")
            and self.closed
            and not root.imports_all
            and name not in root.outside
            and len(root.bound.get(name, [])) == 1
            and scope.owner(name) is root
        )

    def field_type(self, struct: str, field: str) -> Type | None:
        """Declared type of a field of a struct class of this module, or None if there is no such field.

        The table is a constant in the call of ``_struct_``; the class checks every write against it, and the
        policy those that go to the slot directly.
        """
        value = self._assigned.get(struct)
        if value is None or not is_hook_call(value, "_struct_") or not isinstance(value, ast.Call):
            return None
        if len(value.args) < 4 or not isinstance(value.args[2], ast.Tuple):
            return None
        init = value.args[3]
        if not isinstance(init, ast.Name) or init.id != INIT_PREFIX + struct:
            return ANY  # filled by a function that was checked against another table
        for row in value.args[2].elts:
            parts = [each.value for each in getattr(row, "elts", ()) if isinstance(each, ast.Constant)]
            if len(parts) >= 2 and parts[0] == field and isinstance(parts[1], str):
                return known.of_field(parts[1])
        return None


class Worklist:
    """Walks the functions of a module until their results settle.

    What a function gives back depends on the functions it calls, so these come first, and those that called one whose
    result has grown since are walked again. Results only grow, and a few times at most, so this ends.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.walkers: dict[int, Walker] = {}
        self.order = call_order(evidence.tree, evidence.found)
        self.heap: list[tuple[int, int]] = []
        self.waiting: dict[int, ast.AST] = {}

    def add(self, node: ast.AST, order: int) -> None:
        """Walk `node` (again), in its turn."""
        if id(node) not in self.waiting:
            self.waiting[id(node)] = node
            heapq.heappush(self.heap, (self.order.setdefault(id(node), order), id(node)))

    def add_module(self) -> None:
        """Walk the functions of the module, then each of its other statements.

        Nothing that is known of a variable of a module moves, so its statements do not depend on each other. They
        call everything: they come when all functions have settled.
        """
        tree = self.evidence.tree
        body: list[ast.stmt] = getattr(tree, "body", [])
        functions: list[ast.stmt] = [each for each in body if type(each) is ast.FunctionDef]
        for each in functions:
            self.add(each, 0)
        last = len(self.order) + 1
        units: list[tuple[ast.AST, list[ast.stmt]]] = [(tree, functions)]
        units += [(each, [each]) for each in body if type(each) is not ast.FunctionDef]
        for unit, statements in units:
            self.walkers[id(unit)] = Walker(self.evidence, tree, unit, statements)
            self.order[id(unit)] = last
            self.add(unit, last)

    def run(self) -> None:
        """Until nothing is left to walk."""
        results = self.evidence.results
        root = self.evidence.module_scope
        self.add_module()
        while self.heap:
            look_for_stop()
            order, key = heapq.heappop(self.heap)
            node = self.waiting.pop(key)
            walker = self.walkers.get(key)
            if walker is None:
                walker = self.walkers[key] = Walker(self.evidence, node)
            moved = walker.run()
            for key, inner in walker.functions.items():
                # They see the variables of this function: only if one has moved do they have to look again. What is
                # known of a variable of the module never moves.
                if key not in self.walkers or (moved and self.evidence.scope_of(inner).parent is not root):
                    self.add(inner, order)
            for caller in results.settle(node, walker.results):
                self.add(caller, order)
            for grown in results.grown.values():
                self.add(grown, order)
            results.grown.clear()


def infer_module(tree: ast.Module, *, names: frozenset[str] = frozenset(), closed: bool = False) -> Evidence:
    """Evidence for a whole module.

    Parameters
    ----------
    tree : the module; it is kept alive and must not change before the answers are used.
    names : what the host adds to the built-ins; nothing is known about these.
    closed : no other text will be executed in the same namespace. False for a piece of an interactive session: then
        nothing is concluded from what the module binds or leaves unbound.
    """
    evidence = Evidence(tree, names, closed)
    Worklist(evidence).run()
    return evidence
