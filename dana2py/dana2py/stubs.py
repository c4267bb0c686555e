"""Stubs (``.pyi``) for type checkers, from the Dana tree.

In: a source. Out: the text of a stub: what `import dana_modules.NAME` offers, with types as far as annotations and
constants tell them, ``Any`` otherwise. Dana's annotations are guides that nothing enforces inside Dana (5.3); a stub
takes them at their word, as a type checker does. Nothing is executed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from dana2py import nodes
from dana2py.source import Source
from dana_guards.spelling import python_name

PACKAGE_STUB = """\
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from typing import Any

def configure(
    *,
    allowed_capabilities: Iterable[str] | None = ...,
    search_paths: Iterable[str | PathLike[str]] | None = ...,
    functions: Mapping[str, Callable[..., Any]] | None = ...,
    objects: Mapping[str, Any] | None = ...,
    on_print: Callable[[str], Any] | None = ...,
    llm: Any = ...,
) -> None: ...
"""
"""What the installed package offers beside the modules: the stub takes its place for a type checker."""

_WORDS = ("int", "float", "str", "bool", "list", "dict", "set", "tuple")
_ARGUMENTS = {"list": ("Any",), "set": ("Any",), "dict": ("Any", "Any"), "tuple": ("Any", "...")}
"""What a generic type without arguments holds."""


def stub_text(source: Source) -> str:
    """The stub of a module.

    Raises
    ------
    DanaSyntaxError : the source is no Dana program.
    """
    from dana2py.parser import parse  # lark is loaded only by what needs it

    return _Stub(parse(source)).text()


class _Stub:
    """Collects the lines of one stub."""

    def __init__(self, module: nodes.Module) -> None:
        self.module = module
        self.structs = {
            statement.name: statement for statement in module.body if isinstance(statement, nodes.StructDef)
        }
        self.interfaces = {s.name: s for s in module.body if isinstance(s, nodes.InterfaceDef)}
        self.functions = {
            s.name: s for s in module.body if isinstance(s, nodes.FunctionDef) and not s.decorators and not s.receiver
        }
        self.imported = {
            alias or name
            for statement in module.body
            if isinstance(statement, nodes.ImportFrom) and not statement.python
            for name, alias in statement.names
        }
        self.public = _public_names(module)
        members = [field.name for struct in self.structs.values() for field in struct.fields]
        members += [method.name for struct in self.structs.values() for method in struct.methods]
        receivers = [s.name for s in module.body if isinstance(s, nodes.FunctionDef) and s.receiver]
        self.shadowed: set[str] = {*members, *receivers}
        """Names that the stub binds: a type of that name is written out with its module."""
        self.shadowed |= {name for name, _ in self._statements()}

    def text(self) -> str:
        """The whole stub."""
        body: dict[str, list[str]] = {}
        for name, lines in self._statements():
            body.pop(name, None)
            body[name] = lines  # the last binding of a name is the one that is seen
        lines = [line for found in body.values() for line in found]
        head = ["from typing import Any, Protocol"]
        if self.shadowed & {*_WORDS, "Any", "Protocol"}:
            head = ["import builtins", "import typing", *([] if self.shadowed & {"Any", "Protocol"} else head)]
        if self.module.docstring:
            head.insert(0, _docstring(self.module.docstring, ""))
        return "\n".join([*head, "", *lines]) + "\n"

    def _statements(self) -> Iterator[tuple[str, list[str]]]:
        for statement in self.module.body:
            yield from self._statement(statement)

    def _word(self, name: str) -> str:
        """A type of Python, spelt so that it is that type."""
        if name in ("Any", "Protocol"):
            return f"typing.{name}" if self.shadowed & {"Any", "Protocol"} else name
        return f"builtins.{name}" if name in self.shadowed else name

    # -- statements --------------------------------------------------------------------------------

    def _statement(self, node: nodes.Stmt) -> Iterator[tuple[str, list[str]]]:
        """Name and lines of everything that a statement of the top level offers."""
        match node:
            case nodes.FunctionDef(receiver=None) if self._offered(node.name):
                yield node.name, self._function(node, "")
            case nodes.Composition() if self._offered(node.name):
                returns = self._type(node.returns)
                yield node.name, [f"def {_spelling(node.name)}({self._params(node.params)}) -> {returns}: ..."]
            case nodes.StructDef():
                yield node.name, self._struct(node)
            case nodes.InterfaceDef():
                yield node.name, self._interface(node)
            case nodes.Assign() | nodes.TypedAssign():
                yield from self._assignment(node)
            case nodes.ImportFrom(python=False):
                yield from self._reexports(node)
            case nodes.Import():
                yield from self._modules(node)
            case nodes.If() | nodes.Try() | nodes.With() | nodes.For() | nodes.While():
                for statement in _inner(node):
                    yield from self._statement(statement)
            case _:
                return

    def _offered(self, name: str) -> bool:
        return not name.startswith("_") and (self.public is None or name in self.public)

    def _function(self, node: nodes.FunctionDef, indent: str, receiver: bool = False) -> list[str]:
        params = self._params(node.params)
        if receiver:
            params = f"self, {params}" if params else "self"
        line = f"{indent}def {_spelling(node.name)}({params}) -> {self._type(node.returns)}:"
        if node.decorators:
            return [f"{indent}{_spelling(node.name)}: {self._word('Any')}"]  # what a decorator makes of it is not known
        if not node.docstring:
            return [f"{line} ..."]
        return [line, _docstring(node.docstring, indent + "    "), f"{indent}    ..."]

    def _params(self, params: tuple[nodes.Param, ...]) -> str:
        stars = {"plain": "", "star": "*", "double_star": "**"}
        parts, defaulted, starred = [], False, False
        for param in params:
            starred = starred or param.kind == "star"
            # After a star each stands for itself; before, a gap after a default is not Python's.
            defaulted = param.default is not None or (defaulted and not starred)
            annotation = self._type(param.annotation)
            default = " = ..." if defaulted and param.kind == "plain" else ""
            parts.append(f"{stars[param.kind]}{_spelling(param.name)}: {annotation}{default}")
        return ", ".join(parts)

    def _struct(self, node: nodes.StructDef) -> list[str]:
        lines = [f"class {node.name}:"]
        if node.docstring:
            lines.append(_docstring(node.docstring, "    "))
        for field in node.fields:
            if not field.name.startswith("_"):
                lines.append(f"    {_spelling(field.name)}: {self._type(field.annotation)}")
        # Keywords in any order, positions in the order of the fields; a gap after a default is not Python's.
        known, defaulted = [], False
        for field in node.fields:
            defaulted = defaulted or field.default is not None
            known.append(f"{_spelling(field.name)}: {self._type(field.annotation)}{' = ...' if defaulted else ''}")
        matched = "".join(f"{_spelling(field.name)!r}, " for field in node.fields)
        lines.append(f"    __match_args__ = ({matched.rstrip() if len(node.fields) == 1 else matched[:-2]})")
        lines.append(f"    def __init__({', '.join(['self', *known])}) -> None: ...")
        for method in self._methods(node):
            lines += method
        return [*lines, f"    def to_dict(self) -> {self._word('dict')}[{self._word('str')}, {self._word('Any')}]: ..."]

    def _methods(self, struct: nodes.StructDef) -> Iterator[list[str]]:
        """Methods from the body, and receiver functions for this struct; a field hides a method of its name."""
        found = [replace(method, params=method.params[1:]) for method in struct.methods]
        for statement in self.module.body:
            receiver = statement.receiver if isinstance(statement, nodes.FunctionDef) else None
            if receiver is not None and struct.name in _type_names(receiver.annotation):
                found.append(statement)  # type: ignore[arg-type]
        hidden = {field.name for field in struct.fields}
        for method in {method.name: method for method in found}.values():
            if method.name not in hidden and not method.name.startswith("_"):
                yield self._function(method, "    ", receiver=True)

    def _interface(self, node: nodes.InterfaceDef) -> list[str]:
        bases = [name for name in node.embedded if name in self.interfaces or name in self.imported]
        lines = [f"class {node.name}({', '.join([*bases, self._word('Protocol')])}):"]
        for signature in node.signatures:
            params = self._params(signature.params)
            params = f"self, {params}" if params else "self"
            lines.append(f"    def {_spelling(signature.name)}({params}) -> {self._type(signature.returns)}: ...")
        return lines if len(lines) > 1 else [f"{lines[0]} ..."]

    def _assignment(self, node: nodes.Assign | nodes.TypedAssign) -> Iterator[tuple[str, list[str]]]:
        targets = node.targets if isinstance(node, nodes.Assign) else (node.target,)
        for target in targets:
            for name in _target_names(target):
                if self._offered(name):
                    yield name, [f"{_spelling(name)}: {self._bound_type(node, target)}"]

    def _bound_type(self, node: nodes.Assign | nodes.TypedAssign, target: nodes.Expr) -> str:
        if isinstance(node, nodes.TypedAssign):
            return self._type(node.annotation)
        if not isinstance(target, nodes.Name) or (isinstance(node.value, nodes.Constant) and node.value.value is None):
            return self._word("Any")  # a later assignment gives it a value
        return self._value_type(node.value)

    def _value_type(self, node: nodes.Expr) -> str:
        """The type of a value as far as it is plain to see."""
        match node:
            case nodes.Constant(value=None):
                return "None"
            case nodes.Constant(value=value):
                return self._word(type(value).__name__)
            case nodes.UnaryOp(op="-", operand=nodes.Constant(value=value)):
                return self._word(type(value).__name__)
            case nodes.FString():
                return self._word("str")
            case nodes.ListExpr(items=items):
                return f"{self._word('list')}[{self._common(items)}]"
            case nodes.SetExpr(items=items):
                return f"{self._word('set')}[{self._common(items)}]"
            case nodes.TupleExpr(items=items) if items and not any(isinstance(i, nodes.Starred) for i in items):
                return f"{self._word('tuple')}[{', '.join(map(self._value_type, items))}]"
            case nodes.DictExpr(items=items):
                keys = [key for key, _ in items if key is not None]
                sides = (keys, [value for _, value in items]) if len(keys) == len(items) else ((), ())
                return f"{self._word('dict')}[{', '.join(map(self._common, sides))}]"
            case nodes.Call(func=nodes.Name(name=name)) if name in self.structs:
                return name
            case nodes.Call(func=nodes.Name(name=name)) if name in self.functions:
                return self._type(self.functions[name].returns)
            case _:
                return self._word("Any")

    def _common(self, items: Sequence[nodes.Expr]) -> str:
        """The one type of all members, else Any."""
        found = {self._value_type(item) for item in items}
        return found.pop() if len(found) == 1 else self._word("Any")

    def _reexports(self, node: nodes.ImportFrom) -> Iterator[tuple[str, list[str]]]:
        """A checker takes ``import x as x`` for offering it, and no other form."""
        module = f"{'.' * node.level}{node.module}" if node.level else f"dana_modules.{node.module}"
        if node.star:
            yield f"* {module}", [f"from {module} import *"]
        for name, alias in node.names:
            shown, bound = _spelling(name), _spelling(alias or name)
            if self._offered(alias or name) and shown == bound:
                yield bound, [f"from {module} import {shown} as {shown}"]
            elif alias is not None or not name.startswith("_"):
                hidden = f"_dana_{bound}"
                offered = [f"{bound} = {hidden}"] if self._offered(alias or name) else []
                yield bound, [f"from {module} import {shown} as {hidden}", *offered]

    def _modules(self, node: nodes.Import) -> Iterator[tuple[str, list[str]]]:
        """``import m`` and ``import m.py``; a façade has its own vetted names, of which a checker knows nothing."""
        for each in node.names:
            name = each.alias or each.module
            if "." in name or not self._offered(name):
                continue
            if each.python:
                yield name, [f"{_spelling(name)}: {self._word('Any')}"]
            else:
                hidden = f"_dana_{name}"
                yield name, [f"import dana_modules.{each.module} as {hidden}", f"{_spelling(name)} = {hidden}"]

    # -- types -------------------------------------------------------------------------------------

    def _type(self, node: nodes.TypeExpr | None) -> str:
        """The Python type of an annotation; what Python does not know is Any."""
        if node is None:
            return self._word("Any")
        if isinstance(node, nodes.TypeUnion):
            return " | ".join(dict.fromkeys(self._type(member) for member in node.members))
        if node.name in self.structs or node.name in self.interfaces or node.name in self.imported:
            return node.name
        if node.name == "None" or node.name not in _WORDS:
            return "None" if node.name == "None" else self._word("Any")
        told = [self._type(arg) for arg in node.args]
        general = _ARGUMENTS.get(node.name, ())
        if general and (len(told) == len(general) or (told and node.name == "tuple")):
            return f"{self._word(node.name)}[{', '.join(told)}]"
        shown = ", ".join(word if word == "..." else self._word(word) for word in general)
        return self._word(node.name) + (f"[{shown}]" if shown else "")


def _public_names(module: nodes.Module) -> set[str] | None:
    """What ``export`` and a constant ``__exports__`` offer; None for all names without underscore (9.4)."""
    found: set[str] = set()
    told = False
    for statement in module.body:
        if isinstance(statement, nodes.Export):
            told, found = True, found | set(statement.names)
        elif isinstance(statement, nodes.Assign) and any(
            isinstance(target, nodes.Name) and target.name == "__exports__" for target in statement.targets
        ):
            items = getattr(statement.value, "items", ())
            told = True
            found |= {item.value for item in items if isinstance(item, nodes.Constant) and isinstance(item.value, str)}
    return None if not told else found


def _inner(node: nodes.Stmt) -> Iterator[nodes.Stmt]:
    """The statements in the blocks of a compound statement, which open no scope (2.1)."""
    for part in ("body", "orelse", "finalbody"):
        yield from getattr(node, part, ())
    for handler in getattr(node, "handlers", ()):
        yield from handler.body


def _target_names(target: nodes.Expr) -> Iterator[str]:
    if isinstance(target, nodes.Name):
        yield target.name
    elif isinstance(target, nodes.TupleExpr | nodes.ListExpr):
        for item in target.items:
            yield from _target_names(item)
    elif isinstance(target, nodes.Starred):
        yield from _target_names(target.value)


def _type_names(node: nodes.TypeExpr) -> Iterator[str]:
    if isinstance(node, nodes.TypeUnion):
        for member in node.members:
            yield from _type_names(member)
    else:
        yield node.name


def _spelling(name: str) -> str:
    """The name by which Python reaches it (docs/architecture.md, section 1): ``class_`` for ``class``."""
    return name if name.startswith("dana_") else python_name(name)


def _docstring(text: str, indent: str) -> str:
    """A docstring line; JSON's escapes are Python's, and keep quotes and control characters apart."""
    first = re.sub(r"\s+", " ", text).strip()
    return f"{indent}{json.dumps(first, ensure_ascii=False)}"
