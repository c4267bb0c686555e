"""The pipeline, from text to a compiled module, in one readable place.

In: text, its name, a policy. Out: a `CompiledModule`. Every stage is a function of its own module; this
one only calls them in order, turns what Python's own ``compile`` refuses into a `DanaSyntaxError`, and
describes the module in its manifest. No code is executed and no file is read or written here.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from types import CodeType
from typing import TypeVar

from dana2py import nodes
from dana2py.bindings import Resolution, dana_name
from dana2py.compiled import CompiledModule
from dana2py.garbage import rare_collections
from dana2py.lower import lower_module
from dana2py.manifest import describe
from dana2py.options import Options
from dana2py.parser import parse
from dana2py.resolver import resolve
from dana2py.source import Source
from dana2py.specialise import specialise
from dana_guards.errors import DanaError, DanaSyntaxError
from dana_guards.names import BUILTIN_NAMES
from dana_guards.policy import Policy
from dana_guards.transform import restrict
from dana_guards.walking import statements
from dana_guards.watchdog import look_for_stop

T = TypeVar("T")
STAGES = ("lowered", "specialised", "guarded")


def compile_source(
    text: str,
    filename: str,
    *,
    name: str = "__main__",
    policy: Policy | None = None,
    known: Iterable[str] = (),
    interactive: bool = False,
    is_package: bool = False,
    options: Options | None = None,
    closed: bool | None = None,
) -> CompiledModule:
    """Compile Dana text.

    Parameters
    ----------
    text : the source.
    filename : what tracebacks and errors call it.
    name : the module's dotted name.
    policy : what is allowed; the default is the ``limited`` profile.
    known : names that the namespace holds already: Python names, and ``scope:name`` for the stores.
    interactive : leave the value of the last expression statement in the global ``dana_result``.
    is_package : the text is the ``__init__.na`` of a package.
    options : which optimisations run; by default what the environment asks for.
    closed : no other text will ever be executed in the same namespace, so names mean what this text says. By default
        true unless ``interactive``. Who gives True answers for it: guards are left out on the strength of it.

    Raises
    ------
    DanaSyntaxError : the text is no Dana program; ``others`` has further errors of the file.
    DanaSecurityError : the policy refuses it.
    """
    policy = policy or Policy()
    source = Source(text, filename)
    with rare_collections():
        resolution, tree = _guarded(source, policy, name, known, interactive, options=options, closed=closed)
        return CompiledModule(
            code=shown_names(emit_code(tree, source), _shown(tree)),
            name=name,
            filename=filename,
            exports=resolution.exports,
            manifest=describe(resolution, source.text),
            fingerprint=policy.fingerprint(),
            profile=policy.profile,
            is_package=is_package,
            docstring=resolution.module.docstring,
        )


def lowered_ast(
    text: str,
    filename: str,
    policy: Policy | None = None,
    stage: str = "lowered",
    *,
    name: str = "__main__",
    interactive: bool = False,
) -> ast.Module:
    """The Python ast after one of the `STAGES`, for `show` and for tests.

    Raises
    ------
    ValueError : an unknown stage.
    DanaSyntaxError, DanaSecurityError : as `compile_source`.
    """
    if stage not in STAGES:
        raise ValueError(f"stage {stage!r} is none of {', '.join(STAGES)}")
    policy = policy or Policy()
    source = Source(text, filename)
    return _guarded(source, policy, name, (), interactive, stage)[1]


def check_source(text: str, filename: str, known: Iterable[str] = ()) -> Resolution:
    """Parse and resolve only: what an editor or ``dana2py check`` needs."""
    source = Source(text, filename)
    with rare_collections():
        return resolve(parse(source), source, BUILTIN_NAMES, known)


def _guarded(
    source: Source,
    policy: Policy,
    name: str,
    known: Iterable[str],
    interactive: bool,
    stage: str = "guarded",
    options: Options | None = None,
    closed: bool | None = None,
) -> tuple[Resolution, ast.Module]:
    is_closed = not interactive if closed is None else closed

    def run() -> tuple[Resolution, ast.Module]:
        module: nodes.Module = parse(source)
        look_for_stop()
        resolution = resolve(module, source, policy.names | BUILTIN_NAMES, known, session=not is_closed)
        look_for_stop()
        tree = lower_module(resolution, source, name, interactive)
        if stage != "lowered":
            look_for_stop()
            tree = specialise(tree, resolution, policy, closed=is_closed, options=options)
        if stage == "guarded":
            look_for_stop()
            tree = restrict(tree, policy, source.path, source.text.split("\n"), closed=is_closed)
        return resolution, tree

    return _with_room(run, source)


def _with_room(run: Callable[[], T], source: Source) -> T:
    """Run a stage that recurses over the tree; too deep is the program's fault, not a crash.

    The depth of the tree is bounded by the parser, so there is always room, unless the host itself is
    deep in its own stack: then the work moves to a thread, whose stack is fresh.
    """
    try:
        return run()
    except RecursionError:
        pass
    from dana2py.fresh_stack import on_fresh_stack

    try:
        return on_fresh_stack(run)
    except RecursionError:
        raise DanaSyntaxError(
            "the program nests too deep", filename=source.path, lineno=1, hint="split the longest expression"
        ) from None


def emit_code(tree: ast.Module, source: Source) -> CodeType:
    """The only call of ``compile``.

    Raises
    ------
    DanaSyntaxError : Python refuses the tree (more than 20 nested blocks, say).
    """

    def run() -> CodeType:
        look_for_stop()
        code: CodeType = compile(tree, source.path, "exec", dont_inherit=True, optimize=0)
        return code

    try:
        return _with_room(run, source)
    except DanaError:
        raise
    except (SyntaxError, ValueError, MemoryError, OverflowError) as error:
        line = getattr(error, "lineno", None)
        message = getattr(error, "msg", None) or str(error) or type(error).__name__
        raise DanaSyntaxError(
            f"this cannot be compiled: {message}",
            filename=source.path,
            lineno=line,
            column=getattr(error, "offset", None) or (1 if line else None),
            source_line=source.line_text(line) if line else None,
            hint="simplify or split it",
        ) from None


def _shown(tree: ast.Module) -> dict[str, str]:
    """Names of functions that the compiler made → the name that a person knows."""
    return {
        node.name: node.dana_shown
        for node in statements(tree.body)
        if isinstance(node, ast.FunctionDef) and hasattr(node, "dana_shown")
    }


def shown_names(code: CodeType, shown: dict[str, str]) -> CodeType:
    """The code with the names that tracebacks, profilers and ``__name__`` show: those of the Dana text."""
    constants = tuple(shown_names(part, shown) if isinstance(part, CodeType) else part for part in code.co_consts)
    parts = [shown.get(part) or dana_name(part) or part for part in code.co_qualname.split(".")]
    name = shown.get(code.co_name) or dana_name(code.co_name) or code.co_name
    return code.replace(co_consts=constants, co_name=name, co_qualname=".".join(parts))


__all__ = ["STAGES", "check_source", "compile_source", "emit_code", "lowered_ast"]
