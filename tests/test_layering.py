"""The arrows of docs/architecture.md: imports go down only, and light things stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = {
    "dana_guards": ROOT / "guards" / "dana_guards",
    "dana2py": ROOT / "dana2py" / "dana2py",
    "opendxa.dana": ROOT / "runtime" / "opendxa" / "dana",
    "dana_modules": ROOT / "runtime" / "dana_modules",
}
ORDER = list(LAYERS)
THIRD_PARTY = {
    "dana_guards": {"RestrictedPython", "platformdirs"},
    "dana2py": {"lark", "libcst", "click", "platformdirs", "RestrictedPython", "rich", "prompt_toolkit", "pygments"},
    "opendxa.dana": set(),
    "dana_modules": set(),
}
OPTIONAL = {"dana_guards": {"httpx", "httpx2", "openai"}, "opendxa.dana": {"watchfiles"}}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, also inside functions, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.module or "", node.lineno


def layer_of(module: str) -> str | None:
    """The layer that a module belongs to, None for a foreign one."""
    return next((name for name in ORDER if module == name or module.startswith(f"{name}.")), None)


@pytest.mark.parametrize("layer", ORDER)
def test_imports_go_down(layer: str) -> None:
    """No file imports a layer above its own, or a library that is not its layer's."""
    wrong = []
    allowed = THIRD_PARTY[layer] | OPTIONAL.get(layer, set())
    for path in sorted(LAYERS[layer].rglob("*.py")):
        for module, line in imports(path):
            target = layer_of(module)
            top = module.partition(".")[0]
            if target is not None:
                if ORDER.index(target) > ORDER.index(layer):
                    wrong.append(f"{path.relative_to(ROOT)}:{line}: {module}")
            elif top not in sys.stdlib_module_names and top not in allowed and top != "__future__":
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {module}")
    assert wrong == []


def test_opendxa_is_a_namespace() -> None:
    """Others may share the name: no __init__.py."""
    assert not (ROOT / "runtime" / "opendxa" / "__init__.py").exists()


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import opendxa.dana", {"dana_guards.namespace", "opendxa.dana.context", "inspect", "logging", "json"}),
        ("from opendxa.dana import DanaRuntime; DanaRuntime()", {"lark", "RestrictedPython", "libcst", "asyncio"}),
        ("import dana_modules", {"lark", "RestrictedPython", "libcst", "asyncio", "dana_guards.namespace", "tomllib"}),
        ("import dana2py.compiled, dana2py.cache", {"lark", "RestrictedPython", "libcst", "dana2py.nodes", "json"}),
    ],
)
def test_light_imports(statement: str, heavy: set[str], tmp_path: Path) -> None:
    """What each import must not load."""
    program = f"import sys; {statement}; print(*sorted({heavy!r} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-S", "-c", _WITH_PATH + program], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == []


# Without `site`, so that nothing but the statement loads modules.
_WITH_PATH = f"import sys; sys.path[:0] = {[str(ROOT / name) for name in ('guards', 'dana2py', 'runtime')]!r}\n"
