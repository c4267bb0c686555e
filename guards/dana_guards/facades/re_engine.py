"""Regular expressions in linear time: what stands behind ``import re.py``.

In: a pattern in Python's syntax, and a text. Out: where it matches, as Python's `re` would find it. Python's own
engine tries one way after the other, in C, where no stop arrives: ``(a|aa)+$`` needs twice the time for each letter.
This one follows all ways at once (Thompson's construction with Pike's captures, see Cox, "Regular Expression Matching:
the Virtual Machine Approach"), a letter at a time, and looks at the meter. Not done here: the functions of the module
(`re_py`); look-around, back references, atomic groups, which no such machine can do.

Python's parser reads the pattern, and Python's engine decides about single letters, so classes, flags and case are
exactly Python's. Short texts go to Python's engine whole, where its worst case is short as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Final, NamedTuple

from dana_guards.limits import Meter

MAX_PATTERN: Final = 2000
MAX_PROGRAM: Final = 4000
MAX_TEXT: Final = 10_000_000
_WORST_STEPS: Final = 5_000_000
"""Steps that Python's engine may need at worst for a text that it is given whole; a tenth of a second."""

_KEPT_LETTERS: Final = 256

_ONE_LETTER: Final = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN"})
_REPEATS: Final = frozenset({"MAX_REPEAT", "MIN_REPEAT"})
_FLAGS: Final = re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE | re.ASCII | re.UNICODE


class Step(NamedTuple):
    """One instruction: what it does, where it goes on, and its argument."""

    kind: str
    first: int = 0
    second: int = 0
    test: Any = None


Groups = tuple[int, ...]
"""Start and end of each group, -1 where it took no part."""


class Program:
    """A compiled pattern. ValueError for one that is wrong, too long, or needs what is not offered."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        if len(pattern) > MAX_PATTERN:
            raise ValueError(f"the pattern is longer than {MAX_PATTERN} characters")
        if flags & ~int(_FLAGS):
            raise ValueError("these flags of a pattern are not offered")
        try:
            tree = _parser.parse(pattern, flags)
            self.python: re.Pattern[str] = re.compile(pattern, flags)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"this is no pattern: {error}") from None
        self.flags = tree.state.flags
        self.groups = tree.state.groups - 1
        self.names: dict[str, int] = dict(tree.state.groupdict)
        self.steps: list[Step] = []
        self._emit(Step("save", test=0))
        self._sequence(tree, self.flags)
        self._emit(Step("save", test=1))
        self._emit(Step("match"))
        self._longest = _longest_for_python(tree)

    def search(self, meter: Meter, text: str, anchored: bool, whole: bool) -> Groups | None:
        """Groups of the first match.

        Parameters
        ----------
        anchored : the match begins where the text does.
        whole : it ends where the text does.
        """
        if self._is_short(text):
            how = self.python.fullmatch if whole else self.python.match if anchored else self.python.search
            found = how(text)
            return None if found is None else self._spans(found)
        return _Machine(self, meter, text, whole).run(0, anchored)

    def matches(self, meter: Meter, text: str) -> Iterator[Groups]:
        """Groups of every match, one after the other; after an empty one the next has to go further."""
        if self._is_short(text):
            yield from map(self._spans, self.python.finditer(text))
            return
        machine = _Machine(self, meter, text, False)
        place, advance = 0, False
        while place <= len(text):
            groups = machine.run(place, False, advance)
            if groups is None:
                return
            yield groups
            place, advance = groups[1], groups[0] == groups[1]

    def _is_short(self, text: str) -> bool:
        if len(text) > MAX_TEXT:
            raise ValueError(f"a text to search has at most {MAX_TEXT} characters")
        return len(text) <= self._longest

    def _spans(self, found: re.Match[str]) -> Groups:
        return tuple(place for group in range(self.groups + 1) for place in found.span(group))

    # -- compiling -------------------------------------------------------------------------------------

    def _emit(self, step: Step) -> int:
        if len(self.steps) >= MAX_PROGRAM:
            raise ValueError("the pattern is too large; count with smaller numbers")
        self.steps.append(step)
        return len(self.steps) - 1

    def _sequence(self, items: Any, flags: int) -> None:
        for operation, argument in items:
            name = operation.name
            if name in _ONE_LETTER:
                self._emit(Step("letter", test=_letter_test(operation, argument, flags)))
            elif name == "SUBPATTERN":
                self._group(argument, flags)
            elif name == "BRANCH":
                self._branches(argument[1], flags)
            elif name in _REPEATS:
                self._repeat(argument, name == "MAX_REPEAT", flags)
            elif name == "AT":
                self._emit(Step("at", test=_place_test(argument.name, flags)))
            else:
                raise ValueError("look-around, back references and atomic groups are not offered in patterns")

    def _group(self, argument: Any, flags: int) -> None:
        number, added, removed, items = argument
        if number is not None:
            self._emit(Step("save", test=2 * number))
        self._sequence(items, (flags | added) & ~removed)
        if number is not None:
            self._emit(Step("save", test=2 * number + 1))

    def _branches(self, branches: list[Any], flags: int) -> None:
        ends = []
        for branch in branches[:-1]:
            fork = self._emit(Step("fork"))
            self._sequence(branch, flags)
            ends.append(self._emit(Step("jump")))
            self.steps[fork] = Step("fork", fork + 1, len(self.steps))
        self._sequence(branches[-1], flags)
        for end in ends:
            self.steps[end] = Step("jump", len(self.steps))

    def _repeat(self, argument: Any, greedy: bool, flags: int) -> None:
        least, most, items = argument
        for _ in range(least):
            self._sequence(items, flags)
        if most is _constants.MAXREPEAT:
            fork = self._emit(Step("fork"))
            self._sequence(items, flags)
            self._emit(Step("jump", fork))
            self._fork(fork, greedy)
            return
        forks = []
        for _ in range(most - least):
            forks.append(self._emit(Step("fork")))
            self._sequence(items, flags)
        for fork in forks:
            self._fork(fork, greedy)

    def _fork(self, fork: int, greedy: bool) -> None:
        """Go in or go on; which is tried first makes a repeat greedy or not."""
        inside, after = fork + 1, len(self.steps)
        self.steps[fork] = Step("fork", inside, after) if greedy else Step("fork", after, inside)


def _letter_test(operation: Any, argument: Any, flags: int) -> dict[str, bool]:
    """A dictionary that asks Python's engine about each new letter once."""
    state = _parser.State()
    state.flags = flags & int(_FLAGS)
    single = _parser.SubPattern(state, [(operation, argument)])
    return _Letters(_compiler.compile(single, flags & int(_FLAGS)).fullmatch)


