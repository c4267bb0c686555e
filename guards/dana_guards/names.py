"""Every rule about names, in one place: hooks, variables, attributes.

In: a name. Out: what the policy may do with it. Nothing is looked up at run time from here except the
same tables by the run-time guards. The walk that found the attribute tables is `tests/guards/test_policy_names.py`: it
lists the attributes of every type of the closed world on the running Python and fails on one that stands in no table.
"""

from __future__ import annotations

import keyword
import re
from typing import Final, NamedTuple

IDENTIFIER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
"""ASCII only: Python would normalise other letters when the text is read again (threat model 5.2)."""

SLOT_PREFIX: Final = "dana_s_"
INIT_PREFIX: Final = "dana_init_"
STOP_FLAG: Final = "dana_stop"
POLICY_TEMPORARY: Final = "dana_p"
"""Prefix of the temporaries that the policy makes itself; nobody else may use such a name."""

_POLICY_TEMPORARY_NAME = re.compile(POLICY_TEMPORARY + r"[0-9]+\Z")
_CAUGHT_NAME = re.compile(r"dana_[te][0-9]+\Z")
_MANGLED_ATTRIBUTE = re.compile(r"dana_[snu]_[A-Za-z0-9_]+\Z")


def words(text: str) -> tuple[str, ...]:
    """The words of a text: a table that can be read."""
    return tuple(text.split())


class Hook(NamedTuple):
    """Where a hook may stand, and with what.

    ``position`` is one of ``call``, ``type test``, ``type``, ``raise``, ``cause or raise``, ``handler``,
    ``handler type``, ``caught``, ``with``, ``default``, ``store``, ``policy``.
    ``arguments`` has a letter for each argument: ``v`` any value, ``n`` a constant name without leading underscore,
    ``s`` a constant scalar, ``c`` constant data; after ``?`` they are optional, after ``*`` one is repeated.
    """

    position: str
    arguments: str = ""


_BINARY: Final = Hook("call", "vv")
_ONE: Final = Hook("call", "v")
_TYPE: Final = Hook("type")
_NUMBER_TYPE: Final = Hook("type", "v")
"""May be called as well: what ``int``, ``float`` and ``range`` make of any value is harmless, and bounded for a
number."""

HOOKS: Final[dict[str, Hook]] = {
    "_type_": Hook("type test", "v"),
    **{f"_{name}_": _TYPE for name in ("str", "bool", "list", "dict", "set", "tuple", "iterator")},
    "_range_": Hook("type", "v?vv"),
    "_int_": _NUMBER_TYPE,
    "_float_": _NUMBER_TYPE,
    **{f"_{name}_": _BINARY for name in ("add", "eq", "ne", "lt", "le", "gt", "ge", "or")},
    **{f"_{name}_": _BINARY for name in ("mul", "pow", "lshift", "mod", "cat")},
    **{f"_to_{name}_": _ONE for name in ("int", "float", "str", "bool", "list", "dict")},
    "_truth_": _ONE,
    "_len_": _ONE,
    "_room_": Hook("call", "vv?v"),
    "_glue_": Hook("call", "*v"),
    "_sized_": Hook("call", "vn"),
    "_getattr_": Hook("call", "vn"),
    "_setattr_": Hook("call", "vnv"),
    "_delattr_": Hook("call", "vn"),
    "_method_": Hook("call", "vn?v"),
    "_coerce_": Hook("call", "vs"),
    "_text_": Hook("call", "v?vv"),
    "_exception_": Hook("cause or raise", "v"),
    "_assertion_": Hook("raise", "*v"),
    "_missing_field_": Hook("raise", "ss"),
    "_kinds_": Hook("handler", "v"),
    "_error_": Hook("handler type"),
    "_type_error_": Hook("handler type"),
    "_attribute_error_": Hook("handler type"),
    "_caught_": Hook("caught", "v"),
    "_manager_": Hook("with", "v"),
    "_import_": Hook("call", "ssss"),
    "_import_from_": Hook("call", "sssss"),
    "_import_star_": Hook("call", "ssss?s"),
    "_struct_": Hook("call", "nsc?vsv"),
    "_receiver_": Hook("call", "vnv"),
    "_interface_": Hook("call", "nc?vs"),
    "_agent_": Hook("call", "s?vv"),
    "_field_": Hook("call", "sssv"),
    "_overload_": Hook("call", "vvv"),
    "_case_": Hook("call", "*v"),
    "_missing_": Hook("default"),
    "_public_": Hook("store"),
    "_system_": Hook("store"),
    "_scoped_": Hook("call", "sn"),
    "_stop_": Hook("policy"),
}
"""Every name with a leading underscore that can stand in a guarded ast (docs/architecture.md, section 2).

Of these the size hooks ``_mul_ _pow_ _lshift_ _mod_ _cat_ _len_ _room_ _glue_ _sized_`` are made by
`dana_guards.size_checks`; ``_error_ _type_error_ _attribute_error_`` are Python's own ``Exception``, ``TypeError``
(with ``ArithmeticError``: a decimal may have no order) and ``AttributeError``, nameable only after ``except``;
``_stop_`` is written by `dana_guards.interrupt_flags` only.
"""

