"""Size checks that the policy writes into the code (``limited`` profile).

In: nodes that the policy is about to visit, and the evidence. Out: the same with a test where one operation in C could
take memory or time without bound. The run-time side is `dana_guards.size_checks`.

One form serves all operators: ``left op (right if <harmless> else _room_(left, right, "op"))``. ``_room_`` refuses, or
gives back the operand. The operator stays where it was, so a text that grows by ``s = s + t`` still grows in place, and
nothing is written twice. ``<harmless>`` is tested in line on types and on one bound; where the evidence proves it, no
test is left. Operands that are more than a name or a literal are kept in a temporary, in source order; in the iterable
of a comprehension, where Python allows no ``:=``, the whole operation becomes a call.

What may grow only by a bounded step for each operation needs no test: the stop of the context reaches it in time.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from dana_guards import names
from dana_guards.key_rewrites import COMPARING_METHODS, KEYED_METHODS, KeyRewrites
from dana_guards.lattice import (
    BOOL,
    COMPLEX,
    DICT,
    FLOAT,
    INT,
    LIST,
    LITTLE,
    NUMBER,
    OTHER,
    RANGE,
    SEQUENCE,
    SET,
    STR,
    TUPLE,
    Type,
)
from dana_guards.positions import at, call, choice, compare, constant, name
from dana_guards.size_products import added_product
from dana_guards.walking import descendants

if TYPE_CHECKING:
    from dana_guards.evidence import Evidence
    from dana_guards.scopes import Scope

BOUND: Final = 2**30 - 1
"""An int factor up to this adds at most 30 bits. CPython compares such ints in one step of byte code."""
LENGTH: Final = 65_536
"""Items that one ``+`` may add without being measured."""
REPEATS: Final = 4_096
"""Times a short literal may be repeated, and exponent of a short base, without being measured."""
SHIFT: Final = 256

_OPERATORS: Final[dict[type[ast.operator], tuple[str, str]]] = {
    ast.Add: ("+", "_cat_"),
    ast.Mult: ("*", "_mul_"),
    ast.Pow: ("**", "_pow_"),
    ast.LShift: ("<<", "_lshift_"),
    ast.Mod: ("%", "_mod_"),
    ast.Sub: ("-", "_room_"),
    ast.BitAnd: ("-", "_room_"),
    ast.BitXor: ("-", "_room_"),
}
_HASHED: Final = LIST | TUPLE | DICT | SET | OTHER
_SIZED_FLAGS: Final = {"str": STR, "list": LIST, "dict": DICT, "set": SET | OTHER, "range": RANGE}
_ARGUMENT_ONLY: Final = {
    **dict.fromkeys(("strip", "lstrip", "rstrip"), "strip"),
    **dict.fromkeys(("startswith", "endswith"), "startswith"),
}
"""Sized methods whose first argument alone decides, and how it is measured."""
_RECEIVER_ONLY: Final = frozenset({"split", "splitlines", "sort", "index", "count"})
"""Sized methods whose receiver alone decides."""
_SMALL_SPEC: Final = re.compile(r"(?:.?[<>=^])?[-+ ]?z?#?0?[0-9]{0,3}[,_]?(?:\.[0-9]{1,3})?[A-Za-z%]?\Z", re.DOTALL)


def is_simple(node: ast.expr) -> bool:
    """Whether reading `node` twice is the same as reading it once, and changes nothing."""
    return isinstance(node, ast.Name | ast.Constant)


def is_short(node: ast.expr) -> bool:
    """Whether `node` is a literal text, list or tuple that is short as it stands."""
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, str) or len(node.value) <= LENGTH
    return isinstance(node, ast.List | ast.Tuple) and not any(isinstance(each, ast.Starred) for each in node.elts)


def _is(operand: ast.expr, hook: str) -> ast.expr:
    return compare(call("_type_", operand), ast.Is(), name(hook))


def _less(operand: ast.expr, bound: int) -> ast.expr:
    return compare(operand, ast.Lt(), constant(bound))


def _between(operand: ast.expr) -> ast.expr:
    low = ast.UnaryOp(ast.USub(), constant(BOUND))
    return ast.Compare(low, [ast.Lt(), ast.Lt()], [operand, constant(BOUND)])


def _both(*tests: ast.expr) -> ast.expr:
    return ast.BoolOp(ast.And(), list(tests))


class Tests:
    """In-line tests for one operation; ``x()`` and ``y()`` make a read of its operands."""

    def __init__(self, left: ast.expr, right: ast.expr, one: Type, two: Type, in_place: bool = False) -> None:
        self.left, self.right, self.one, self.two, self.in_place = left, right, one, two, in_place
        self.is_character = False
        self.x: Callable[[], ast.expr] = lambda: left
        self.y: Callable[[], ast.expr] = lambda: right

    def find(self, op: type[ast.operator]) -> list[ast.expr] | None:
        """Tests of which one must hold; an empty list if only `_room_` can tell, None if nothing can happen."""
        method: Callable[[Tests], list[ast.expr] | None] = getattr(Tests, op.__name__.lower())
        return method(self)

    def add(self) -> list[ast.expr] | None:
        one, two = self.one, self.two
        if self.in_place and one.may_be(LIST):
            return self.extend()
        if is_short(self.left) or is_short(self.right) or not one.may_be(SEQUENCE) or not two.may_be(SEQUENCE):
            return None
        if self.is_character:
            return None
        if one.is_only(NUMBER) or two.is_only(NUMBER):
            return None
        if two.is_only(SEQUENCE):
            return [_less(call("_len_", self.y()), LENGTH)]
        if one.is_only(SEQUENCE):
            return [_less(call("_len_", self.x()), LENGTH)]
        short_text = _both(_is(self.y(), "_str_"), _less(call("_len_", self.y()), LENGTH))
        return [_is(self.y(), "_int_"), _is(self.y(), "_float_"), short_text]

    def extend(self) -> list[ast.expr] | None:
        """``x += y`` where `x` can be a list: any iterable will do."""
        if is_short(self.right) or self.two.is_only(NUMBER):
            return None
        short = _less(call("_len_", self.y()), LENGTH)
        if self.two.is_only(SEQUENCE | DICT | SET):
            return [short]
        short_list = _both(_is(self.y(), "_list_"), _less(call("_len_", self.y()), LENGTH))
        return [_is(self.y(), "_int_"), _is(self.y(), "_float_"), _both(_is(self.y(), "_str_"), short), short_list]

    def mult(self) -> list[ast.expr] | None:
        one, two = self.one, self.two
        real = FLOAT | COMPLEX
        if one.is_only(real) or two.is_only(real):
            return None
        if one.is_only(NUMBER) and two.is_only(NUMBER):
            if one.is_only(LITTLE | real) or two.is_only(LITTLE | real):
                return None
            if not two.may_be(COMPLEX):
                return [_between(self.y())]
            if not one.may_be(COMPLEX):
                return [_between(self.x())]
        if one.is_only(SEQUENCE):
            if not is_short(self.left) or _literal_size(self.left) > 64:
                return []
            few = _less(self.y(), REPEATS)
            return [few] if two.is_only(BOOL | INT) else [_both(_is(self.y(), "_int_"), few)]
        if one.is_only(NUMBER):
            if one.is_only(LITTLE):
                return [_is(self.y(), "_int_"), _is(self.y(), "_float_")]
            return [_is(self.y(), "_float_"), _both(_is(self.y(), "_int_"), _between(self.y()))]
        if two.is_only(NUMBER):
            if two.is_only(LITTLE):
                return [_is(self.x(), "_int_"), _is(self.x(), "_float_")]
            return [_is(self.x(), "_float_"), _both(_is(self.x(), "_int_"), _is(self.y(), "_int_"), _between(self.y()))]
        if isinstance(self.left, ast.Name) and isinstance(self.right, ast.Name) and self.left.id == self.right.id:
            return [_is(self.y(), "_float_"), _both(_is(self.y(), "_int_"), _between(self.y()))]
        ints = _both(_is(self.y(), "_int_"), _is(self.x(), "_int_"), _between(self.y()))
        return [ints, _is(self.y(), "_float_"), _is(self.x(), "_float_")]

    def pow(self) -> list[ast.expr] | None:
        one, two = self.one, self.two
        real = FLOAT | COMPLEX
        if one.is_only(real) or two.is_only(real):
            return None
        exponent = _literal_int(self.right)
        if exponent is not None:
            if exponent <= 1 or (exponent <= 64 and one.is_only(LITTLE | real)):
                return None
            if exponent > 64:
                return []
            if one.is_only(BOOL | INT | FLOAT):
                return [_between(self.x())]
            return [_is(self.x(), "_float_"), _both(_is(self.x(), "_int_"), _between(self.x()))]
        base = _literal_int(self.left)
        if base is not None and abs(base) < 2**16:
            return [_both(_is(self.y(), "_int_"), _less(self.y(), REPEATS))]
        return [_is(self.y(), "_float_"), _is(self.x(), "_float_")]

    def lshift(self) -> list[ast.expr] | None:
        places = _literal_int(self.right)
        if places is not None and places <= REPEATS:
            return None
        return [_both(_is(self.y(), "_int_"), _less(self.y(), SHIFT))]

    def sub(self) -> list[ast.expr] | None:
        """Also ``&`` and ``^``: where one side is a view of a dict, C code hashes what the other side yields."""
        if not _may_hash(self.one, self.two):
            return None
        return [_is(self.y(), "_int_"), _is(self.y(), "_float_")]

    bitand = bitxor = sub

    def mod(self) -> list[ast.expr] | None:
        if not self.one.may_be(STR):
            return None
        if self.one.is_only(STR):
            return []
        return [compare(call("_type_", self.x()), ast.IsNot(), name("_str_"))]


def _literal_int(node: ast.expr) -> int | None:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _literal_int(node.operand)
        return None if inner is None else -inner
    return None


def _literal_size(node: ast.expr) -> int:
    if isinstance(node, ast.Constant):
        return len(node.value) if isinstance(node.value, str) else 1
    return len(node.elts) if isinstance(node, ast.List | ast.Tuple) else LENGTH


class SizeRewrites(KeyRewrites):
    """The part of the transformer that writes size checks. It calls `visit` of the rest on every part once."""

    evidence: Evidence
    scope: Scope
    limited: bool
    products: dict[int, ast.AST]

    if TYPE_CHECKING:

        def visit(self, node: ast.AST) -> Any: ...
        def temporary(self) -> str: ...
        def refuse(self, node: ast.AST, message: str, hint: str | None = None) -> None: ...

    # -- operators -----------------------------------------------------------------------------------------

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Operators; ``|`` composes functions, so it goes to ``_or_`` unless an operand shows that it does not."""
        one, two = self.evidence.type_of(node.left), self.evidence.type_of(node.right)
        if isinstance(node.op, ast.BitOr):
            left, right = self.visit(node.left), self.visit(node.right)
            plain = _never_composes(one) or _never_composes(two)
            if plain and not (self.limited and _may_hash(one, two)):
                node.left, node.right = left, right
                return node
            return at(node, call("_or_", left, right))
        op = type(node.op)
        self.visit(node.op)
        if not self.limited or op not in _OPERATORS:
            node.left, node.right = self.visit(node.left), self.visit(node.right)
            return node
        tests = Tests(node.left, node.right, one, two)
        tests.is_character = self._is_character(node.left) or self._is_character(node.right)
        if tests.find(op) is None:
            node.left, node.right = self.visit(node.left), self.visit(node.right)
            return node
        return self._bounded(node, op, tests)

    def _bounded(self, node: ast.BinOp, op: type[ast.operator], tests: Tests) -> ast.AST:
        """``left op (right if tests else _room_(left, right, op))``."""
        simple = is_simple(node.left) and is_simple(node.right)
        left, right = self.visit(node.left), self.visit(node.right)
        if not simple and self.no_walrus:
            if _OPERATORS[op][1] == "_room_":  # no hook does these operations: each side is measured on its own
                node.left, node.right = _measured(left), _measured(right)
                return node
            return at(node, call(_OPERATORS[op][1], left, right))
        if simple or isinstance(node.left, ast.Constant) or self._is_steady(tests.left, tests.right):
            node.left = left
            tests.x = _reader(tests.left)
        else:
            node.left, tests.x = self._kept(left)
        node.right = self._bounded_operand(tests.right, right, op, tests)
        at(node, node.left)
        at(node, node.right)
        if op is ast.Mult and not tests.one.is_only(NUMBER) and not tests.two.is_only(NUMBER):
            self.products[id(node)] = node
        return node

    def _bounded_operand(self, given: ast.expr, right: ast.expr, op: type[ast.operator], tests: Tests) -> ast.expr:
        """The right operand, `given` in the source and visited as `right`, with its tests around it."""
        if op is ast.Add and self.products.get(id(right)) is right and isinstance(right, ast.BinOp):
            added = added_product(right, tests.x())
            if added is not None:
                return added
        if is_simple(given):
            tests.y = _reader(given)
            found = tests.find(op) or []
        else:
            kept, tests.y = self._kept(right)
            found = tests.find(op) or []
            if not found:
                return at(given, call("_room_", tests.x(), right, constant(_OPERATORS[op][0])))
            if not _replace_first(found[0], tests.y().id, kept):  # type: ignore[attr-defined]
                # The tests look at the left operand first; the right one has to be evaluated before they decide.
                evaluated = compare(kept, ast.IsNot(), name("_missing_"))
                found = [_both(evaluated, ast.BoolOp(ast.Or(), found) if len(found) > 1 else found[0])]
        room = call("_room_", tests.x(), tests.y(), constant(_OPERATORS[op][0]))
        if not found:
            return at(given, room)
        test = ast.BoolOp(ast.Or(), found) if len(found) > 1 else found[0]
        return at(given, choice(test, tests.y(), room))

    def _is_character(self, node: ast.expr) -> bool:
        """Whether `node` is one character of a text."""
        if not isinstance(node, ast.Subscript) or isinstance(node.slice, ast.Slice):
            return False
        return self.evidence.type_of(node.value).is_only(STR)

    def _kept(self, node: ast.expr) -> tuple[ast.expr, Callable[[], ast.expr]]:
        temporary = self.temporary()
        return ast.NamedExpr(ast.Name(temporary, ast.Store()), node), lambda: name(temporary)

    def _is_steady(self, left: ast.expr, right: ast.expr) -> bool:
        """Whether the variable `left` cannot change while `right` is evaluated."""
        if not isinstance(left, ast.Name):
            return False
        owner = self.scope.owner(left.id)
        if owner is None or owner is owner.root or left.id in owner.outside:
            return False
        return not any(isinstance(each, ast.NamedExpr) and each.target.id == left.id for each in descendants(right))

    def bound_augmented(self, node: ast.AugAssign) -> Callable[[ast.AugAssign], ast.AST] | None:
        """How to finish ``x op= y`` after its parts are visited, or None if nothing can happen."""
        op = type(node.op)
        target = node.target
        if op not in _OPERATORS or not isinstance(target, ast.Name):
            return None
        left = name(target.id)
        tests = Tests(left, node.value, self.evidence.type_of(target), self.evidence.type_of(node.value), True)
        if tests.find(op) is None:
            return None
        given = node.value
        tests.x = _reader(left)

        def finish(node: ast.AugAssign) -> ast.AST:
            if is_simple(given) or (not self.no_walrus and self._is_steady(left, given)):
                node.value = self._bounded_operand(given, node.value, op, tests)
            else:
                # Python has just read the variable: an argument list reads the same value.
                node.value = call("_room_", tests.x(), node.value, constant(_OPERATORS[op][0]))
            at(given, node.value)
            return node

        return finish

    # -- what reads a whole iterable in C ------------------------------------------------------------------

    def bound_starred(self, node: ast.AST, parts: Sequence[ast.AST]) -> None:
        """Measure what ``*`` and ``**`` in calls and displays unpack, before they are visited."""
        starred = [each for each in parts if isinstance(each, ast.Starred) or _is_double_starred(each)]
        for each in starred:
            assert isinstance(each, ast.Starred | ast.keyword)
            if not isinstance(each.value, ast.Tuple | ast.List | ast.Dict):
                each.value = at(each.value, call("_room_", constant(None), each.value, constant(len(starred))))

    def visit_List(self, node: ast.List) -> ast.AST:
        """Displays and targets."""
        if self.limited and isinstance(node.ctx, ast.Load):
            self.bound_starred(node, node.elts)
        node.elts = [self.visit(each) for each in node.elts]
        return node

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        """As lists."""
        return self.visit_List(node)  # type: ignore[arg-type]

    def visit_Set(self, node: ast.Set) -> ast.AST:
        """Displays."""
        if self.limited:
            self.bound_starred(node, node.elts)
        node.elts = [self._key(each) for each in node.elts]
        return node

    def _key(self, node: ast.expr) -> ast.expr:
        """An expression whose value will be hashed."""
        visited: ast.expr = self.visit(node)
        return self.measured_key(node, visited) if self.limited and not isinstance(node, ast.Starred) else visited

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        """Displays; a key of None is ``**``."""
        unpacked = sum(each is None for each in node.keys)
        for index, key in enumerate(node.keys):
            value = node.values[index]
            if key is not None:
                node.keys[index] = self._key(key)
                node.values[index] = self.visit(value)
            else:
                node.values[index] = self.visit(value)
                if self.limited:
                    room = call("_room_", constant(None), node.values[index], constant(unpacked))
                    node.values[index] = at(value, room)
        return node

    def bound_assignment(self, node: ast.Assign) -> Callable[[ast.Assign], None] | None:
        """How to measure, after the visit, what is unpacked to a starred target or put into a slice; or None."""
        if isinstance(node.value, ast.Tuple | ast.List | ast.Constant):
            return None
        if type(node.targets[0]) is ast.Name and len(node.targets) == 1:
            return None
        if not any(_takes_many(target) for target in node.targets):
            return None
        has_length = self.evidence.type_of(node.value).is_only(SEQUENCE | DICT | SET)
        one = constant(1)

        def finish(done: ast.Assign) -> None:
            value = done.value
            if has_length and not self.no_walrus:
                kept, read = self._kept(value)
                short = _less(call("_len_", kept), LENGTH)
                done.value = choice(short, read(), call("_room_", constant(None), read(), one))
            else:
                done.value = call("_room_", constant(None), value, one)
            at(value, done.value)

        return finish

    def bound_membership(self, node: ast.Compare) -> None:
        """``x in y``: a range is looked through in C, without end; an iterator looks at the meter itself."""
        left = node.left
        for index, op in enumerate(node.ops):
            right = node.comparators[index]
            if isinstance(op, ast.In | ast.NotIn):
                node.comparators[index] = self._members(left, right)
            left = right

    def hashed_operands(self, node: ast.Compare) -> list[int]:
        """Positions of operands that the operator ``in`` behind them may hash; asked before they are visited."""
        operands = [node.left, *node.comparators]
        return [
            index
            for index, op in enumerate(node.ops)
            if isinstance(op, ast.In | ast.NotIn)
            and self.hashes(operands[index + 1])
            and not self.is_flat_key(operands[index])
        ]

    def _members(self, left: ast.expr, right: ast.expr) -> ast.expr:
        one, two = self.evidence.type_of(left), self.evidence.type_of(right)
        if not two.may_be(RANGE) or one.is_only(BOOL | INT):
            return right
        room = call("_room_", constant(None), right, constant("in"))
        if not isinstance(right, ast.Name):
            return at(right, room)
        test = compare(call("_type_", name(right.id)), ast.IsNot(), name("_range_"))
        return at(right, choice(test, name(right.id), room))

    def sized_method(self, node: ast.Attribute) -> Callable[[ast.Attribute], ast.AST] | None:
        """How to finish a read of a method whose cost its arguments decide, or None."""
        if node.attr in KEYED_METHODS:
            # A call of it has its key measured in line (`visit_Call`); as a value it measures for itself.
            if node is self.called or not self.hashes(node.value):
                return None
            return lambda done: at(done, call("_sized_", done.value, constant(done.attr)))
        compares = node.attr in COMPARING_METHODS and node is not self.called
        if compares and self.evidence.type_of(node.value).may_be(LIST | TUPLE):
            return lambda done: at(done, call("_sized_", done.value, constant(done.attr)))
        if node.attr in _ARGUMENT_ONLY and node is self.called:
            return None  # a call of it has its argument measured
        kinds, _ = names.SIZED.get(node.attr, ("", ""))
        if node.attr in ("index", "count"):
            kinds = "range"  # of a list or tuple the call has its argument measured
        flags = sum(_SIZED_FLAGS[each] for each in kinds.split())
        receiver = node.value
        if not flags or not self.evidence.type_of(receiver).may_be(flags):
            return None
        if node.attr not in _RECEIVER_ONLY:
            return lambda done: at(done, call("_sized_", done.value, constant(done.attr)))

        def finish(done: ast.Attribute) -> ast.AST:
            room = call("_room_", constant(None), done.value, constant(done.attr))
            if node.attr in ("index", "count") and isinstance(receiver, ast.Name):
                kind = compare(call("_type_", name(receiver.id)), ast.IsNot(), name("_range_"))
                done.value = at(receiver, choice(kind, name(receiver.id), room))
            else:
                done.value = at(receiver, room)
            return done

        return finish

    def measured_argument(self, node: ast.Call) -> Callable[[ast.Call], Any] | None:
        """How to finish ``s.strip(x)`` and its like after their parts are visited, or None."""
        function = node.func
        if not isinstance(function, ast.Attribute) or not node.args:
            return None
        how = _ARGUMENT_ONLY.get(function.attr)
        given = node.args[0]
        if how is None or not self.evidence.type_of(function.value).may_be(STR) or is_short(given):
            return None
        if how == "startswith" and self.evidence.type_of(given).is_only(STR):
            return None

        def finish(done: ast.Call) -> Any:
            argument = done.args[0]
            if isinstance(argument, ast.Starred):
                done.func = at(function, call("_sized_", function.value, constant(function.attr)))
                return done
            room = call("_room_", constant(None), argument, constant(how))
            if how == "startswith" and isinstance(argument, ast.Name):
                test = ast.Compare(call("_type_", name(argument.id)), [ast.Is()], [name("_str_")])
                done.args[0] = at(given, ast.IfExp(test, name(argument.id), room))
            else:
                done.args[0] = at(given, room)
            return done

        return finish

    # -- f-strings -----------------------------------------------------------------------------------------

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """Fields of numbers and texts stay; others are formatted by ``_text_``, several texts joined by ``_glue_``."""
        is_long = [False] * len(node.values)
        for index, part in enumerate(node.values):
            if isinstance(part, ast.FormattedValue):
                node.values[index], is_long[index] = self._field(part)
            elif not isinstance(part, ast.Constant) or type(part.value) is not str:
                self.refuse(part, "an f-string holds texts and fields only")
        if not self.limited or not any(is_long):
            return node
        escaped = any(isinstance(each, ast.FormattedValue) and each.conversion in (97, 114) for each in node.values)
        return self._joined(node, is_long) if escaped or sum(is_long) > 1 else node

    def _joined(self, node: ast.JoinedStr, is_long: list[bool]) -> ast.AST:
        """Several texts become one: short variables in place, everything else through ``_glue_``."""
        fields = [each for each in node.values if isinstance(each, ast.FormattedValue)]
        long_fields = [each for each, long in zip(node.values, is_long, strict=True) if long]
        texts = [each.value for each in long_fields if isinstance(each, ast.FormattedValue)]
        in_place = len(fields) <= 8 and all(isinstance(each, ast.Name) for each in texts) and _is_brief(fields)
        if not in_place or not texts:
            return at(node, call("_glue_", *_grouped(node.values, is_long)))
        variables = dict.fromkeys(each.id for each in texts if isinstance(each, ast.Name))
        lengths = [_less(call("_len_", name(each)), LENGTH) for each in variables]
        glued = call("_glue_", *_grouped(copy.deepcopy(node.values), is_long))
        test = _both(*lengths) if len(lengths) > 1 else lengths[0]
        return at(node, choice(test, node, glued))

    def _field(self, node: ast.FormattedValue) -> tuple[ast.expr, bool]:
        """The field, visited, and whether its length has no small bound."""
        kind = self.evidence.type_of(node.value)
        spec = _constant_spec(node.format_spec)
        value: ast.expr = self.visit(node.value)
        if node.conversion not in (-1, 97, 114, 115):
            self.refuse(node, "that conversion is not known")
        is_small = spec is not None and _SMALL_SPEC.match(spec) is not None
        if is_small and self.limited and kind.is_only(STR) and isinstance(value, ast.Name):
            # Escapes make a text ten times as long: `_joined` bounds it, or calls ``_text_``.
            node.value = value
            return node, True
        if is_small and (
            kind.is_only(BOOL | INT | FLOAT)
            or (kind.is_only(STR) and (node.conversion in (-1, 115) or not self.limited))
        ):
            node.value = value
            return node, kind.may_be(STR)
        conversion = constant(chr(node.conversion) if node.conversion > 0 else None)
        given = constant(spec) if spec is not None else self.visit(node.format_spec)  # type: ignore[arg-type]
        text = at(node, call("_text_", value, conversion, given))
        return at(node, ast.FormattedValue(text, -1, None)), True

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        """A field outside an f-string."""
        self.refuse(node, "a field stands in an f-string only")
        return node


