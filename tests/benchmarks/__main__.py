"""The benchmark command: check results, measure, print, store.

In: command line options. Out: tables on stdout, ``docs/benchmarks/pythonX.Y.json`` and ``.svg``; exit code 1 if a
Dana variant gives another result than Python or cannot run.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from . import border, chart, peers
from .measure import geometric_mean, interleaved
from .programs import SIZES, VARIANTS, DanaPrograms, Run, names, python_run

OUT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
Row = dict[str, float | None]


def main() -> int:
    options = _options()
    chosen = options.kernels or names()
    table, failures = kernels(chosen, options)
    further: dict[str, float] = {}
    if not options.no_border:
        further = measure_border(options.repeats, failures)
    report = {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "repeats": options.repeats,
        "kernels": table,
        "summary": summary(table),
        "border": further,
        "failures": failures,
    }
    print_report(table, further)
    if not options.no_write:
        store(report, table)
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description="Ratios Dana ÷ Python, less is better.")
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help="only these; default: all")
    parser.add_argument("--repeats", type=int, default=7, help="rounds, the smallest time counts (default 7)")
    parser.add_argument("--check", action="store_true", help="only compare results, at a tenth of the size")
    parser.add_argument("--restricted", action="store_true", help="a column for RestrictedPython's default policy")
    parser.add_argument("--reference", metavar="PYTHON", help="a column for the reference Dana installed there")
    parser.add_argument("--no-border", action="store_true", help="without calls, contexts, imports, compiling, data")
    parser.add_argument("--no-write", action="store_true", help="store nothing (as with KERNEL, --check, --no-border)")
    options = parser.parse_args()
    unknown = set(options.kernels) - set(SIZES)
    if unknown:
        parser.error(f"unknown kernel: {', '.join(sorted(unknown))}")
    if options.check:
        options.no_border = True
    # What is stored is the whole table; a part of it would hide the rest.
    options.no_write = options.no_write or options.check or bool(options.kernels) or options.no_border
    return options


def kernels(chosen: list[str], options: argparse.Namespace) -> tuple[dict[str, Row], list[str]]:
    """Ratios for each kernel and variant, and what failed."""
    table: dict[str, Row] = {}
    failures: list[str] = []
    dana = DanaPrograms()
    try:
        for name in chosen:
            python = python_run(name)
            runs = checked(name, python, dana, failures)
            if options.restricted and (run := peers.restricted_run(name)) is not None:
                runs["RestrictedPython"] = run
            table[name] = {"python": None} if options.check else measured(name, python, runs, options)
            print(f"{name}: {', '.join(runs)}" if options.check else f"  {name}", file=sys.stderr, flush=True)
    finally:
        dana.close()
    if options.reference and not options.check:
        add_reference(table, options)
    return table, failures


def add_reference(table: dict[str, Row], options: argparse.Namespace) -> None:
    """A column for the reference interpreter, at a small part of the size: it is about a thousand times slower."""
    sizes = {name: SIZES[name] // 2 if SIZES[name] < 30 else max(2, SIZES[name] // 50) for name in table}
    seconds = peers.reference_seconds(sizes, options.reference)
    for name, row in table.items():
        python = python_run(name)

        def work(run: Run = python, size: int = sizes[name]) -> None:
            for _ in range(20):
                run(size)

        plain = interleaved({"python": work}, options.repeats)["python"] / 20
        row["reference"] = seconds[name] / plain if name in seconds else None


def checked(name: str, python: Run, dana: DanaPrograms, failures: list[str]) -> dict[str, Run]:
    """The Dana variants that run and agree with Python at a small size."""
    size = SIZES[name] if SIZES[name] < 100 else SIZES[name] // 10
    expected, runs = python(size), {}
    for variant in VARIANTS:
        try:
            run = dana.run(name, variant)
            result = run(size)
        except Exception as problem:
            failures.append(f"{name} ({variant}): {type(problem).__name__}: {problem}")
            continue
        if result == expected:
            runs[variant] = run
        else:
            failures.append(f"{name} ({variant}): {result!r:.80} is not {expected!r:.80}")
    return runs


def measured(name: str, python: Run, runs: dict[str, Run], options: argparse.Namespace) -> Row:
    """Python's seconds and the ratio of each variant."""
    size = SIZES[name]
    work: dict[str, Callable[[], object]] = {"python": lambda: python(size)}
    work.update({variant: (lambda run=run: run(size)) for variant, run in runs.items()})  # type: ignore[misc]
    best = interleaved(work, options.repeats)
    row: Row = {"python": best["python"]}
    row.update({variant: best[variant] / best["python"] if variant in best else None for variant in VARIANTS})
    if options.restricted:
        row["RestrictedPython"] = best["RestrictedPython"] / best["python"] if "RestrictedPython" in best else None
    return row


def measure_border(repeats: int, failures: list[str]) -> dict[str, float]:
    """All further measurements; one that cannot be made is a failure and does not stop the others."""
    found: dict[str, float] = {}
    for part in border.ALL:
        try:
            found.update(part(repeats))
        except Exception as problem:
            failures.append(f"{part.__name__}: {type(problem).__name__}: {problem}")
    return found


def summary(table: dict[str, Row]) -> dict[str, dict[str, float]]:
    """Geometric mean and worst ratio of each column, and limited over unlimited."""
    columns = [column for column in next(iter(table.values()), {}) if column != "python"]
    found: dict[str, dict[str, float]] = {}
    for column in columns:
        values = [value for row in table.values() if (value := row.get(column)) is not None]
        if values:
            found[column] = {"geo-mean": geometric_mean(values), "worst": max(values)}
    for kind in ("typed", "untyped"):
        pairs = [(row.get(f"{kind}, limited"), row.get(f"{kind}, unlimited")) for row in table.values()]
        shares = [limited / unlimited for limited, unlimited in pairs if limited and unlimited]
        if shares:
            found[f"{kind}: limited ÷ unlimited"] = {"geo-mean": geometric_mean(shares), "worst": max(shares)}
    return found


def print_report(table: dict[str, Row], further: dict[str, float]) -> None:
    columns = [column for column in next(iter(table.values()), {}) if column != "python"]
    if columns:
        print(f"\n{'kernel':<12}{'Python':>10}" + "".join(f"{column:>20}" for column in columns))
        for name, row in table.items():
            seconds = f"{(row['python'] or 0) * 1000:.1f} ms"
            print(f"{name:<12}{seconds:>10}" + "".join(f"{_shown(row.get(column)):>20}" for column in columns))
        for kind in ("geo-mean", "worst"):
            totals = summary(table)
            cells = [_shown(totals.get(column, {}).get(kind)) for column in columns]
            print(f"{kind:<22}" + "".join(f"{cell:>20}" for cell in cells))
        for kind in ("typed", "untyped"):
            both = summary(table).get(f"{kind}: limited ÷ unlimited")
            if both:
                print(f"{kind}: limited ÷ unlimited, geo-mean {both['geo-mean']:.2f}, worst {both['worst']:.2f}")
    for label, value in further.items():
        print(f"{label:<50}{value:>8.2f}")


def _shown(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.2f}"


def store(report: dict[str, object], table: dict[str, Row]) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (OUT / f"{version}.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    rows = {name: [row.get(variant) for variant in VARIANTS] for name, row in table.items()}
    title = f"Dana ÷ Python {platform.python_version()}, less is better (1 = plain Python)"
    (OUT / f"{version}.svg").write_text(chart.bars(title, rows, VARIANTS), encoding="utf-8")
    print(f"written: {OUT.name}/{version}.json, {OUT.name}/{version}.svg", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
