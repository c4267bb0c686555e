"""Stubs (``.pyi``) for type checkers, from the Dana tree.

In: a source. Out: the text of a stub: what `import dana_modules.NAME` offers, with types as far as annotations and
constants tell them, ``Any`` otherwise. Dana's annotations are guides that nothing enforces inside Dana (5.3); a stub
takes them at their word, as a type checker does. Nothing is executed.
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterator
from dataclasses import replace

from dana2py import nodes
from dana2py.source import Source

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

_PLAIN = {
    "int": "int",
    "float": "float",
    "str": "str",
    "bool": "bool",
    "None": "None",
    "any": "Any",
    "list": "list[Any]",
    "dict": "dict[Any, Any]",
    "set": "set[Any]",
    "tuple": "tuple[Any, ...]",
}
_GENERIC = {"list": 1, "set": 1, "dict": 2}


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
        self.public = _public_names(module)
        self.imports: set[str] = set()

    def text(self) -> str:
        """The whole stub."""
        body: dict[str, list[str]] = {}
        for statement in self.module.body:
            for name, lines in self._statement(statement):
                body[name] = lines  # the last binding of a name is the one that is seen
        lines = [line for found in body.values() for line in found]
        head = ["from typing import Any, Protocol", ""]
        if self.module.docstring:
            head.insert(0, _docstring(self.module.docstring, ""))
        return "\n".join([*head, *sorted(self.imports), *lines]) + "\n"

    # -- statements --------------------------------------------------------------------------------

    def _statement(self, node: nodes.Stmt) -> Iterator[tuple[str, list[str]]]:
        """Name and lines of everything that a statement of the top level offers."""
        match node:
            case nodes.FunctionDef(receiver=None) if self._offered(node.name):
                yield node.name, self._function(node, "")
            case nodes.Composition() if self._offered(node.name):
                returns = self._type(node.returns)
                yield node.name, [f"def {node.name}({self._params(node.params)}) -> {returns}: ..."]
            case nodes.StructDef():
                yield node.name, self._struct(node)
            case nodes.InterfaceDef():
                yield node.name, self._interface(node)
            case nodes.Assign() | nodes.TypedAssign():
                yield from self._assignment(node)
            case nodes.ImportFrom(python=False, star=False):
                yield from self._reexports(node)
            case nodes.If() | nodes.Try() | nodes.With() | nodes.For() | nodes.While():
                for statement in _inner(node):
                    yield from self._statement(statement)
            case _:
                return

    def _offered(self, name: str) -> bool:
        usable = not keyword.iskeyword(name) and not name.startswith("_")
        return usable and (self.public is None or name in self.public)

    def _function(self, node: nodes.FunctionDef, indent: str, receiver: bool = False) -> list[str]:
        params = self._params(node.params)
        if receiver:
            params = f"self, {params}" if params else "self"
        line = f"{indent}def {node.name}({params}) -> {self._type(node.returns)}:"
        if node.decorators:
            return [f"{indent}{node.name}: Any"]  # what a decorator makes of it is not known
        if not node.docstring:
            return [f"{line} ..."]
        return [line, _docstring(node.docstring, indent + "    "), f"{indent}    ..."]

    def _params(self, params: tuple[nodes.Param, ...]) -> str:
        stars = {"plain": "", "star": "*", "double_star": "**"}
        parts, defaulted = [], False
        for param in params:
            defaulted = defaulted or param.default is not None
            annotation = self._type(param.annotation)
            default = " = ..." if defaulted and param.kind == "plain" else ""
            parts.append(f"{stars[param.kind]}{_spelling(param.name)}: {annotation}{default}")
        return ", ".join(parts)

    def _struct(self, node: nodes.StructDef) -> list[str]:
        lines = [f"class {node.name}:"]
        if node.docstring:
            lines.append(_docstring(node.docstring, "    "))
        usable = [field for field in node.fields if not keyword.iskeyword(field.name)]
        lines += [f"    {field.name}: {self._type(field.annotation)}" for field in usable]
        # Keywords in any order, positions in the order of the fields; a gap after a default is not Python's.
        known, defaulted = [], False
        for field in usable:
            defaulted = defaulted or field.default is not None
            known.append(f"{field.name}: {self._type(field.annotation)}{' = ...' if defaulted else ''}")
        if len(usable) < len(node.fields):
            known.append("**fields: Any")
        lines.append(f"    def __init__({', '.join(['self', *known])}) -> None: ...")
        for method in self._methods(node):
            lines += method
        return [*lines, "    def to_dict(self) -> dict[str, Any]: ..."]

    def _methods(self, struct: nodes.StructDef) -> Iterator[list[str]]:
        """Methods from the body, and receiver functions for this struct; a field hides a method of its name."""
        found = [replace(method, params=method.params[1:]) for method in struct.methods]
        for statement in self.module.body:
            receiver = statement.receiver if isinstance(statement, nodes.FunctionDef) else None
            if receiver is not None and struct.name in _type_names(receiver.annotation):
                found.append(statement)  # type: ignore[arg-type]
        hidden = {field.name for field in struct.fields} | set(keyword.kwlist)
        for method in {method.name: method for method in found}.values():
            if method.name not in hidden:
                yield self._function(method, "    ", receiver=True)

    def _interface(self, node: nodes.InterfaceDef) -> list[str]:
        bases = [name for name in node.embedded if name in self.interfaces]
        lines = [f"class {node.name}({', '.join([*bases, 'Protocol'])}):"]
        for signature in node.signatures:
            params = self._params(signature.params)
            params = f"self, {params}" if params else "self"
            lines.append(f"    def {signature.name}({params}) -> {self._type(signature.returns)}: ...")
        return lines if len(lines) > 1 else [f"{lines[0]} ..."]

    def _assignment(self, node: nodes.Assign | nodes.TypedAssign) -> Iterator[tuple[str, list[str]]]:
        targets = node.targets if isinstance(node, nodes.Assign) else (node.target,)
        for target in targets:
            for name in _target_names(target):
                if self._offered(name):
                    yield name, [f"{name}: {self._value_type(node, target)}"]

    def _value_type(self, node: nodes.Assign | nodes.TypedAssign, target: nodes.Expr) -> str:
        if isinstance(node, nodes.TypedAssign):
            return self._type(node.annotation)
        if not isinstance(target, nodes.Name):
            return "Any"
        match node.value:
            case nodes.Constant(value=None):
                return "Any"  # a later assignment gives it a value
            case nodes.Constant(value=value):
                return type(value).__name__
            case nodes.FString():
                return "str"
            case nodes.Call(func=nodes.Name(name=name)) if name in self.structs:
                return name
            case _:
                return "Any"

    def _reexports(self, node: nodes.ImportFrom) -> Iterator[tuple[str, list[str]]]:
        module = f"{'.' * node.level}{node.module}" if node.level else f"dana_modules.{node.module}"
        for name, alias in node.names:
            if self._offered(alias or name):
                yield alias or name, [f"from {module} import {name} as {alias or name}"]

    # -- types -------------------------------------------------------------------------------------

    def _type(self, node: nodes.TypeExpr | None) -> str:
        """The Python type of an annotation; what Python does not know is Any."""
        if node is None:
            return "Any"
        if isinstance(node, nodes.TypeUnion):
            return " | ".join(dict.fromkeys(self._type(member) for member in node.members))
        if node.args and len(node.args) == _GENERIC.get(node.name, -1):
            return f"{node.name}[{', '.join(self._type(arg) for arg in node.args)}]"
        if node.args and node.name == "tuple":
            return f"tuple[{', '.join(self._type(arg) for arg in node.args)}]"
        if node.name in self.structs or node.name in self.interfaces:
            return node.name
        return _PLAIN.get(node.name, "Any")


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
    """A parameter's Python name (docs/architecture.md, section 1)."""
    from dana2py.bindings import python_name

    return python_name(name)


def _docstring(text: str, indent: str) -> str:
    """A docstring line; JSON's escapes are Python's, and keep quotes and control characters apart."""
    first = re.sub(r"\s+", " ", text).strip()
    return f"{indent}{json.dumps(first, ensure_ascii=False)}"
