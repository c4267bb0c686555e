"""Records of what a context touches: one for each use and each denial of a capability.

In: the answer of the grants, and the stack of the call. Out: a `CapabilityUse` for the host's hook, and one record of
`logging` under ``dana_guards.capability`` (INFO for a use, WARNING for a denial) with the same facts as fields
``dana_…``. Not done here: deciding (`capabilities.Grants`).

A use is told before the effect. If the hook raises, the effect does not happen and the program gets a
`DanaCapabilityError`; one that the hook raises itself reaches the program as it is, so a hook may refuse. While a hook
runs, its own thread may use no capability of that context: what it would tell the hook, it would tell for ever.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dana_guards.errors import DanaCapabilityError

if TYPE_CHECKING:
    from dana_guards.limits import Meter

LOGGER: Final = "dana_guards.capability"
_LONGEST: Final = 500


class Place(NamedTuple):
    """Where a call stands: Dana module, function (``<module>`` at the top level), file, and line from 1; 0 is unknown.

    The host's own calls have an empty place.
    """

    module: str = ""
    function: str = ""
    file: str = ""
    line: int = 0


NOWHERE: Final = Place()


@dataclass(frozen=True, slots=True)
class CapabilityUse:
    """One use of a capability, or one denial. ``str()`` is a line without control characters.

    Parameters
    ----------
    capability : its name, without a scope.
    argument : what was to be touched, as the program wrote it; raw text of the program, control characters and all.
    allowed : whether it is going to happen.
    by : the built-in or import that asked.
    grant : the grant that allows it, as the host wrote it; None for a denial.
    needs : the narrowest grant that allows it, with the folder in full; empty where no grant would.
    place : where the program asked; in the process tier as the worker tells it.
    holder : the module whose grants were asked; empty where they are those of the whole context.
    """

    capability: str
    argument: str
    allowed: bool
    by: str = ""
    grant: str | None = None
    needs: str = ""
    place: Place = NOWHERE
    holder: str = ""

    @property
    def module(self) -> str:
        """The Dana module of the call, empty for a call of the host."""
        return self.place.module

    @property
    def function(self) -> str:
        """The function of the call."""
        return self.place.function

    @property
    def file(self) -> str:
        """The file of the call."""
        return self.place.file

    @property
    def line(self) -> int:
        """The line of the call, from 1; 0 is unknown."""
        return self.place.line

    def __str__(self) -> str:
        where = f" at {self.file}:{self.line} in {self.function}" if self.file else ""
        answer = f"allowed by {self.grant!r}" if self.allowed else f"denied, needs {self.needs!r}"
        return _one_line(f"{self.by or self.capability} uses {self.capability} {self.argument!r}{where}: {answer}")


OnCapability = Callable[[CapabilityUse], object]
"""Called at every use and every denial, before anything is done."""


class Watch:
    """Tells the host of uses; one for all grants of a context.

    Parameters
    ----------
    hook : the host's ``on_capability``, or None.
    meter : of the context; None where there is none.
    notes : each gets what came of each use: an audit, a recording.
    tape : what records or replays effects (`effects`), or None.
    """

    __slots__ = ("_inside", "claimed", "hook", "meter", "notes", "tape")

    def __init__(
        self,
        hook: OnCapability | None = None,
        meter: Meter | None = None,
        notes: tuple[OnCapability, ...] = (),
        tape: Any = None,
    ) -> None:
        self.hook = hook
        self.notes = notes
        self.tape = tape
        self.meter = meter
        self.claimed: Place | None = None
        """Where a worker says that the running call stands; None where this process has the stack."""
        self._inside: set[int] = set()

    def listens(self, allowed: bool) -> bool:
        """Whether anybody would hear of a use, or of a denial."""
        return self.hook is not None or bool(self.notes) or _logger_for(allowed) is not None

    def place(self) -> Place:
        """Where the running call stands."""
        return self.claimed if self.claimed is not None else calling_place(self.meter)

    def tell(self, use: CapabilityUse) -> None:
        """Hook, then log, as what came of it.

        Raises DanaCapabilityError if the hook or the log failed, so that nothing is done that is not on record.
        """
        try:
            if self.hook is not None:
                self._call(self.hook, use)
        except BaseException:
            refused = replace(use, allowed=False)
            for note in self.notes:
                note(refused)
            log_use(refused)
            raise
        for note in self.notes:
            note(use)
        try:
            log_use(use)
        except Exception as error:
            raise _failed(use, "the log", error) from error

    def _call(self, hook: OnCapability, use: CapabilityUse) -> None:
        ident = get_ident()
        if ident in self._inside:
            raise DanaCapabilityError(
                f"{use.by or use.capability} is refused while on_capability runs",
                capability=use.capability,
                hint="a hook cannot use the context that it watches; give it a context of its own",
            )
        self._inside.add(ident)
        try:
            if self.meter is None:
                hook(use)
            else:
                with self.meter.host():
                    hook(use)
        except DanaCapabilityError:
            raise
        except Exception as error:
            raise _failed(use, "on_capability", error) from error
        finally:
            self._inside.discard(ident)


def _failed(use: CapabilityUse, what: str, error: Exception) -> DanaCapabilityError:
    """Only the kind: the text of a host's exception is not for the program."""
    return DanaCapabilityError(
        f"{use.by or use.capability} was not done: {what} of the host failed ({type(error).__name__})",
        capability=use.capability,
    )