INSPECTION_PREFIXES: Final = ("gi_", "cr_", "ag_", "tb_", "f_", "co_", "func_", "im_")
"""Attributes of generators, coroutines, tracebacks, frames, code objects, and functions of old Pythons: from any of
them the host's globals are two steps away (CVE-2023-37271; RestrictedPython missed ``ag_*`` for years)."""

GUARDED: Final[dict[str, str]] = {
    "format": "a replacement field reads attributes and items inside C (CVE-2016-10745)",
    "format_map": "as format (CVE-2019-10906)",
    "mro": "a class hands out object, and that all classes",
    "mapping": "a dict view hands out a live proxy, no value of the closed world",
    "encode": "gives bytes, no value of the closed world",
    "to_bytes": "gives bytes of any length that is asked for",
    "from_bytes": "an alternative constructor that reads iterables in C",
    "fget": "a property hands out the Python function behind it",
    "fset": "as fget",
    "fdel": "as fget",
    "getter": "makes a property from any callable",
    "setter": "as getter",
    "deleter": "as getter",
    "cell_contents": "reads a closure",
    "indices": "of a slice object, no value of the closed world",
    "with_traceback": "of an exception, which never is a value here",
    "add_note": "as with_traceback",
}
"""Names that are never a plain attribute access, each with its reason; beside these the rules of
`is_guarded_attribute`: a leading underscore, `INSPECTION_PREFIXES`, and the compiler's own ``dana_`` names."""

SIZED: Final[dict[str, tuple[str, str]]] = {
    **{name: ("str", "pads to any width") for name in ("ljust", "rjust", "center", "zfill")},
    "expandtabs": ("str", "each tab becomes as many blanks as asked for"),
    "replace": ("str", "each match becomes a text of any length"),
    "translate": ("str", "each character becomes a text of any length"),
    "join": ("str", "length is the sum of all parts; reads iterables in C"),
    **{name: ("str", "a small text becomes many objects") for name in ("split", "splitlines")},
    **{
        name: ("str", "looks backwards: C code takes the product of both lengths for it")
        for name in ("rfind", "rindex", "rpartition", "rsplit")
    },
    **{name: ("str", "looks for each character in its argument") for name in ("strip", "lstrip", "rstrip")},
    **{name: ("str", "compares with each text of a tuple") for name in ("startswith", "endswith")},
    "extend": ("list", "doubles a list, reads iterables in C"),
    "sort": ("list", "one C call over all items"),
    **{
        name: ("range list tuple", "looks through a range of any length in C; compares what may share its parts")
        for name in ("index", "count")
    },
    "fromkeys": ("dict", "reads iterables in C"),
    **{name: ("dict", "hashes its argument, which may be a deep tuple") for name in ("get", "setdefault", "pop")},
    **{name: ("set", "hashes its argument, which may be a deep tuple") for name in ("add", "discard")},
    "remove": ("set list", "hashes its argument, or compares it"),
    "update": ("dict set", "reads iterables in C"),
    **{
        name: ("set", "reads iterables in C")
        for name in words(
            """
            union intersection difference symmetric_difference intersection_update difference_update
            symmetric_difference_update issubset issuperset isdisjoint
            """
        )
    },
}
"""Methods whose cost the arguments decide: types that have them so, and the reason. In the ``limited`` profile they
are called through ``_sized_`` unless the receiver is shown to be of another type."""

