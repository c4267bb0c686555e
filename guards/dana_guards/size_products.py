"""Sums of products: one test for both operations.

In: ``left * (right if <tests> else _room_(…))`` as `dana_guards.size_rewrites` writes it where both factors can be
anything, on the right side of a ``+``. Out: ``product if <tests> else _room_(x, product, "+")``. Where the tests hold
the product is a number: of two ints, or with a float, beside which nothing but a number stands. Adding a number grows
by a bounded step and needs no test. Where they do not hold, both operations are checked as before.
"""

from __future__ import annotations

import ast
import copy

from dana_guards.positions import at, call, constant, name


def added_product(product: ast.BinOp, total: ast.expr) -> ast.expr | None:
    """The right side of ``total + product``, or None if the product is tested in another form; changes `product`."""
    choice = product.right
    if not isinstance(choice, ast.IfExp) or not isinstance(choice.test, ast.BoolOp):
        return None
    ints = choice.test.values[0]
    if not isinstance(choice.test.op, ast.Or) or not isinstance(ints, ast.BoolOp) or len(ints.values) != 3:
        return None
    first, left = ints.values[0], product.left
    if isinstance(left, ast.NamedExpr):
        if not isinstance(first, ast.Compare):
            return None
        # The test stands before the product now. Both factors are evaluated in it, the left one first, whatever their
        # types are: ``type(left) is type(right) is int``.
        types = [first.left, *first.comparators]
        ints.values[:2] = [at(product, ast.Compare(call("_type_", left), [ast.Is(), ast.Is()], types))]
        left = name(left.target.id)
    unsure = at(product, ast.BinOp(copy.copy(left), ast.Mult(), choice.orelse))
    product.left, product.right = at(product, left), choice.body
    return at(product, ast.IfExp(choice.test, product, call("_room_", total, unsure, constant("+"))))