# -- the log -----------------------------------------------------------------------------------------------------------


def log_use(use: CapabilityUse) -> None:
    """One record of `logging`, if the host listens; every field on one line, so none can forge another record."""
    logger = _logger_for(use.allowed)
    if logger is not None:
        logger.log(_INFO if use.allowed else _WARNING, "%s", use, extra=fields_of(use))


_INFO, _WARNING = 20, 30


def _logger_for(allowed: bool) -> Any:
    """The logger, or None if it would not hear of a use or a denial."""
    logging = sys.modules.get("logging")
    if logging is None:  # who has not imported it has no handler
        return None
    logger: Any = logging.getLogger(LOGGER)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # a host that has set nothing up gets nothing on stderr
    return logger if logger.isEnabledFor(_INFO if allowed else _WARNING) else None


def fields_of(use: CapabilityUse) -> dict[str, Any]:
    """The facts of a use by name, all texts escaped and at most 500 characters long."""
    texts = {
        "capability": use.capability,
        "argument": use.argument,
        "by": use.by,
        "grant": use.grant or "",
        "needs": use.needs,
        "module": use.module,
        "function": use.function,
        "file": use.file,
        "holder": use.holder,
    }
    # `module` and its like are taken by logging itself.
    fields: dict[str, Any] = {f"dana_{name}": _one_line(text) for name, text in texts.items()}
    return fields | {"dana_line": use.line, "dana_allowed": use.allowed}


def _one_line(text: str) -> str:
    from dana_guards.output import escape_controls  # reads the capabilities itself

    text = escape_controls(text.encode("utf-8", "backslashreplace").decode("utf-8"))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


# -- the place ---------------------------------------------------------------------------------------------------------


def calling_place(meter: Meter | None = None) -> Place:
    """Where the innermost Dana call of this thread stands; an empty place if that is of another context.

    Parameters
    ----------
    meter : of the context that is asked; None accepts any.
    """
    frame = sys._getframe(1)
    while frame is not None:
        supply = frame.f_builtins.get("_supply_")
        if supply is not None:
            if meter is not None and getattr(supply, "meter", meter) is not meter:
                break
            code = frame.f_code
            name = frame.f_globals.get("__name__")
            function = _function_name(code.co_qualname)
            return Place(name if type(name) is str else "", function, code.co_filename, frame.f_lineno or 0)
        frame = frame.f_back  # type: ignore[assignment]
    return NOWHERE


def _function_name(qualified: str) -> str:
    """The function around a comprehension, as Dana calls it."""
    from dana_guards.spelling import shown_name

    named = [part for part in qualified.split(".") if part[:1] not in ("<", "")]
    return shown_name(named[-1]) if named else "<lambda>" if "<lambda>" in qualified else "<module>"
