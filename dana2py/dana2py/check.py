"""``dana2py check``: what can be said about a file without running it.

In: a source. Out: findings, each an error (it does not compile) or a warning (it compiles, and may not mean what
it looks like). Nothing is executed and no capability is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dana2py import nodes
from dana2py.diagnostics import describe, render
from dana2py.source import Source
from dana_guards.errors import DanaError, DanaImportError, DanaSyntaxError


@dataclass(frozen=True, slots=True)
class Finding:
    """One error or warning with its place."""

    severity: str
    error: DanaError

    def text(self, color: bool = False) -> str:
        """For a person."""
        shown = render(self.error, color)
        return shown if self.severity == "error" else shown.replace("error: ", "warning: ", 1)

    def as_dict(self) -> dict[str, Any]:
        """For a machine."""
        return {"severity": self.severity, **describe(self.error)}


def check_source(source: Source, lent: Iterable[str] = ()) -> list[Finding]:
    """All findings of one file in source order; `lent` are names that the host will lend to the program."""
    from dana2py.compiler import compile_source  # lark and RestrictedPython are loaded only by what compiles
    from dana2py.parser import parse
    from dana_guards.policy import Policy

    policy = Policy(profile="limited", names=frozenset(lent))
    try:
        tree = parse(source)
        compile_source(source.text, source.path, name="__main__", policy=policy)
    except DanaError as error:
        others = error.others if isinstance(error, DanaSyntaxError) else ()
        return [Finding("error", _alone(found)) for found in (error, *others)]
    findings = [Finding("warning", warning) for warning in _warnings(tree, source)]
    return sorted(findings, key=lambda finding: (finding.error.lineno or 0, finding.error.column or 0))


def hiding_packages(files: Iterable[Path]) -> Iterator[Finding]:
    """A warning for each ``dana_modules/__init__.py`` above the files that is not ours.

    Python would import that package in the place of ours, so no line of ours could say why nothing is found.
    """
    folders = {above for file in files for above in file.absolute().parents if above.name == "dana_modules"}
    for folder in sorted(folders):
        own = folder / "__init__.py"
        if own.is_file() and b"__dana_hook__" not in own.read_bytes():
            message = "this file hides the package dana_modules of dana2py, so no module here can be imported"
            hint = "a folder of Dana modules needs no __init__.py; remove it"
            yield Finding("warning", DanaImportError(message, filename=str(own), lineno=1, column=1, hint=hint))


def _alone(error: DanaError) -> DanaError:
    """The error without its companions, which are findings of their own."""
    if isinstance(error, DanaSyntaxError):
        error.others = ()
    return error


def _warnings(tree: nodes.Module, source: Source) -> Iterator[DanaSyntaxError]:
    from dana2py.visitor import walk

    for node in walk(tree):
        if isinstance(node, nodes.BinOp) and node.op == "**" and isinstance(node.left, nodes.UnaryOp):
            # A parenthesis would make the whole begin before its left side.
            if node.left.op == "-" and node.span[:2] == node.left.span[:2]:
                message = "the minus is applied before **, so the result is positive for even powers (4.1)"
                hint = "write -(a ** b) or (-a) ** b"
                yield source.error(message, node.span.line, node.span.column, hint)
        elif isinstance(node, nodes.Compare):
            yield from _comparison(node, source)


def _comparison(node: nodes.Compare, source: Source) -> Iterator[DanaSyntaxError]:
    for op, right in zip(node.ops, node.comparators, strict=True):
        if op in ("is", "is not") and isinstance(right, nodes.Constant) and type(right.value) in (int, float, str):
            message = f"'{op}' asks for the same object; two equal values need not be one"
            yield source.error(message, right.span.line, right.span.column, f"write {'==' if op == 'is' else '!='}")