def _reader(node: ast.expr) -> Callable[[], ast.expr]:
    if isinstance(node, ast.Name):
        return lambda: name(node.id)
    assert isinstance(node, ast.Constant)
    return lambda: constant(node.value)


def _replace_first(test: ast.expr, temporary: str, kept: ast.expr) -> bool:
    """Put the ``:=`` in place of the first read, if that is what `test` evaluates first."""
    if isinstance(test, ast.BoolOp):
        return _replace_first(test.values[0], temporary, kept)
    if not isinstance(test, ast.Compare):
        return False
    if isinstance(test.left, ast.Call):
        first = test.left.args[0]
        if isinstance(first, ast.Name) and first.id == temporary:
            test.left.args[0] = kept
            return True
        return False
    if isinstance(test.left, ast.Name) and test.left.id == temporary:
        test.left = kept
        return True
    # ``-B < y < B``: the bound is a literal.
    second = test.comparators[0]
    if isinstance(second, ast.Name) and second.id == temporary and isinstance(test.left, ast.UnaryOp):
        test.comparators[0] = kept
        return True
    return False


def _may_hash(one: Type, two: Type) -> bool:
    """Whether one operand can be a view of a dict and the other something to be hashed."""
    return (one.may_be(OTHER) and two.may_be(_HASHED)) or (two.may_be(OTHER) and one.may_be(_HASHED))


