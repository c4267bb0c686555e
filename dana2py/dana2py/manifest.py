"""The manifest: what a module offers and needs, as plain data, known before it runs.

In: a `Resolution`. Out: a JSON-able dictionary: functions with signatures, structs with fields, imports,
and the capabilities that built-in calls can need, each with its lines. It is a report, not a permission:
what is enforced is enforced at the call.
"""

from __future__ import annotations

from typing import Any

from dana2py import nodes
from dana2py.bindings import Resolution
from dana2py.lower.statements import type_text
from dana2py.visitor import statements, walk

NEEDS: dict[str, str] = {
    **dict.fromkeys(("read_file", "load_csv", "load_json", "list_dir", "file_exists"), "file_read"),
    **dict.fromkeys(("write_file", "append_file", "save_csv", "save_json"), "file_write"),
    **dict.fromkeys(("http_get", "http_post"), "network"),
    "get_env": "env",
    **dict.fromkeys(("reason", "context_aware_reason", "llm", "set_model"), "llm"),
}
"""Built-in function → the capability that its call needs (design page, section 3)."""


def full_type_text(node: nodes.TypeExpr | None) -> str | None:
    """A type as written, generics included."""
    if node is None:
        return None
    if isinstance(node, nodes.TypeUnion):
        return " | ".join(full_type_text(member) or "any" for member in node.members)
    if not node.args:
        return node.name
    return f"{node.name}[{', '.join(full_type_text(arg) or 'any' for arg in node.args)}]"


def describe(resolution: Resolution, text: str) -> dict[str, Any]:
    """The manifest of a resolved module, whose source is `text`."""
    module = resolution.module
    functions: dict[str, Any] = {}
    for statement in module.body:
        if isinstance(statement, nodes.FunctionDef | nodes.Composition):
            functions[statement.name] = _function(statement)
    return {
        "functions": functions,
        "structs": {name: _struct(node) for name, node in resolution.structs.items()},
        # A walk over the whole tree finds nothing that the text does not hold.
        "imports": _imports(module) if "import" in text else [],
        "capabilities": _capabilities(module, resolution) if any(name in text for name in NEEDS) else {},
    }


def _function(node: nodes.FunctionDef | nodes.Composition) -> dict[str, Any]:
    params = [_param(param) for param in node.params]
    result: dict[str, Any] = {"params": params, "returns": full_type_text(node.returns), "line": node.span.line}
    if isinstance(node, nodes.FunctionDef):
        result["doc"] = node.docstring
        if node.receiver is not None:
            result["receiver"] = type_text(node.receiver.annotation)
            annotation = full_type_text(node.receiver.annotation)
            params.insert(0, {"name": node.receiver.name, "type": annotation, "default": False, "kind": "plain"})
    return result


def _param(param: nodes.Param) -> dict[str, Any]:
    return {
        "name": param.name,
        "type": full_type_text(param.annotation),
        "default": param.default is not None,
        "kind": param.kind,
    }


def _struct(node: nodes.StructDef) -> dict[str, Any]:
    return {
        "kind": node.kind,
        "doc": node.docstring,
        "line": node.span.line,
        "fields": [
            {
                "name": member.name,
                "type": full_type_text(member.annotation),
                "default": member.default is not None,
                "comment": member.comment,
            }
            for member in node.fields
        ],
        "methods": {method.name: _function(method) for method in node.methods},
    }


def _imports(module: nodes.Module) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for node in statements(module):
        if isinstance(node, nodes.Import):
            for name in node.names:
                found.append({"module": name.module, "python": name.python, "level": 0, "line": node.span.line})
        elif isinstance(node, nodes.ImportFrom):
            place = {"module": node.module, "python": node.python, "level": node.level, "line": node.span.line}
            found.append(place)
    return found


def _capabilities(module: nodes.Module, resolution: Resolution) -> dict[str, list[int]]:
    """Capability → lines of the calls that can need it; a name that the program binds itself needs nothing."""
    found: dict[str, list[int]] = {}
    for node in walk(module):
        if type(node) is nodes.Name and node.name in NEEDS and node.name not in resolution.scope.names:
            found.setdefault(NEEDS[node.name], []).append(node.span.line)
    return found
