"""Spelling out Dana's operators in expressions.

In: the lowered ast with its marks. Out: the same tree, changed in place, without marks that matter: each
marked operator is Python's own where the types show that Dana means the same, else an inline test with
the helper in the branch that is hardly taken. Nothing here is a guard; the policy comes after.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, ClassVar

from dana2py.options import Options
from dana2py.specialise import forms
from dana2py.specialise.builtin_calls import shorter
from dana2py.specialise.facts import Facts, StructFacts
from dana2py.specialise.forms import clone, either, hook, load, place, same_type, simple, type_test
from dana2py.specialise.types import NUMBERS, coerces
from dana_guards.lattice import ANY, DICT, FLOAT, INT, SEQUENCE, STR, STRUCT, Type, of_constant
from dana_guards.type_hooks import TYPE_HOOKS
from dana_guards.walking import fields_of, listed, parts

DICT_METHODS = frozenset(name for name in dir(dict) if not name.startswith("_"))
MAX_CANDIDATES = 3
MAX_DUPLICATE = 24
"""Nodes of an argument list that may stand twice; a larger one is evaluated through a bound method."""


class ExpressionSpecialiser:
    """Rewrites expressions of one function (or of the module's top level)."""

    methods: ClassVar[dict[type[ast.AST], Callable[[Any, Any], ast.expr | None]]] = {}
    """For each class of expressions what rewrites it; None stands for the node itself."""

    def __init__(self, facts: Facts, function: ast.AST, temporaries: Callable[[], str], options: Options) -> None:
        self.facts = facts
        # A copy of a function has the variables of the one that the inference has seen.
        self.function = getattr(function, "dana_source", function)
        self.temporary = temporaries
        self.options = options
        self.compact = hasattr(function, "dana_compact")
        """A version that is hardly ever called: operators by their helpers, nothing in line."""
        self.no_walrus = 0
        """Greater than 0 where Python allows no ``:=``: in the iterable of a comprehension."""
        self.retrying = False
        """Inside a statement that is repeated with helpers when it raises TypeError: ``+`` stays plain."""

    def kinds(self, node: ast.expr) -> Type:
        """The types that the value of ``node`` can have."""
        if isinstance(node, ast.Constant) and self.options.types:
            return of_constant(node.value)
        if self.compact:
            return ANY
        return self.facts.type_of(getattr(node, "dana_origin", node))

    # -- walking -------------------------------------------------------------------------------

    def expr(self, node: ast.expr) -> ast.expr:
        """The specialised expression."""
        kind = type(node)
        if kind is ast.Name or kind is ast.Constant:
            return node
        method = self.methods.get(kind)
        if method is None:
            method = self.methods[kind] = getattr(type(self), f"expr_{kind.__name__}", type(self).inside)
        result: ast.expr | None = method(self, node)
        return node if result is None else result

    def inside(self, node: ast.AST) -> None:
        """Specialise the expressions directly below ``node``, in place."""
        for name, value in zip(fields_of(type(node)), parts(node), strict=True):
            kind = type(value)
            if value is None or kind is ast.Name or kind is ast.Constant:
                continue
            if kind is list:
                for number, item in enumerate(value):
                    if isinstance(item, ast.expr):
                        value[number] = self.expr(item)
                    elif isinstance(item, ast.keyword):
                        item.value = self.expr(item.value)
            elif isinstance(value, ast.expr):
                made = self.expr(value)
                if made is not value:
                    setattr(node, name, made)

    def named(self, node: ast.expr) -> tuple[ast.expr, Callable[[], ast.expr]] | None:
        """How to use a value twice: the first use, and a maker of further uses. None where it cannot be."""
        if self.compact:
            return None
        if simple(node):
            return node, lambda: clone(node)
        return self.renamed(node)

    # -- + and comparisons ---------------------------------------------------------------------

    def expr_BinOp(self, node: ast.BinOp) -> ast.expr:
        """``a + b`` with coercion of numbers to text; other operators are Python's."""
        if not getattr(node, "dana_op", False) or not self.options.coercion:
            self.inside(node)
            return node
        left_kinds, right_kinds = self.kinds(node.left), self.kinds(node.right)
        left, right = self.expr(node.left), self.expr(node.right)
        node.left, node.right = left, right
        if not coerces(left_kinds, right_kinds) or self.retrying:
            del node.dana_op  # type: ignore[attr-defined]
            if self.retrying and self.facts.limited and self.counts(node.left):
                node.right = self.summand(right, right_kinds)
            return node
        return self.spelt(node, node.op, left, left_kinds, right, right_kinds)

    def counts(self, node: ast.expr) -> bool:
        """Does it look like a number that is added to: a variable that gets a number somewhere and no text or list?"""
        while isinstance(node, ast.BinOp):
            node = node.left
        if not isinstance(node, ast.Name) or self.kinds(node).is_only(NUMBERS):
            return False
        bound = self.facts.evidence.scope_of(self.function).bound.get(node.id, ())
        types = [self.facts.type_of(each) for each in bound if isinstance(each, ast.Name)]
        return any(each.is_only(NUMBERS) for each in types) and not any(each.is_only(SEQUENCE) for each in types)

    def summand(self, node: ast.expr, kinds: Type) -> ast.expr:
        """``v if v < 0 else v``: v, and TypeError for a text, a list or a tuple; then the statement is repeated.

        So the ``limited`` profile sees that the sum grows by a bounded step, at half the price of testing the type.
        """
        if isinstance(node, ast.BinOp) or not kinds.may_be(SEQUENCE) or not kinds.may_be(NUMBERS):
            return node
        use = self.named(node)
        if use is None:
            return node
        first, again = use
        below = ast.Compare(left=first, ops=[ast.Lt()], comparators=[forms.constant(node, 0)], **place(node))
        return either(node, below, again(), again())

    def spelt(
        self, node: ast.expr, op: ast.AST, left: ast.expr, left_kinds: Type, right: ast.expr, right_kinds: Type
    ) -> ast.expr:
        """``a op b`` where one side may be text and the other a number."""
        if isinstance(op, ast.Add) and _text_and_number(left_kinds, right_kinds):
            return forms.joined(node, left, right)
        if (left_kinds.is_only(STR) and right_kinds.is_only(NUMBERS)) or (
            left_kinds.is_only(NUMBERS) and right_kinds.is_only(STR)
        ):
            return forms.operator_hook(node, op, left, right)
        first = self.named(left) if simple(right) or self.stable(left) else self.renamed(left)
        second = self.named(right)
        if first is None or second is None:
            return forms.operator_hook(node, op, left, right)
        (left, left_again), (right, right_again) = first, second
        slow = forms.operator_hook(node, op, left_again(), right_again())
        plain = self.plain(node, op, left_again(), right_again())
        # A test may leave out an operand only if nothing has to be evaluated before the other one.
        if simple(left) and left_kinds.is_only(NUMBERS):
            test = type_test(right, "_str_", negate=True)
        elif simple(right) and right_kinds.is_only(NUMBERS):
            test = type_test(left, "_str_", negate=True)
        elif simple(left) and left_kinds.is_only(STR):
            test = type_test(right, "_str_")
        elif simple(right) and right_kinds.is_only(STR):
            test = type_test(left, "_str_")
        else:
            test = same_type(left, right)
        return either(node, test, plain, slow)

    def stable(self, node: ast.expr) -> bool:
        """Does a simple operand keep its value while the other one is evaluated? A variable of another
        scope may be changed by a call."""
        if not isinstance(node, ast.Name):
            return True
        scope = self.facts.evidence.scope_of(self.function)
        return scope.is_function and node.id in scope.bound and node.id not in scope.outside

    def renamed(self, node: ast.expr) -> tuple[ast.expr, Callable[[], ast.expr]] | None:
        """As `named`, with a name of its own also for a variable."""
        if self.no_walrus or self.compact:
            return None
        name = self.temporary()
        target = ast.Name(id=name, ctx=ast.Store(), **place(node))
        return ast.NamedExpr(target=target, value=node, **place(node)), lambda: load(node, name)

    def plain(self, node: ast.expr, op: ast.AST, left: ast.expr, right: ast.expr) -> ast.expr:
        """Python's own operator."""
        if isinstance(op, ast.operator):
            return ast.BinOp(left=left, op=op, right=right, **place(node))
        assert isinstance(op, ast.cmpop)
        return ast.Compare(left=left, ops=[op], comparators=[right], **place(node))

    def expr_Compare(self, node: ast.Compare) -> ast.expr:
        """Comparisons coerce between text and numbers; ``in`` and ``is`` never do."""
        kinds = [self.kinds(part) for part in (node.left, *node.comparators)]
        self.inside(node)
        if not getattr(node, "dana_op", False) or not self.options.coercion:
            return node
        pairs = [
            not isinstance(op, ast.In | ast.NotIn | ast.Is | ast.IsNot) and coerces(kinds[i], kinds[i + 1])
            for i, op in enumerate(node.ops)
        ]
        if not any(pairs):
            return node
        if len(node.ops) == 1:
            return self.spelt(node, node.ops[0], node.left, kinds[0], node.comparators[0], kinds[1])
        return self.chain(node, kinds, pairs)

    def chain(self, node: ast.Compare, kinds: list[Type], pairs: list[bool]) -> ast.expr:
        """``a < b <= c`` is ``a < b and b <= c`` with b evaluated once."""
        parts: list[ast.expr] = []
        left = node.left
        for number, (op, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
            last = number == len(node.ops) - 1
            again: Callable[[], ast.expr] | None = None
            if not last:
                use = self.named(right)
                if use is None:
                    return self.chain_by_hooks(node)
                right, again = use
            if isinstance(right, ast.NamedExpr) and pairs[number]:
                # Bind first, compare after: `spelt` may look at the operands in any order.
                name = right.target.id
                parts.append(self._always(node, right))
                right = load(node, name)
            if pairs[number]:
                parts.append(self.spelt(node, op, left, kinds[number], right, kinds[number + 1]))
            else:
                parts.append(self.plain(node, op, left, right))
            left = again() if again is not None else left
        return ast.BoolOp(op=ast.And(), values=parts, **place(node))

    def _always(self, node: ast.expr, binding: ast.NamedExpr) -> ast.expr:
        """An expression that evaluates ``binding`` and is true: ``(t := x) is t``."""
        again = load(node, binding.target.id)
        return ast.Compare(left=binding, ops=[ast.Is()], comparators=[again], **place(node))

    def chain_by_hooks(self, node: ast.Compare) -> ast.expr:
        """Where no ``:=`` may stand, a chain inside a helper function's argument list is made by a lambda."""
        args = [ast.arg(arg=self.temporary(), annotation=None, **place(node)) for _ in node.comparators[:-1]]
        # Each inner value is the right side of one link and the left side of the next: a node for each.
        lefts: list[ast.expr] = [node.left, *[load(node, arg.arg) for arg in args]]
        rights: list[ast.expr] = [*[load(node, arg.arg) for arg in args], node.comparators[-1]]
        parts: list[ast.expr] = []
        for op, left, right in zip(node.ops, lefts, rights, strict=True):
            parts.append(
                self.plain(node, op, left, right)
                if isinstance(op, ast.In | ast.NotIn | ast.Is | ast.IsNot)
                else forms.operator_hook(node, op, left, right)
            )
        body = ast.BoolOp(op=ast.And(), values=parts, **place(node))
        arguments = ast.arguments(posonlyargs=[], args=args, kwonlyargs=[], kw_defaults=[], defaults=[])
        function = ast.Lambda(args=arguments, body=body, **place(node))
        return ast.Call(func=function, args=list(node.comparators[:-1]), keywords=[], **place(node))

    # -- truth ---------------------------------------------------------------------------------

    def condition(self, node: ast.expr) -> ast.expr:
        """The test of ``if`` and ``while`` by semantic truth (5.4)."""
        if not self.options.coercion:
            return self.expr(node)
        if isinstance(node, ast.BoolOp):
            return self.bool_condition(node)
        kinds = self.kinds(node)
        value = self.expr(node)
        if not kinds.may_be(STR):
            return value
        if kinds.is_only(STR):
            return hook(value, "_truth_", value)
        use = self.named(value)
        if use is None:
            return hook(value, "_truth_", value)
        first, again = use
        text = type_test(again(), "_str_", negate=True)
        check = ast.BoolOp(op=ast.Or(), values=[text, hook(value, "_truth_", again())], **place(value))
        return ast.BoolOp(op=ast.And(), values=[first, check], **place(value))

    def bool_condition(self, node: ast.BoolOp) -> ast.expr:
        """The value of ``a and b`` is false, or b: only b's text needs a look. With ``or`` every part does.

        A part before the last decides by plain truth whether the next is looked at (5.4), so a text that is
        true for Python ends an ``or`` and is then judged.
        """
        *heads, last = node.values
        if isinstance(node.op, ast.And):
            node.values = [*[self.expr(head) for head in heads], self.condition(last)]
            return node
        if not any(self.kinds(head).may_be(STR) for head in heads):
            node.values = [*[self.expr(head) for head in heads], self.condition(last)]
            return node
        value = self.expr(node)
        return hook(value, "_truth_", value)

    # -- attributes and methods ----------------------------------------------------------------

    def is_module(self, node: ast.expr) -> bool:
        """Is it the name of an imported module, or of a scope store?"""
        if not isinstance(node, ast.Name):
            return False
        if node.id in ("_public_", "_system_"):
            return True
        return node.id in self.facts.modules and self.facts.is_global(node.id, self.function)

    def struct_of(self, kinds: Type) -> StructFacts | None:
        """The struct of this module that the value surely is."""
        return self.facts.structs.get(kinds.struct) if kinds.struct and kinds.is_only(STRUCT) else None

    def class_test(self, value: ast.expr, struct: StructFacts) -> ast.expr:
        """``_type_(value) is P``."""
        return type_test(value, struct.name)

    def reachable(self, structs: list[StructFacts], line: int) -> list[StructFacts]:
        """Those whose class can be named here: declared before, and not hidden by a local variable."""
        return [s for s in structs if s.line < line and self.facts.is_global(s.name, self.function)]

    def expr_Attribute(self, node: ast.Attribute) -> ast.expr:
        """``x.f``: the slot of a struct behind its type test, a dict's key, else Python's attribute."""
        if not getattr(node, "dana_attr", False) or self.is_module(node.value):
            self.inside(node)
            return node
        kinds = self.kinds(node.value)
        struct = self.struct_of(kinds)
        node.value = self.expr(node.value)
        if struct is not None and node.attr in struct.fields:
            return self.slot(node, node.value)
        if not kinds.may_be(DICT) and not kinds.may_be(STRUCT):
            return node
        return self.unknown_attribute(node)

    def slot(self, node: ast.Attribute, value: ast.expr) -> ast.Attribute:
        """``x.dana_s_f``."""
        return ast.Attribute(value=value, attr=f"dana_s_{node.attr}", ctx=ast.Load(), **place(node))

    def unknown_attribute(self, node: ast.Attribute) -> ast.expr:
        """The type tests for a receiver of unknown type."""
        use = self.named(node.value)
        if use is None:
            return hook(node, "_getattr_", node.value, forms.constant(node, node.attr))
        first, again = use
        slow = hook(node, "_getattr_", again(), forms.constant(node, node.attr))
        owners = self.reachable(self.facts.owners_of_field(node.attr), node.lineno)
        if not owners or len(owners) > MAX_CANDIDATES:
            plain = ast.Attribute(value=again(), attr=node.attr, ctx=ast.Load(), **place(node))
            return either(node, type_test(first, "_dict_", negate=True), plain, slow)
        result: ast.expr = slow
        for number, owner in enumerate(reversed(owners)):
            value = first if number == len(owners) - 1 else again()
            result = either(node, self.class_test(value, owner), self.slot(node, again()), result)
        return result

    def expr_Call(self, node: ast.Call) -> ast.expr:
        """Typed assignment's coercion, method calls, and everything else as it is."""
        if hasattr(node, "dana_coerce"):
            return self.coercion(node, node.dana_coerce)
        if hasattr(node, "dana_call"):
            return self.method_call(node, node.dana_call)
        types = [self.kinds(arg) for arg in node.args]
        self.inside(node)
        if not self.options.types:
            return node
        return shorter(node, types, self.facts.limited, self.is_builtin) or node

    def is_builtin(self, name: str) -> bool:
        """Does ``name``, read here, surely mean the built-in?"""
        evidence = self.facts.evidence
        return evidence.is_builtin(name, evidence.scope_of(self.function))

    def coercion(self, node: ast.Call, wanted: str) -> ast.expr:
        """``_to_int_(v)``: nothing where v is known to be an int, else one test."""
        kinds = self.kinds(node.args[0])
        value = self.expr(node.args[0])
        if kinds.is_only(TYPE_HOOKS[wanted]):
            return value
        use = self.named(value)
        if use is None:
            return hook(node, f"_to{wanted}", value)
        first, again = use
        return either(node, type_test(first, wanted), again(), hook(node, f"_to{wanted}", again()))

    def method_call(self, node: ast.Call, fallback: ast.expr | None) -> ast.expr:
        """``x.m(args)``: the whole call stands inside the branch (performance: no bound method)."""
        func = node.func
        assert isinstance(func, ast.Attribute)
        name = func.attr
        kinds = self.kinds(func.value)
        module = self.is_module(func.value)
        struct = self.struct_of(kinds)
        self.inside(node)
        if module or (struct is not None and name in struct.methods and name not in struct.fields):
            return node
        if name in self.facts.doubles:
            node.func = self._bound_method(node, func.value, name, fallback)
            return node
        if fallback is None and (name in DICT_METHODS or not kinds.may_be(DICT)):
            return node
        return self.unknown_method(node, func, fallback)

    def unknown_method(self, node: ast.Call, func: ast.Attribute, fallback: ast.expr | None) -> ast.expr:
        """Type tests for a receiver of unknown type; the rest goes through ``_method_``."""
        name = func.attr
        owners = self.reachable(self.facts.owners_of_method(name), node.lineno) if fallback is not None else []
        use = self.named(func.value) if _weight(node) <= MAX_DUPLICATE else None
        fast = fallback is None or 0 < len(owners) <= MAX_CANDIDATES
        if use is None or not fast:
            node.func = self._bound_method(node, func.value, name, fallback)
            return node
        first, again = use
        slow = ast.Call(
            func=self._bound_method(node, again(), name, fallback),
            args=[clone(arg) for arg in node.args],
            keywords=[clone(item) for item in node.keywords],
            **place(node),
        )
        node.func = ast.Attribute(value=again(), attr=name, ctx=ast.Load(), **place(func))
        if not owners:
            return either(node, type_test(first, "_dict_", negate=True), node, slow)
        tests = [self.class_test(first if number == 0 else again(), owner) for number, owner in enumerate(owners)]
        test = tests[0] if len(tests) == 1 else ast.BoolOp(op=ast.Or(), values=list(tests), **place(node))
        return either(node, test, node, slow)

    def _bound_method(self, node: ast.Call, value: ast.expr, name: str, fallback: ast.expr | None) -> ast.expr:
        args = [value, forms.constant(node, name)]
        if fallback is not None:
            args.append(clone(fallback))
        return hook(node, "_method_", *args)

    # -- scopes inside expressions ---------------------------------------------------------------

    def expr_Lambda(self, node: ast.Lambda) -> ast.expr:
        """A function of its own: defaults outside, the body inside."""
        node.args.defaults = [self.expr(default) for default in node.args.defaults]
        node.args.kw_defaults = [default and self.expr(default) for default in node.args.kw_defaults]
        inner = self.nested(node)
        inner.compact = self.compact
        inner.no_walrus = self.no_walrus  # Python forbids it in a lambda inside such an iterable, too
        node.body = inner.expr(node.body)
        return node

    def nested(self, function: ast.AST) -> ExpressionSpecialiser:
        """A specialiser for a function inside this one."""
        return type(self)(self.facts, function, self.temporary, self.options)

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> ast.expr:
        """Iterables may hold no ``:=``; elements and conditions may, at the price of a name outside."""
        for clause in node.generators:
            self.no_walrus += 1
            clause.iter = self.expr(clause.iter)
            self.no_walrus -= 1
            clause.ifs = [self.expr(test) for test in clause.ifs]
        retrying, self.retrying = self.retrying, False
        if isinstance(node, ast.DictComp):
            node.key, node.value = self.expr(node.key), self.expr(node.value)
        else:
            node.elt = self.expr(node.elt)
        self.retrying = retrying
        return node

    expr_ListComp = expr_SetComp = expr_DictComp = expr_GeneratorExp = comprehension


def _text_and_number(left: Type, right: Type) -> bool:
    """Is one side text and the other an exact number, which reads the same in an f-string? (A bool does not.)"""
    number = INT | FLOAT
    return (left.is_only(STR) and right.is_only(number)) or (left.is_only(number) and right.is_only(STR))


def _weight(node: ast.Call) -> int:
    """How many nodes the arguments have."""
    return len(listed([*node.args, *node.keywords]))

