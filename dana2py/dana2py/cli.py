"""The command line ``dana2py``: what it accepts.

In: arguments. Out: exit code 0 (fine), 1 (the program or a check failed) or 2 (wrong usage), and text on stdout and
stderr. The work of each command is in `dana2py.cli_*`, `dana2py.check`, `dana2py.show` and `dana2py.stubs`; this file
alone knows click, and each command imports what it needs when it runs.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from dana2py.cli_support import FAILED, FINE, UsageProblem, tell
from dana_guards.errors import DanaError, InternalError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
INTERRUPTED = 130  # as shells count a program that Ctrl-C ended

AnyCommand = TypeVar("AnyCommand", bound=Callable[..., Any])


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    try:
        code = group.main(arguments, prog_name="dana2py", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except OSError as problem:
        if problem.errno != errno.EPIPE:
            raise
        _forget_stdout()
        sys.exit(FAILED)
    sys.exit(code if isinstance(code, int) else FINE)


def _forget_stdout() -> None:
    """Nobody reads stdout any more: the flush at exit must not complain about it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Group(click.Group):
    """Turns our problems into click's, for all commands alike."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command; its result is the exit code."""
        try:
            code = super().invoke(ctx)
        except UsageProblem as problem:
            raise click.UsageError(str(problem)) from None
        except DanaError as problem:
            tell(problem, sys.stderr, bool(os.environ.get("DANA2PY_TRACEBACK")))
            code = FAILED
        except (click.ClickException, click.exceptions.Exit, click.Abort, OSError):
            raise
        except Exception as problem:
            # A mistake of ours: the person at the terminal gets one line, and a way to the rest.
            wrong = InternalError(f"{type(problem).__name__}: {problem}".rstrip(": "))
            wrong.__cause__ = problem
            tell(wrong, sys.stderr, bool(os.environ.get("DANA2PY_TRACEBACK")))
            code = FAILED
        ctx.exit(code)


def _version() -> str:
    try:
        own = importlib.metadata.version("dana2py")
    except importlib.metadata.PackageNotFoundError:
        own = "(not installed)"
    return f"dana2py {own}, Python {platform.python_version()}"


@click.group(cls=Group, context_settings=CONTEXT)
@click.version_option(_version(), message="%(version)s")
def group() -> None:
    """Compile, run and look into Dana programs (.na)."""


def run_options(command: AnyCommand) -> AnyCommand:
    """The options of commands that run programs."""
    for option in (
        click.option("--traceback", is_flag=True, help="Also print Python's traceback, with frames of dana2py."),
        click.option("--json", "json_", is_flag=True, help="Print one JSON object with results, output and errors."),
        click.option("--isolation", type=click.Choice(["thread", "process"]), help="Default: thread, or the policy's."),
        click.option("--max-memory", metavar="SIZE", help='Such as "100MB" or "64KiB"; default 1 GB.'),
        click.option("--timeout", metavar="TIME", help='Such as "30s", "500ms" or "2m"; default: no deadline.'),
        click.option("--policy", metavar="FILE", help="A TOML policy; the options here may only say less."),
        click.option("--allow", "-a", multiple=True, metavar="CAP", help="Grant a capability; may be repeated."),
    ):
        command = option(command)
    return command


def _run_options(given: dict[str, Any]) -> Any:
    from dana2py.cli_run import RunOptions

    return RunOptions(json=given.pop("json_"), **given)


def audit_options(command: AnyCommand) -> AnyCommand:
    """The options that watch a run."""
    for option in (
        click.option(
            "--replay", metavar="FILE", help="Answer from a recording, without touching the world; grants still count."
        ),
        click.option(
            "--record", metavar="FILE", help="Record what capabilities, chance and time give, secrets in it included."
        ),
        click.option("--allow-all", is_flag=True, help="With --audit, for a program that you trust: grant everything."),
        click.option("--audit-out", metavar="FILE", help="Audit, and write the policy to FILE."),
        click.option(
            "--audit",
            is_flag=True,
            help="Afterwards propose the least policy that the run needed, on stderr; grants nothing by itself.",
        ),
    ):
        command = option(command)
    return command


@group.command(short_help="Run a program.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")
@run_options
@audit_options
def run(file: str, arguments: tuple[str, ...], **given: Any) -> int:
    """Run the program FILE ("-": stdin) with no capability but those that --allow or --policy grants.

    Its own folder is searched first for modules. If it defines __main__, that function is called with the
    arguments; a value is JSON or plain text.

    An audited run does only what --allow or --policy grant; what was denied is named in a comment of the
    proposal. To learn what a trusted program needs, grant broadly (-a file_read -a network) or use --allow-all:
    the proposal has the narrowest grants.
    """
    from dana2py import cli_run

    return cli_run.run(file, arguments, _run_options(given))