PLAIN: Final[dict[str, str]] = {
    "bool int": "as_integer_ratio bit_count bit_length conjugate denominator imag is_integer numerator real",
    "float": "as_integer_ratio conjugate fromhex hex imag is_integer real",
    "complex": "conjugate imag real",
    "str": "capitalize casefold count find index isalnum isalpha isascii isdecimal isdigit isidentifier islower "
    "isnumeric isprintable isspace istitle isupper lower maketrans partition removeprefix removesuffix swapcase title "
    "upper",
    "list": "append clear copy insert pop reverse",
    "dict": "clear copy items keys popitem values",
    "tuple": "",
    "set": "clear copy pop",
    "frozenset": "copy",
    "range": "start step stop",
}
"""Attributes that were looked at and found harmless: flat work on what the value already holds, bounded by its size,
with a result of the closed world. Everything that is not listed for a type fails the test that walks them."""

BUILTIN_NAMES: Final = frozenset(
    words(
            """
            len sum max min basic_sum basic_max basic_min abs round int float bool str list dict tuple set
            frozenset any all sorted reversed enumerate zip map filter range type isinstance cast chr ord
            divmod print log log_level reason context_aware_reason llm set_model use get_resource feedback
            case sum_range is_odd is_even factorial capitalize_words title_case noop add_one add_two
            add_three add_four log_calls log_with_prefix repeat validate_args poet poet_decorator poet_call
            apply_poet read_file load_csv load_json list_dir file_exists write_file append_file save_csv
            save_json http_get http_post get_env ConfigResource KnowledgeBaseResource MemoryResource FSM
            BasicAgent DanaAgent BasicAgentBlueprint DanaAgentBlueprint ArithmeticError AssertionError
            AttributeError BufferError ConnectionError EOFError Exception FileExistsError FileNotFoundError
            FloatingPointError ImportError IndexError InterruptedError IOError IsADirectoryError KeyError
            LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplementedError
            OSError OverflowError PermissionError RecursionError RuntimeError SandboxError StopIteration
            SyntaxError TimeoutError TypeError UnboundLocalError UnicodeError ValueError ZeroDivisionError
            """
        )
)
"""Names that every Dana program can use without binding them."""


def is_identifier(name: object) -> bool:
    """Whether `name` can be the name of a variable, attribute or keyword of a program."""
    return type(name) is str and IDENTIFIER.match(name) is not None and not keyword.iskeyword(name)


def is_reserved_variable(name: str) -> bool:
    """Whether `name` belongs to the policy: the stop flag and its own temporaries."""
    return name == STOP_FLAG or _POLICY_TEMPORARY_NAME.match(name) is not None


def is_caught_name(name: str) -> bool:
    """Whether `name` may hold a Python exception between ``except`` and ``_caught_``."""
    return _CAUGHT_NAME.match(name) is not None


def is_guarded_attribute(name: str) -> bool:
    """Whether an attribute called `name` may not be a plain access, whatever the receiver.

    The rule of the threat model, section 6.1: a name is plain only if it is harmless on every type of the closed
    world. The slots of structs (``dana_s_x``) exist on structs only.
    """
    if name.startswith("dana_"):
        return _MANGLED_ATTRIBUTE.match(name) is None
    return name.startswith(("_", *INSPECTION_PREFIXES)) or name in GUARDED
