"""Helpers of the policy's tests: restrict Python text, run the result, look at the code."""

from __future__ import annotations

import ast
import dis
import operator
from collections.abc import Iterator
from types import CodeType
from typing import Any

from dana_guards import names
from dana_guards.errors import DanaMemoryError, Interrupt
from dana_guards.limits import Limits
from dana_guards.policy import Policy
from dana_guards.size_checks import plain_hooks, size_hooks
from dana_guards.transform import restrict

LIMITED = Policy("limited", stop_flags=False)
UNLIMITED = Policy("unlimited")
PROFILES = (LIMITED, UNLIMITED)


class SmallMeter:
    """A meter with a fixed room, for tests."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.room = room
        self.limits = Limits()
        self.asked: list[int] = []
        self.checks = 0

    def need(self, size: int, what: str) -> None:
        self.asked.append(size)
        if size > self.room:
            raise Interrupt(DanaMemoryError(f"{what} needs {size} bytes"))

    def check(self) -> None:
        self.checks += 1

    def stop(self, reason: Any) -> None:
        raise Interrupt(reason)


def guarded(text: str, policy: Policy = LIMITED, *, closed: bool = False) -> ast.Module:
    """The guarded tree of a Python text."""
    return restrict(ast.parse(text), policy, "test.na", text.splitlines(), closed=closed)


def shown(text: str, policy: Policy = LIMITED, *, closed: bool = False) -> str:
    """The guarded tree of a Python text, as text."""
    return ast.unparse(guarded(text, policy, closed=closed))


def _text(value: Any, conversion: str | None = None, spec: str = "") -> str:
    value = {"r": repr, "a": ascii, "s": str, None: lambda given: given}[conversion](value)
    return format(value, spec)


def hooks(meter: Any = None, policy: Policy = LIMITED) -> dict[str, Any]:
    """Hooks that do what Python does, with the real size checks, and Python's own harmless built-ins."""
    plain: dict[str, Any] = {
        "_type_": type,
        "_int_": int,
        "_float_": float,
        "_str_": str,
        "_bool_": bool,
        "_list_": list,
        "_dict_": dict,
        "_set_": set,
        "_tuple_": tuple,
        "_range_": range,
        "_error_": Exception,
        "_type_error_": TypeError,
        "_attribute_error_": AttributeError,
        "_missing_": object(),
        "_text_": _text,
        "_getattr_": getattr,
        "_setattr_": setattr,
        "_delattr_": delattr,
        "_or_": operator.or_,
        "_kinds_": lambda kinds: kinds,
        "_caught_": str,
        "_exception_": lambda value: value,
        "_manager_": lambda value: value,
        "_add_": operator.add,
        "len": len,
        "range": range,
        "sum": sum,
        "sorted": sorted,
        "list": list,
        "enumerate": enumerate,
        "zip": zip,
        "print": print,
        "min": min,
        "max": max,
        "ValueError": ValueError,
        "TypeError": TypeError,
    }
    checks = size_hooks(meter or SmallMeter(10**9)) if policy.is_limited else plain_hooks()
    return plain | checks


def run(text: str, policy: Policy = LIMITED, *, meter: Any = None, closed: bool = True) -> dict[str, Any]:
    """Restrict and execute a Python text; the globals afterwards, without the temporaries."""
    tree = guarded(text, policy, closed=closed)
    namespace: dict[str, Any] = {"__builtins__": hooks(meter, policy), "dana_stop": False}
    exec(compile(tree, "test.na", "exec"), namespace)
    return {key: value for key, value in namespace.items() if not key.startswith(("__", "dana_"))}


def all_code(code: CodeType) -> Iterator[CodeType]:
    """A code object and those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from all_code(constant)


def check_code(tree: ast.Module) -> None:
    """Assert on the final code: no name with underscore but a hook, no guarded attribute, hooks never stored.

    The oracle of the property test: it looks at byte code and knows nothing of the transformer. Python itself stores a
    docstring of a module as ``__doc__``.
    """
    for code in all_code(compile(tree, "test.na", "exec")):
        for instruction in dis.get_instructions(code):
            name = instruction.argval
            what = instruction.opname
            if what in ("LOAD_ATTR", "STORE_ATTR", "DELETE_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR"):
                assert isinstance(name, str)
                if what != "STORE_ATTR":
                    assert not names.is_guarded_attribute(name), (what, name)
                assert not name.startswith("_"), (what, name)
            elif "NAME" in what or "GLOBAL" in what or "FAST" in what or "DEREF" in what:
                for each in name if isinstance(name, tuple) else (name,):
                    if isinstance(each, str) and each.startswith("_") and each != "__doc__":
                        assert each in names.HOOKS, (what, each)
                        assert what.startswith("LOAD"), (what, each)
            assert not what.startswith(("IMPORT", "YIELD", "LOAD_BUILD_CLASS", "MATCH", "GET_A", "SEND", "SETUP_ANN"))