class _Letters(dict[str, bool]):
    """Letter to whether it fits; a few hundred are kept."""

    def __init__(self, fits: Callable[[str], object]) -> None:
        super().__init__()
        self._fits = fits

    def __missing__(self, letter: str) -> bool:
        if len(self) >= _KEPT_LETTERS:
            self.clear()
        answer = self[letter] = self._fits(letter) is not None
        return answer


def _place_test(name: str, flags: int) -> Callable[[str, int], bool]:
    """A test of a place between letters."""
    lines = bool(flags & re.MULTILINE)
    if name == "AT_BEGINNING" and lines:
        return lambda text, place: place == 0 or text[place - 1] == "\n"
    if name in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
        return lambda text, place: place == 0
    if name == "AT_END" and lines:
        return lambda text, place: place == len(text) or text[place] == "\n"
    if name == "AT_END":
        return lambda text, place: place == len(text) or (place == len(text) - 1 and text[place] == "\n")
    if name == "AT_END_STRING":
        return lambda text, place: place == len(text)
    word = re.compile(r"\w", flags & re.ASCII).match

    def at_boundary(text: str, place: int) -> bool:
        before = place > 0 and word(text[place - 1]) is not None
        after = place < len(text) and word(text[place]) is not None
        return before is not after

    if name == "AT_BOUNDARY":
        return at_boundary
    # Python before 3.14 has no match of \B in an empty text.
    return lambda text, place: bool(text) and not at_boundary(text, place)


def _longest_for_python(tree: Any) -> int:
    """Letters up to which Python's engine is quick whatever the text is; -1 where it may never be."""
    repeats = _count_repeats(tree, 0)
    if repeats is None:
        return -1
    return min(int(_WORST_STEPS ** (1 / (repeats + 1))), MAX_TEXT)


def _count_repeats(items: Any, depth: int) -> int | None:
    """Repeats one after the other; None where one stands inside another, which makes time exponential."""
    total = 0
    for operation, argument in items:
        inside: Iterator[Any] = iter(())
        if operation.name in _REPEATS:
            if depth:
                return None
            total += 1
            inside = iter([argument[2]])
        elif operation.name == "SUBPATTERN":
            inside = iter([argument[3]])
        elif operation.name == "BRANCH":
            if depth:
                return None
            inside = iter(argument[1])
        for part in inside:
            found = _count_repeats(part, depth + (operation.name in _REPEATS))
            if found is None:
                return None
            total += found
    return total


class _Machine:
    """One search: threads of the program in the order in which Python would try them."""

    def __init__(self, program: Program, meter: Meter, text: str, whole: bool) -> None:
        self.steps = program.steps
        self.empty: Groups = (-1,) * (2 * program.groups + 2)
        self.meter = meter
        self.text = text
        self.whole = whole

    def run(self, start: int, anchored: bool, advance: bool = False) -> Groups | None:
        """The groups of the match that Python would give, from `start` on.

        Parameters
        ----------
        anchored : only at `start`.
        advance : not the empty match at `start`.
        """
        text, steps = self.text, self.steps
        length = len(text)
        found: Groups | None = None
        threads: list[tuple[int, Groups]] = []
        for place in range(start, length + 1):
            if not (place - start) & 127:
                self.meter.check()
            if found is None and (place == start or not anchored):
                self._add(threads, {number for number, _ in threads}, 0, self.empty, place)
            if not threads:
                if found is not None or anchored:
                    break
                continue
            letter = text[place] if place < length else ""
            following: list[tuple[int, Groups]] = []
            seen: set[int] = set()
            for number, groups in threads:
                step = steps[number]
                if step.kind == "match":
                    if (not self.whole or place == length) and not (advance and place == start):
                        found = groups
                        break  # what stands behind would be tried later
                elif letter and step.test[letter]:
                    self._add(following, seen, number + 1, groups, place + 1)
            threads = following
        return found

    def _add(self, threads: list[tuple[int, Groups]], seen: set[int], number: int, groups: Groups, place: int) -> None:
        """Follow everything that takes no letter, the first choice first."""
        pending = [(number, groups)]
        while pending:
            number, groups = pending.pop()
            if number in seen:
                continue
            seen.add(number)
            kind, first, second, test = self.steps[number]
            if kind == "jump":
                pending.append((first, groups))
            elif kind == "fork":
                pending.append((second, groups))
                pending.append((first, groups))
            elif kind == "save":
                pending.append((number + 1, (*groups[:test], place, *groups[test + 1 :])))
            elif kind == "at":
                if test(self.text, place):
                    pending.append((number + 1, groups))
            else:
                threads.append((number, groups))
