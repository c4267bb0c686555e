"""The commands that work on files without running them: ``check``, ``build``, ``stubs``, ``cache``.

In: paths. Out: findings, files, counts, exit codes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from dana2py.cli_support import FAILED, FINE, UsageProblem, dana_files, read_source, tell, wants_color
from dana_guards.errors import DanaError


def check(paths: tuple[str, ...], as_json: bool, lent: tuple[str, ...] = ()) -> int:
    """Print the findings of all files; exit code 1 if one of them is an error."""
    from dana2py.check import Finding, check_source, hiding_packages

    names = _named(paths)
    findings: list[Finding] = list(hiding_packages(Path(name) for name in names if name != "-"))
    if not as_json:
        for finding in findings:
            print(finding.text(wants_color(sys.stderr)), file=sys.stderr)
    for name in names:
        try:
            found = check_source(read_source(name), lent)
        except DanaError as problem:  # not UTF-8, or too long
            found = [Finding("error", problem)]
        findings.extend(found)
        if not as_json:
            for finding in found:
                print(finding.text(wants_color(sys.stderr)), file=sys.stderr)
    errors = sum(finding.severity == "error" for finding in findings)
    if as_json:
        print(json.dumps([finding.as_dict() for finding in findings], ensure_ascii=False, indent=1))
    else:
        print(f"{_count(len(names), 'file')}, {_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}")
    return FAILED if errors else FINE


def _named(paths: tuple[str, ...]) -> list[str]:
    files = [name for name in paths if name == "-"]
    files += [str(file) for file in dana_files(name for name in paths if name != "-")]
    if not files:
        raise UsageProblem("no .na file was found")
    return files


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def build(paths: tuple[str, ...]) -> int:
    """Compile all modules for both profiles and store them beside their files; exit code 1 if one fails."""
    from dana2py.cli_build import build_module

    files, failed = list(_modules(paths)), 0
    for file, name, package in files:
        try:
            build_module(file, name, package)
        except DanaError as problem:
            failed += 1
            tell(problem, sys.stderr)
    print(f"{_count(len(files) - failed, 'module')} built" + (f", {failed} failed" if failed else ""))
    return FAILED if failed else FINE


def _modules(paths: tuple[str, ...]) -> list[tuple[Path, str, bool]]:
    """File, dotted name and whether it is a package, for all modules below the paths."""
    found = []
    for path in map(Path, paths):
        root = path if path.is_dir() else path.parent
        for file in dana_files([str(path)]):
            parts = list(file.relative_to(root).with_suffix("").parts)
            package = parts[-1] == "__init__"
            if package:
                parts = parts[:-1] or [root.resolve().name]
            if not all(part.isidentifier() for part in parts):
                raise UsageProblem(f"{file} cannot be imported: {'.'.join(parts)} is no module name")
            found.append((file, ".".join(parts), package))
    if not found:
        raise UsageProblem("no .na file was found")
    return found


def write_stubs(paths: tuple[str, ...], out: str) -> int:
    """Write a stub for each module; exit code 1 if one does not compile."""
    from dana2py.stubs import PACKAGE_STUB, stub_text

    root, failed, written = Path(out) / "dana_modules", 0, 0
    for file, name, package in _modules(paths):
        try:
            text = stub_text(read_source(str(file)))
        except DanaError as problem:
            failed += 1
            tell(problem, sys.stderr)
            continue
        target = root.joinpath(*name.split("."))
        target = target / "__init__.pyi" if package else target.with_name(target.name + ".pyi")
        target.parent.mkdir(parents=True, exist_ok=True)
        for folder in target.relative_to(root).parents:
            if not (root / folder / "__init__.pyi").exists():
                (root / folder / "__init__.pyi").write_text(PACKAGE_STUB if root / folder == root else "")
        target.write_text(text, encoding="utf-8")
        written += 1
    told = f", {failed} failed" if failed else ""
    print(f"{_count(written, 'stub')} written to {root}{told} (mypy: mypy_path = {json.dumps(out)})")
    return FAILED if failed else FINE


def cache_info(as_json: bool) -> int:
    """Print folder, entries and sizes."""
    from dana2py.cache import Cache

    info = Cache.default().info()
    if as_json:
        print(json.dumps(info._asdict(), ensure_ascii=False))
    elif not info.enabled:
        off = os.environ.get("DANA_CACHE")
        print("the cache is switched off (DANA_CACHE)" if off else "there is no home folder; DANA_CACHE_DIR names one")
    else:
        print(f"folder   {info.folder}\nentries  {info.entries}\nsize     {_size(info.size)} of {_size(info.limit)}")
        if info.problem:
            print(f"problem  nothing is stored: {info.problem}; DANA_CACHE_DIR names another folder")
    return FINE


def _size(count: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def cache_clear() -> int:
    """Remove all entries."""
    from dana2py.cache import Cache

    print(f"{_count(Cache.default().clear(), 'entry').replace('entrys', 'entries')} removed")
    return FINE
