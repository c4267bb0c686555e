"""Keys and comparisons: what C code will walk through is measured first.

Hashing nested tuples recurses in C without a check, and comparing data that shares its parts has no end in sight.

In: the parts of a Python ast whose value is hashed. Out: the same with a test in line, ``k if _type_(k) is not _tuple_
else _room_(None, k, "key")``, where the evidence does not show that the key is no tuple. A tuple 300,000 deep ends the
process when it is hashed (threat model 5.5, "native stack"), and one that shares its parts sixty times over is hashed
for ever. Of the closed world only tuples hash what they hold: lists, dicts, sets and structs are not hashable, a
frozenset remembers the hashes of its items, and text and numbers are flat.

Comparisons look at lists, tuples, dicts and sets alike: ``a = [a, a]`` sixty times over is 2**60 parts. One side is
enough, since the smaller one bounds the work: ``x == (y if _type_(y) is _int_ or … else _room_(None, y, "=="))``.
Views of dicts hash what they look up, so both sides are measured where one may be a view.

Applied in the ``limited`` profile: items read, written and deleted, ``in``, set and dict displays and comprehensions,
and the first argument of `KEYED_METHODS`. Read as a value (``f = d.get``), such a method is a `_sized_` one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from dana_guards.lattice import DICT, LIST, OTHER, SET, TUPLE
from dana_guards.positions import at, call, choice, compare, constant, name

if TYPE_CHECKING:
    from dana_guards.evidence import Evidence

HASHING: Final = DICT | SET | OTHER
"""Types whose items, members or methods hash a key. `OTHER` are frozensets and the like."""
COMPARED: Final = LIST | TUPLE | DICT | SET
"""Types that compare what they hold, part by part, in one C call."""
PLAIN: Final = ("_int_", "_str_", "_float_")
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
COMPARING_METHODS: Final = frozenset(["index", "count", "remove"])
KEYED_METHODS: Final = frozenset(["get", "setdefault", "pop", "add", "discard", "remove"])


class KeyRewrites:
    """The part of the transformer that measures keys. It is given parts that are visited already."""

    evidence: Evidence
    limited: bool
    no_walrus: int = 0
    called: ast.AST | None = None
    """The function of the call that is being visited."""

    if TYPE_CHECKING:

        def temporary(self) -> str: ...
        def _kept(self, node: ast.expr) -> tuple[ast.expr, Callable[[], ast.expr]]: ...

    def hashes(self, receiver: ast.expr) -> bool:
        """Whether the receiver can be something that hashes; asked before it is visited."""
        return self.limited and self.evidence.type_of(receiver).may_be(HASHING)

    def is_flat_key(self, key: ast.expr) -> bool:
        """Whether the evidence shows that a key holds no tuple; asked before it is visited."""
        if isinstance(key, ast.Tuple):
            return all(not isinstance(each, ast.Starred) and self.is_flat_key(each) for each in key.elts)
        return not self.evidence.type_of(key).may_be(TUPLE)

    def measured_key(self, given: ast.expr, visited: ast.expr) -> ast.expr:
        """The key with its test; `given` is what the evidence knows, `visited` what will stand in the tree."""
        if self.is_flat_key(given):
            return visited
        if isinstance(given, ast.Tuple) and isinstance(visited, ast.Tuple) and not _has_starred(given):
            pairs = zip(given.elts, visited.elts, strict=True)
            visited.elts = [self.measured_key(one, other) for one, other in pairs]
            return visited
        if self.no_walrus and not isinstance(visited, ast.Name):
            return at(given, call("_room_", constant(None), visited, constant("key")))
        first, again = self._twice(visited)
        test = compare(call("_type_", first), ast.IsNot(), name("_tuple_"))
        room = call("_room_", constant(None), again(), constant("key"))
        return at(given, choice(test, again(), room))

    def _twice(self, visited: ast.expr) -> tuple[ast.expr, Callable[[], ast.expr]]:
        """A first use of a value, and a maker of further uses."""
        if isinstance(visited, ast.Name):
            identifier = visited.id
            return visited, lambda: name(identifier)
        return self._kept(visited)

    def compared_operands(self, node: ast.Compare) -> list[int]:
        """Positions of operands that have to be measured before they are compared; asked before they are visited."""
        operands = [node.left, *node.comparators]
        kinds = [self.evidence.type_of(each) for each in operands]
        found = []
        for index, op in enumerate(node.ops):
            if isinstance(op, _COMPARISONS):
                flat = any(map(self.is_flat_display, operands[index : index + 2]))
                one, two = kinds[index : index + 2]
                if not flat and one.may_be(COMPARED) and two.may_be(COMPARED):
                    found.append(index + 1)
                # A view of a dict looks up what it yields in a set or in another view: it is hashed.
                if one.may_be(OTHER) and two.may_be(SET | OTHER):
                    found.append(index)
                if two.may_be(OTHER) and one.may_be(SET | OTHER):
                    found.append(index + 1)
            elif isinstance(op, ast.In | ast.NotIn) and kinds[index + 1].may_be(LIST | TUPLE):
                flat = self.is_flat_display(operands[index])
                found += [index] if not flat and kinds[index].may_be(COMPARED) else []
        return found

    def is_flat_display(self, node: ast.expr) -> bool:
        """Whether a literal holds nothing that holds anything."""
        match node:
            case ast.Constant() | ast.JoinedStr():
                return True
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return not any(self.evidence.type_of(part).may_be(COMPARED) for part in parts)
            case ast.Dict(keys=keys, values=values):
                parts = [part for part in (*keys, *values) if part is not None]
                return None not in keys and not any(self.evidence.type_of(part).may_be(COMPARED) for part in parts)
        return False

    def measured_operand(self, given: ast.expr, visited: ast.expr) -> ast.expr:
        """An operand of a comparison with its tests: numbers and text go by."""
        kind = self.evidence.type_of(given)
        if not isinstance(visited, ast.Name) and (self.no_walrus or kind.is_only(COMPARED)):
            return at(given, call("_room_", constant(None), visited, constant("==")))
        first, again = self._twice(visited)
        tests: list[ast.expr] = [
            compare(call("_type_", again() if number else first), ast.Is(), name(hook))
            for number, hook in enumerate(PLAIN)
        ]
        room = call("_room_", constant(None), again(), constant("=="))
        return at(given, ast.IfExp(ast.BoolOp(ast.Or(), tests), again(), room))

    def compared_call(self, node: ast.Call) -> Callable[[ast.Call], Any] | None:
        """How to finish ``l.index(x)`` and its like after their parts are visited, or None."""
        function = node.func
        if not isinstance(function, ast.Attribute) or function.attr not in COMPARING_METHODS or not node.args:
            return None
        given = node.args[0]
        if isinstance(given, ast.Starred) or self.is_flat_display(given):
            return None
        if not self.evidence.type_of(given).may_be(COMPARED):
            return None
        if not self.evidence.type_of(function.value).may_be(LIST | TUPLE):
            return None

        def finish(done: ast.Call) -> Any:
            done.args[0] = self.measured_operand(given, done.args[0])
            return done

        return finish

    def keyed_call(self, node: ast.Call) -> Callable[[ast.Call], Any] | None:
        """How to finish ``d.get(key)`` and its like after their parts are visited, or None."""
        function = node.func
        if not isinstance(function, ast.Attribute) or function.attr not in KEYED_METHODS or not node.args:
            return None
        given = node.args[0]
        if isinstance(given, ast.Starred) or not self.hashes(function.value) or self.is_flat_key(given):
            return None

        def finish(done: ast.Call) -> Any:
            done.args[0] = self.measured_key(given, done.args[0])
            return done

        return finish


def _has_starred(node: ast.Tuple) -> bool:
    return any(isinstance(each, ast.Starred) for each in node.elts)
