"""The policy applied to a Python ast: the second lock.

In: any ``ast.Module`` with positions, from our lowering or from anywhere else. Out: the guarded ast, in which every
node stands on the list below, every name obeys `dana_guards.names`, and what is not harmless on every value of the
closed world goes through a guard; or `DanaSecurityError`/`DanaSyntaxError` with the place, and no tree. Not done
here: compiling, and the guards themselves.

The default is refusal, by node, by operator and by name. Nothing is believed that the ast does not show: a mark or an
annotation is no reason (threat model, section 6).

Left plain, and why:

* Reads of attributes with a name that is harmless on every type of the closed world (`names.is_guarded_attribute`).
* Reads and writes of items. Items exist on ``str list dict tuple range`` only, and there ``x[i]`` runs no code of a
  program: keys hash and compare with special methods that are ours. A write changes a value the program holds anyway.
* Iteration and unpacking. Every iterator of the closed world is flat and ours or Python's over one container
  (invariant 5), and each step passes through byte code, which a stop reaches. Unpacking to a starred target, and ``*``
  in calls and displays, read everything in one C call: in the ``limited`` profile they are measured first.
* Calls. Whatever a program can hold and call is a function of Dana, a built-in of ours, a method with a harmless name,
  a struct class or a token.
* ``nonlocal``: it rebinds a cell of a function in the same text. RestrictedPython refuses it because its own print
  collector and write guard did not know it; no object becomes reachable by it.
* ``return``, ``break`` and ``continue`` in ``finally``: they win over Dana exceptions, not over the stop, which is
  repeated until the thread has left Dana code (invariant 4).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence
from typing import Any

from RestrictedPython.transformer import RestrictingNodeTransformer

from dana_guards import names
from dana_guards.allowed_nodes import ALLOWED_NODES, HINTS, LEAVES, PLAIN_NODES, described
from dana_guards.errors import DanaError, DanaSecurityError, DanaSyntaxError
from dana_guards.evidence import Evidence, infer_module
from dana_guards.hook_rules import HookRules, is_plain_constant, position_of
from dana_guards.interrupt_flags import insert_stop_flags
from dana_guards.lattice import ANY, NUMBER, STRUCT
from dana_guards.policy import AUDITED_PYTHONS, Policy
from dana_guards.positions import at, call, constant, name
from dana_guards.problems import Problem, Report
from dana_guards.scopes import Scope, parameters
from dana_guards.size_rewrites import SizeRewrites
from dana_guards.targets import split_targets
from dana_guards.watchdog import look_for_stop

_CONTEXTS = (ast.Load, ast.Store, ast.Del)


class PolicyTransformer(HookRules, SizeRewrites, RestrictingNodeTransformer):
    """RestrictedPython's transformer with an allow-list of its own in front and Dana's guards behind.

    Parameters
    ----------
    policy : what is allowed.
    evidence : types of the tree that will be visited.
    """

    def __init__(self, policy: Policy, evidence: Evidence) -> None:
        super().__init__()
        self.policy = policy
        self.evidence = evidence
        self.limited = policy.is_limited
        self.problems: list[Problem] = []
        self.scope: Scope = evidence.module_scope
        self.caught: list[tuple[Scope | None, str]] = []
        self.temporaries = 0
        self.has_inner = False
        """Whether a lambda or comprehension was seen in this statement of the module."""
        self.written: tuple[ast.Attribute, ast.expr] | None = None
        self.products: dict[int, ast.AST] = {}
        self.slots: dict[int, ast.Attribute] = {}
        self._methods: dict[type[ast.AST], Callable[[Any], Any]] = {}
        self._seen: dict[int, ast.AST] = {}
        # Names that were looked at: a program has few, and reads them often.
        self._good_names: set[str] = set()
        self._plain_names: set[str] = set()

    # -- refusing ------------------------------------------------------------------------------------------

    def error(self, node: ast.AST, info: str) -> None:
        """Called by RestrictedPython."""
        self.refuse(node, info)

    def refuse(
        self, node: ast.AST, message: str, hint: str | None = None, kind: type[DanaError] = DanaSecurityError
    ) -> None:
        """Note that `node` is refused; the visit goes on, to find the rest."""
        self.problems.append(Problem(node, message, hint, kind))

    def visit(self, node: ast.AST) -> Any:
        """Visit a node of the list; refuse any other, subclasses of known nodes included."""
        kind = type(node)
        method = self._methods.get(kind)
        if method is None:
            if kind not in ALLOWED_NODES:
                self.refuse(node, f"'{described(node)}' is not allowed", HINTS.get(kind.__name__))
                return node
            if issubclass(kind, LEAVES):
                method = _unchanged
            elif kind in PLAIN_NODES:
                method = self.contents
            else:
                method = getattr(self, "visit_" + kind.__name__)
            self._methods[kind] = method
        if method is not _unchanged:
            # Evidence knows a node by identity: what is shown at one place says nothing of another.
            if id(node) in self._seen:
                self.refuse(node, f"the node '{described(node)}' stands at two places of the tree")
                return node
            self._seen[id(node)] = node
        return method(node)

    def contents(self, node: ast.AST) -> Any:
        """Visit what is inside `node`."""
        for field in type(node)._fields:
            value = getattr(node, field, None)
            kind = type(value)
            if kind is list:
                if value:
                    setattr(node, field, self._block(value))
            elif value is None or kind is str:
                pass
            elif isinstance(value, ast.AST) and self._methods.get(type(value)) is not _unchanged:
                visited = self.visit(value)
                if visited is not value:
                    setattr(node, field, visited)
        return node

    def temporary(self) -> str:
        """A fresh variable that no program can name."""
        self.temporaries += 1
        return f"{names.POLICY_TEMPORARY}{self.temporaries}"

    # -- names ---------------------------------------------------------------------------------------------

    def check_name(self, node: Any, name: str | None, allow_magic_methods: bool = False) -> None:
        """Refuse a name that a program may not bind; `allow_magic_methods` is RestrictedPython's and ignored."""
        if name is None or (type(name) is str and name in self._good_names):
            return
        if type(name) is str and name.startswith("_"):
            what = "a guard" if name in names.HOOKS else "not a name of a program"
            self.refuse(node, f"'{name}' is {what} and cannot be bound", "names here begin with a letter")
        elif not names.is_identifier(name):
            self.refuse(node, f"{name!a} is not an identifier", "use ASCII letters, digits and '_'", DanaSyntaxError)
        elif names.is_reserved_variable(name):
            self.refuse(node, f"'{name}' belongs to the policy")
        else:
            self._good_names.add(name)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        identifier = node.id
        if type(identifier) is str:
            if identifier in self._plain_names and type(node.ctx) in _CONTEXTS:
                return node  # seen before, and nothing but a name of a program
            if identifier.startswith("_"):
                self.misplaced(node, identifier)
                return node
        before = len(self.problems)
        self.check_name(node, identifier)
        if len(self.problems) == before and not identifier.startswith("dana_"):
            self._plain_names.add(identifier)
        if type(node.ctx) not in _CONTEXTS:
            self.refuse(node, f"'{identifier}' is neither read nor bound")
        elif isinstance(node.ctx, ast.Load):
            if identifier.startswith("dana_"):
                self._check_compiler_name(node, identifier)
        elif identifier.startswith("dana_") and self._is_caught(identifier):
            self.refuse(node, f"'{identifier}' holds a Python exception and cannot be bound otherwise")
        return node

    def _check_compiler_name(self, node: ast.Name, identifier: str) -> None:
        if identifier.startswith(names.INIT_PREFIX):
            self.refuse(node, f"'{identifier}' may only be given to _struct_")
        elif not names.is_caught_name(identifier):
            return
        elif self._is_caught(identifier):
            self.refuse(node, f"'{identifier}' holds a Python exception", "only _caught_ and _exception_ may take it")
        else:
            # A function that reads another scope's global temporary could meet an exception there.
            owner = self.scope.owner(identifier)
            if owner is None or (owner is owner.root and self.scope is not owner and self.in_function()):
                self.refuse(node, f"'{identifier}' is not bound in this function")

    def _is_caught(self, identifier: str) -> bool:
        owner = self.scope.owner(identifier)
        return owner is not None and identifier in owner.handlers

    def in_function(self) -> bool:
        scope: Scope | None = self.scope
        while scope is not None and not scope.is_function:
            scope = scope.parent
        return scope is not None

    def visit_Global(self, node: ast.Global) -> ast.AST:
        for each in node.names:
            self.check_name(node, each)
            if names.is_caught_name(each):
                self.refuse(node, f"'{each}' is a temporary and cannot be declared")
        return node

    visit_Nonlocal = visit_Global  # type: ignore[assignment]

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        self.check_name(node, node.arg)
        return self.contents(node)  # type: ignore[no-any-return]

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not is_plain_constant(node.value):
            self.refuse(node, f"a constant of type {type(node.value).__name__} is not allowed")
        return node

    # -- calls and comparisons -----------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> ast.AST:
        hook = self.hook_of(node)
        if hook is not None:
            if names.HOOKS[hook].position not in ("call", "caught") and not self._makes_number(node, hook):
                self.misplaced(node.func, hook)
                return node
            return self.hook_call(node, hook)
        if not self.limited:
            return self.contents(node)  # type: ignore[no-any-return]
        self.bound_starred(node, [*node.args, *node.keywords])
        finish = self.compared_call(node) or self.keyed_call(node) or self.measured_argument(node)
        self.called = node.func
        self.contents(node)
        return finish(node) if finish is not None else node

    def _makes_number(self, node: ast.Call, hook: str) -> bool:
        """``_int_(x)``: in the ``limited`` profile of a number only, since reading a long text is quadratic.

        `_float_` and `_range_` of any value are cheap, or an error.
        """
        if names.HOOKS[hook].position != "type" or not names.HOOKS[hook].arguments:
            return False
        if hook != "_int_" or not self.limited:
            return True
        return len(node.args) == 1 and self.evidence.type_of(node.args[0]).is_only(NUMBER)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        operands = [node.left, *node.comparators]
        if all(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            tests = sum(self.hook_of(each) == "_type_" for each in operands)
            visited = [self.identity_operand(each, tests) for each in operands]
            node.left, node.comparators = visited[0], visited[1:]
            return node
        if not self.limited:
            return self.contents(node)  # type: ignore[no-any-return]
        self.bound_membership(node)
        # What is measured for a comparison is measured as a key as well.
        compared = self.compared_operands(node)
        measures = {index: self.measured_key for index in self.hashed_operands(node)}
        measures |= dict.fromkeys(compared, self.measured_operand)
        given = [node.left, *node.comparators]
        self.contents(node)
        for index, measured in measures.items():
            if index == 0:
                node.left = measured(given[0], node.left)
            else:
                node.comparators[index - 1] = measured(given[index], node.comparators[index - 1])
        return node

    # -- attributes ----------------------------------------------------------------------------------------

    def _check_attribute_name(self, node: ast.AST, attribute: object) -> bool:
        if type(attribute) is str and attribute.startswith("_"):
            hint = "it is Python's, not a program's"
            self.refuse(node, f"the attribute '{attribute}' begins with an underscore", hint)
            return False
        if not names.is_identifier(attribute):
            self.refuse(
                node, f"{attribute!a} is not an identifier", "use ASCII letters, digits and '_'", DanaSyntaxError
            )
            return False
        return True

    def _is_store_scope(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in ("_public_", "_system_") and isinstance(node.ctx, ast.Load)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Reads. Stores and deletions are taken by the statements that hold them (`targets`)."""
        if not self._check_attribute_name(node, node.attr):
            return node
        if self._is_store_scope(node.value):
            return node
        if not isinstance(node.ctx, ast.Load):
            if not self._is_slot(node):
                self.refuse(node, f"the attribute '{node.attr}' cannot be written here")
            node.value = self.visit(node.value)
            return node
        sized = self.limited and self.sized_method(node)
        node.value = self.visit(node.value)
        if names.is_guarded_attribute(node.attr):
            return at(node, call("_getattr_", node.value, constant(node.attr)))
        return sized(node) if sized else node

    def _may_write_slot(self, node: ast.Attribute) -> bool:
        """Whether the ast shows that the receiver is a struct: by a test, or as ``self`` of an initialiser."""
        receiver = node.value
        if not node.attr.startswith(names.SLOT_PREFIX) or not isinstance(receiver, ast.Name):
            return False
        kind = self.evidence.type_of(receiver)
        if kind.is_only(STRUCT):
            # A class of another module has fields of its own types.
            return kind.struct is not None and self._fits_field(kind.struct, node)
        function = self.scope.node
        if not isinstance(function, ast.FunctionDef) or not function.name.startswith(names.INIT_PREFIX):
            return False
        first = parameters(function)[:1]
        bound = self.scope.bound.get(receiver.id, [])
        is_self = bool(first) and first[0].arg == receiver.id and bound == first
        own = function.name.removeprefix(names.INIT_PREFIX)
        return is_self and receiver.id not in self.scope.outside and self._fits_field(own, node)

    def _fits_field(self, struct: str, node: ast.Attribute) -> bool:
        """Whether what is written is shown to have the type that the field declares: evidence rests on it."""
        declared = self.evidence.field_type(struct, node.attr.removeprefix(names.SLOT_PREFIX))
        if declared is None or declared.flags == ANY.flags:
            return True
        written = self.written
        if written is None or written[0] is not node:
            return False
        return self.evidence.type_of(written[1]).is_only(declared.flags)

    def guarded_target(self, node: ast.Attribute) -> bool:
        """Whether a store or deletion of this attribute has to become a call of a guard."""
        return not self._is_store_scope(node.value) and not self._is_slot(node)

    def _is_slot(self, node: ast.Attribute) -> bool:
        """Whether `visit_Assign` has found that this store may go to the slot."""
        return self.slots.get(id(node)) is node

    # -- statements ----------------------------------------------------------------------------------------

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.type_ignores = []
        body: list[ast.stmt] = []
        for statement in node.body:
            look_for_stop()
            self.has_inner = False
            guarded = self._block([statement])
            if self.policy.stop_flags and not self.problems:
                insert_stop_flags(guarded, self.has_inner)
            body += guarded
        node.body = body
        return node

    def visit_Assign(self, node: ast.Assign) -> Any:
        node.type_comment = None
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Attribute):
            target = node.targets[0]
            self.written = (target, node.value)
            slot = self._may_write_slot(target)
            self.written = None
            if slot:
                self.slots[id(target)] = target
        bounded = self.bound_assignment(node) if self.limited else None
        node.value = self.visit(node.value)
        if bounded is not None:
            bounded(node)
        return self._store(node, node.targets)

    def _store(self, node: ast.Assign, targets: list[ast.expr]) -> Any:
        """The assignment with its attribute targets turned into calls of guards."""
        only = targets[0] if len(targets) == 1 else None
        is_plain = isinstance(node.value, ast.Name | ast.Constant)
        if is_plain and isinstance(only, ast.Attribute) and self.guarded_target(only):
            return self._store_one(only, node.value)
        split = split_targets(targets, self.guarded_target, self.temporary)
        if split is None:
            node.targets = [self.visit(each) for each in targets]
            return node
        statements: list[ast.stmt] = []
        node.targets = split.targets
        statements.append(node)
        statements += [self._store_one(target, value) for target, value in split.stores]
        # The temporaries must not keep the values alive.
        cleared: list[ast.expr] = [ast.Name(value.id, ast.Store()) for _, value in split.stores]
        statements.append(ast.Assign(cleared, constant(None)))
        return [at(node, each) for each in statements]

    def _store_one(self, target: ast.expr, value: ast.expr) -> ast.stmt:
        if isinstance(target, ast.Attribute) and self.guarded_target(target):
            self._check_attribute_name(target, target.attr)
            receiver = self.visit(target.value)
            # A slot whose proof is missing is written by its field's name, with the check of the class.
            field = target.attr.removeprefix(names.SLOT_PREFIX)
            return at(target, ast.Expr(call("_setattr_", receiver, constant(field), value)))
        return at(target, ast.Assign([self.visit(target)], value))

    def visit_Delete(self, node: ast.Delete) -> Any:
        statements: list[ast.stmt] = []
        for target in node.targets:
            if isinstance(target, ast.Attribute) and not self._is_store_scope(target.value):
                self._check_attribute_name(target, target.attr)
                receiver = self.visit(target.value)
                statements.append(ast.Expr(call("_delattr_", receiver, constant(target.attr))))
            elif isinstance(target, ast.Tuple | ast.List):
                self.refuse(target, "'del' takes names, items and attributes")
            else:
                statements.append(ast.Delete([self.visit(target)]))
        return [at(node, each) for each in statements]

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        if not isinstance(node.target, ast.Name):
            self.refuse(node, "augmented assignment takes a plain variable", HINTS["AugAssign"])
            return node
        changed = self.bound_augmented(node) if self.limited else None
        node.target = self.visit(node.target)
        self.visit(node.op)
        node.value = self.visit(node.value)
        return changed(node) if changed is not None else node

    def visit_For(self, node: ast.For) -> ast.AST:
        node.type_comment = None
        node.iter = self.visit(node.iter)
        node.target, stores = self._loop_target(node.target)
        node.body = stores + self._block(node.body)
        node.orelse = self._block(node.orelse)
        return node

    def _loop_target(self, target: ast.expr) -> tuple[ast.expr, list[ast.stmt]]:
        """The target of a loop or ``with``, and the statements that finish the store at the head of the body."""
        if type(target) is not ast.Name and any(isinstance(each, ast.Starred) for each in ast.walk(target)):
            self.refuse(target, "a starred target stands in an assignment only", "unpack in the body")
        split = split_targets([target], self.guarded_target, self.temporary)
        if split is None:
            return self.visit(target), []
        return at(target, split.targets[0]), [self._store_one(each, value) for each, value in split.stores]

    def _block(self, body: list[Any]) -> list[Any]:
        found: list[Any] = []
        for number, statement in enumerate(body):
            if number & 127 == 127:
                look_for_stop()
            visited = self.visit(statement)
            if type(visited) is list:
                found += visited
            else:
                found.append(visited)
        return found

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.has_inner = True
        if node.is_async:
            self.refuse(node.target, "asynchronous comprehensions are not allowed")
        for each in () if type(node.target) is ast.Name else ast.walk(node.target):
            if isinstance(each, ast.Attribute | ast.Subscript | ast.Starred):
                self.refuse(each, "a comprehension binds plain variables only")
        node.target = self.visit(node.target)
        node.iter = self._iterable(node.iter)
        node.ifs = self._block(node.ifs)
        return node

    def _iterable(self, node: ast.expr) -> ast.expr:
        """What a comprehension iterates; Python allows no ``:=`` there."""
        self.no_walrus += 1
        visited: ast.expr = self.visit(node)
        self.no_walrus -= 1
        return visited

    def visit_ListComp(self, node: Any) -> ast.AST:
        """All comprehensions: visited in the scope that they open, the first iterable in the one around."""
        first = node.generators[0]
        iterable = self._iterable(first.iter)
        first.iter = constant(None)
        outer, self.scope = self.scope, self.evidence.scope_of(node)
        for field in ("elt", "key", "value"):
            if field in node._fields:
                part = getattr(node, field)
                if part is None or isinstance(part, ast.Starred):
                    self.refuse(node, "unpacking in a comprehension is not allowed")
        hashed = {ast.SetComp: "elt", ast.DictComp: "key"}.get(type(node))
        given: ast.expr | None = getattr(node, hashed) if hashed is not None and self.limited else None
        measured = given is not None and not self.is_flat_key(given)
        self.contents(node)
        if given is not None and measured:
            setattr(node, str(hashed), self.measured_key(given, getattr(node, str(hashed))))
        self.scope = outer
        first.iter = iterable
        return node  # type: ignore[no-any-return]

    visit_SetComp = visit_DictComp = visit_ListComp

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        if type(node.target) is not ast.Name:
            self.refuse(node, "':=' binds a plain variable only")
            return node
        return self.contents(node)  # type: ignore[no-any-return]

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Items and slices. A slice elsewhere would be a value."""
        hashes = self.hashes(node.value)
        node.value = self.visit(node.value)
        if type(node.slice) is ast.Slice:
            self.contents(node.slice)
        else:
            given, visited = node.slice, self.visit(node.slice)
            node.slice = self.measured_key(given, visited) if hashes else visited
        return node

    def visit_Slice(self, node: ast.Slice) -> ast.AST:
        self.refuse(node, "a slice stands in brackets only")
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        node.type_comment = None
        heads: list[ast.stmt] = []
        for item in node.items:
            if self.hook_of(item.context_expr) == "_manager_":
                item.context_expr = self.hook_call(item.context_expr, "_manager_")  # type: ignore[arg-type]
            else:
                self.refuse(item.context_expr, "'with' takes _manager_(...) only")
            if item.optional_vars is not None:
                item.optional_vars, stores = self._loop_target(item.optional_vars)
                heads += stores
        node.body = heads + self._block(node.body)
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        for field, positions in (("exc", ("raise", "cause or raise")), ("cause", ("cause or raise",))):
            value: ast.expr | None = getattr(node, field)
            if value is None:
                continue
            hook = self.hook_of(value)
            if hook is not None and names.HOOKS[hook].position in positions:
                self.hook_call(value, hook)  # type: ignore[arg-type]
            elif not (field == "cause" and isinstance(value, ast.Constant) and value.value is None):
                self.refuse(value, "'raise' takes _exception_(...) only")
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        kind = node.type
        if kind is None:
            node.type = at(node, name("_error_"))
        elif self.hook_of(kind) == "_kinds_":
            node.type = self.hook_call(kind, "_kinds_")  # type: ignore[arg-type]
        elif not (isinstance(kind, ast.Name) and position_of(kind.id) == "handler type"):
            self.refuse(kind, "'except' takes _kinds_(...) only")
        if node.name is None:
            node.body = self._block(node.body)
            return node
        self.check_name(node, node.name)
        owner = self.scope.owner(node.name)
        if not names.is_caught_name(node.name):
            self.refuse(node, f"'{node.name}' cannot hold a Python exception", "bind a temporary and use _caught_")
        elif owner is not self.scope or node.name in self.scope.outside:
            self.refuse(node, f"'{node.name}' is shared with another function")
        self.caught.append((owner, node.name))
        node.body = self._block(node.body)
        self.caught.pop()
        return node

    # -- functions -----------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.type_comment = None
        self.check_name(node, node.name)
        if self._is_caught(node.name):
            self.refuse(node, f"'{node.name}' holds a Python exception and cannot be bound otherwise")
        if getattr(node, "type_params", None):
            self.refuse(node, "type parameters are not allowed")
        self._check_annotation(node.returns)
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        self._visit_arguments(node)
        outer, self.scope = self.scope, self.evidence.scope_of(node)
        node.body = self._block(node.body)
        self.scope = outer
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.has_inner = True
        self._visit_arguments(node)
        outer, self.scope = self.scope, self.evidence.scope_of(node)
        node.body = self.visit(node.body)
        self.scope = outer
        return node

    def _visit_arguments(self, node: ast.FunctionDef | ast.Lambda) -> None:
        if type(node.args) is not ast.arguments:
            self.refuse(node, "the parameters are not a list of parameters")
            return
        scope = self.evidence.scope_of(node)
        for each in parameters(node):
            each.type_comment = None
            self.check_name(each, each.arg)
            self._check_annotation(each.annotation)
            if each.arg in scope.handlers:
                self.refuse(each, f"'{each.arg}' holds a Python exception and cannot be bound otherwise")
        node.args.defaults = [self._default(each) for each in node.args.defaults]
        node.args.kw_defaults = [each and self._default(each) for each in node.args.kw_defaults]

    def _default(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name) and node.id == "_missing_" and isinstance(node.ctx, ast.Load):
            return node
        visited: ast.expr = self.visit(node)
        return visited

    def _check_annotation(self, node: ast.expr | None) -> None:
        """An annotation is text: it is never evaluated."""
        if node is not None and not (isinstance(node, ast.Constant) and type(node.value) in (str, type(None))):
            self.refuse(node, "an annotation is a text constant or absent")




def _unchanged(node: ast.AST) -> ast.AST:
    return node


def _keep_builtins(transformer: PolicyTransformer) -> None:
    """A piece of a session binds no name of a built-in: the pieces before it were compiled with its meaning."""
    for identifier, bound in transformer.evidence.module_scope.bound.items():
        if transformer.policy.has_name(identifier):
            transformer.refuse(bound[0], f"'{identifier}' is a built-in and cannot be bound in a session")


def restrict(
    tree: ast.Module,
    policy: Policy,
    filename: str,
    source_lines: Sequence[str] | None = None,
    *,
    closed: bool = False,
) -> ast.Module:
    """Apply `policy` to `tree`, which is changed and given back.

    Parameters
    ----------
    tree : a module; every statement and expression has a position.
    policy : what is allowed.
    filename : for errors.
    source_lines : the source, for errors: columns become characters, and the line is shown.
    closed : no other text will be executed in the same namespace (a module from a file, not a piece of a session):
        only then may evidence rest on what the module binds and does not bind.

    Raises DanaSecurityError for what the policy refuses, DanaSyntaxError for names that are no identifiers and for
    nesting that is too deep; the first in source order, the others of its kind in ``others`` where the class has it.
    """
    report = Report(filename, source_lines)
    if sys.version_info[:2] not in AUDITED_PYTHONS:
        version = sys.version.partition(" ")[0]
        raise DanaSecurityError(f"Python {version} is not known to the policy", filename=filename)
    if type(tree) is not ast.Module:
        raise DanaSecurityError(f"a module is expected, not {type(tree).__name__}", filename=filename)
    try:
        transformer = PolicyTransformer(policy, infer_module(tree, names=policy.names, closed=closed))
        guarded: ast.Module = transformer.visit(tree)
        if not closed:
            _keep_builtins(transformer)
    except RecursionError:
        raise DanaSyntaxError("the code is nested too deeply", filename=filename, hint="split it up") from None
    except (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # No parser makes such a tree: a field is missing or holds what it cannot hold.
        raise DanaSecurityError("the Python ast is malformed", filename=filename) from error
    if transformer.problems:
        report.fail(transformer.problems)
    return guarded