def _measured(node: ast.expr) -> ast.expr:
    return at(node, call("_room_", constant(None), node, constant("-")))


def _never_composes(kind: Type) -> bool:
    return kind.is_only(NUMBER | STR | SET | DICT | LIST | TUPLE | RANGE)


def _is_double_starred(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and node.arg is None


def _takes_many(target: ast.expr) -> bool:
    """Whether a target is a slice, or has a starred part."""
    if isinstance(target, ast.Tuple | ast.List):
        return any(_takes_many(each) for each in target.elts)
    is_slice = isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice)
    return is_slice or isinstance(target, ast.Starred)


def _constant_spec(spec: ast.expr | None) -> str | None:
    """The format spec if it is a constant, "" if there is none."""
    if spec is None:
        return ""
    if isinstance(spec, ast.JoinedStr) and all(isinstance(each, ast.Constant) for each in spec.values):
        return "".join(str(each.value) for each in spec.values if isinstance(each, ast.Constant))
    return None


def _grouped(values: list[ast.expr], is_long: list[bool]) -> list[ast.expr]:
    """The parts of an f-string as arguments: long fields alone, what lies between them together."""
    parts: list[ast.expr] = []
    for long, group in groupby(zip(values, is_long, strict=True), key=lambda each: each[1]):
        run = [value for value, _ in group]
        if long:
            parts += [_text_part(each) for each in run]
        elif len(run) == 1 and isinstance(run[0], ast.Constant):
            parts += run
        else:
            parts.append(at(run[0], ast.JoinedStr(run)))
    return parts


def _is_brief(fields: list[ast.FormattedValue]) -> bool:
    """Whether the fields may stand in the code twice."""
    nodes = [each for field in fields for each in ast.walk(field)]
    return len(nodes) <= 80 and sum(isinstance(each, ast.JoinedStr) for each in nodes) <= len(fields)


def _text_part(field: ast.expr) -> ast.expr:
    """A long field as an argument: its text where nothing formats it, through ``_text_`` where escapes grow it."""
    assert isinstance(field, ast.FormattedValue)
    if field.conversion in (97, 114):
        conversion = constant(chr(field.conversion))
        spec = constant(_constant_spec(field.format_spec))
        return at(field, call("_text_", field.value, conversion, spec))
    return field.value if field.format_spec is None else at(field, ast.JoinedStr([field]))