@group.command(short_help="Run the tests in test_*.na and *_test.na.")
@click.argument("paths", nargs=-1, type=click.Path(exists=True), metavar="[PATH]...")
@run_options
def test(paths: tuple[str, ...], **given: Any) -> int:
    """Run each function test_... of the test files below PATH in a context of its own."""
    from dana2py import cli_test

    return cli_test.run_tests(paths, _run_options(given))


def lend_option(command: AnyCommand) -> AnyCommand:
    """What a host will lend to the program: ``functions=`` and ``objects=`` of a context."""
    return click.option(
        "--lend", "lent", multiple=True, metavar="NAME", callback=_names,
        help="A function or object that the host lends to the program; may be repeated.",
    )(command)  # fmt: skip


def _names(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    for name in given:
        if not name.isidentifier() or name.startswith("_"):
            raise click.BadParameter(f"{name!r} is no name that a host can lend")
    return given


@group.command(short_help="Show the Python that a program becomes.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--exact", is_flag=True, help="Every node that runs, guards and all.")
@click.option("--guards", is_flag=True, help="Mark each guard, and each one that is left out, with its reason.")
@click.option("--stage", type=click.Choice(["tokens", "tree", "lowered", "guarded"]), help="What a stage made.")
@click.option("--profile", type=click.Choice(["limited", "unlimited"]), default="limited", show_default=True)
@lend_option
def show(file: str, exact: bool, guards: bool, stage: str | None, profile: str, lent: tuple[str, ...]) -> int:
    """Show what becomes of FILE ("-": stdin); nothing is run."""
    from dana2py.cli_support import read_source
    from dana2py.show import show_source

    if exact + guards + (stage is not None) > 1:
        raise UsageProblem("--exact, --guards and --stage exclude each other")
    view = stage or ("exact" if exact else "guards" if guards else "readable")
    click.echo(show_source(read_source(file), view=view, profile=profile, lent=lent), nl=False)
    return FINE


@group.command(short_help="Find errors without running.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True), metavar="PATH...")
@click.option("--json", "json_", is_flag=True, help="Print a JSON list of findings.")
@lend_option
def check(paths: tuple[str, ...], json_: bool, lent: tuple[str, ...]) -> int:
    """Check the files PATH, and all .na files in folders, without running them."""
    from dana2py import cli_files

    return cli_files.check(paths, json_, lent)


@group.command(short_help="Compile ahead of time.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True), metavar="PATH...")
def build(paths: tuple[str, ...]) -> int:
    """Compile the modules in PATH and store the result beside them, in __dana_cache__."""
    from dana2py import cli_files

    return cli_files.build(paths)


@group.command(short_help="Write .pyi stubs for type checkers.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True), metavar="PATH...")
@click.option("--out", default="typings", show_default=True, type=click.Path(file_okay=False), help="Where to write.")
def stubs(paths: tuple[str, ...], out: str) -> int:
    """Write stubs for the modules in PATH, as OUT/dana_modules/NAME.pyi.

    Name OUT in mypy's mypy_path; pyright looks into "typings" by itself.
    """
    from dana2py import cli_files

    return cli_files.write_stubs(paths, out)


@group.command(short_help="Talk to Dana.")
@click.option("--allow", "-a", multiple=True, metavar="CAP", help="Grant a capability; may be repeated.")
@click.option("--timeout", metavar="TIME", help="For each input; default: no deadline.")
def repl(allow: tuple[str, ...], timeout: str | None) -> int:
    """Read lines, run them in one context, print results."""
    from dana2py.cli_repl import start

    return start(allow, timeout)


@group.group()
def policy() -> None:
    """Policies: TOML files that say what programs may do."""


@policy.command("show")
@click.argument("file")
@click.option("--json", "json_", is_flag=True, help="Print one JSON object.")
def policy_show(file: str, json_: bool) -> int:
    """Check the policy FILE and print it in full, with folders from the root."""
    from dana2py import cli_policy

    return cli_policy.show(file, json_)


@policy.command("diff")
@click.argument("before")
@click.argument("after")
@click.option("--json", "json_", is_flag=True, help="Print one JSON object.")
def policy_diff(before: str, after: str, json_: bool) -> int:
    """Say in words what the policy AFTER allows that BEFORE does not, and the other way round.

    The exit code is 1 if anything is widened, so that a pipeline can ask for a review.
    """
    from dana2py import cli_policy

    return cli_policy.diff(before, after, json_)


@group.group()
def cache() -> None:
    """The cache of compiled modules."""


@cache.command()
@click.option("--json", "json_", is_flag=True, help="Print one JSON object.")
def info(json_: bool) -> int:
    """Say where the cache is and how large."""
    from dana2py import cli_files

    return cli_files.cache_info(json_)


@cache.command()
def clear() -> int:
    """Remove all entries."""
    from dana2py import cli_files

    return cli_files.cache_clear()
