"""The single questions of a stop condition: their words, what stands between their brackets, and what they mean on a model.

`path_expression.py` reads the grammar around them. Other tools' words for the same question (GraphWalker's `edge_coverage`,
`length`, `reached_vertex`, …) are taken as they are.
"""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cached_property
from typing import NamedTuple, NoReturn

from melanzana.errors import PathExpressionError
from melanzana.generation.coverage import Covered
from melanzana.generation.kinds import MAX_PATH_DEPTH, MAX_VARIABLE_DEPTH, Kind, Word
from melanzana.generation.reach import Reach, shaped
from melanzana.generation.requirement_coverage import requirements_of
from melanzana.generation.stop_conditions import (
    Actions,
    Coverage,
    Elapsed,
    FurtherCoverage,
    Iterations,
    Never,
    Reached,
    Steps,
    StopCondition,
)
from melanzana.generation.totals import Given, Totals
from melanzana.graph.model import Model

MAX_COUNT = 10**12
MAX_SECONDS = 10**9
_NOTHING_GIVEN = Given()

_ALIASES = {
    "length": "actions",
    "vertex_coverage": "state_coverage",
    "edge_coverage": "transition_coverage",
    "reached_state": "reached_vertex",
    "reached_action": "reached_edge",
    "time_duration": "time",
}
_COUNT, _PERCENT, _NAME = "a whole number", "a percentage", "a name"
_DEPTH_AND_PERCENT = "a depth and a percentage"
#: Before a word of coverage: of what guards and data do not rule out.
_FEASIBLE = "feasible_"
#: What is covered, and the greatest depth; 0: it has none.
_FURTHER = {
    "path_coverage": (Word.PATH, MAX_PATH_DEPTH),
    "variable_coverage": (Word.VARIABLE, MAX_VARIABLE_DEPTH),
    "requirement_coverage": (Word.REQUIREMENT, 0),
}
_ARGUMENTS: dict[str, str | None] = {
    "steps": _COUNT,
    "actions": _COUNT,
    "iterations": _COUNT,
    "state_coverage": _PERCENT,
    "action_coverage": _PERCENT,
    "transition_coverage": _PERCENT,
    "reached": _NAME,
    "reached_vertex": _NAME,
    "reached_edge": _NAME,
    "time": "seconds",
    "never": None,
    **{
        f"{prefix}{word}": _DEPTH_AND_PERCENT if most else _PERCENT
        for prefix in ("", _FEASIBLE)
        for word, (_, most) in _FURTHER.items()
    },
    **{f"{_FEASIBLE}{word}": _PERCENT for word in ("state_coverage", "action_coverage", "transition_coverage")},
}
_KINDS = {
    "state_coverage": Covered.STATES,
    "action_coverage": Covered.ACTIONS,
    "transition_coverage": Covered.TRANSITIONS,
}


class _Asked(NamedTuple):
    """One question as it was written."""

    word: str
    text: str
    position: int


def every_word() -> tuple[str, ...]:
    """The words of all questions, without the other names that some have."""
    return tuple(_ARGUMENTS)


def argument_of(word: str, position: int) -> str | None:
    """What stands between the brackets of a question, in words; None when it has none. Errors: `PathExpressionError`."""
    known = _known(word)
    if known not in _ARGUMENTS:
        fail(f"unknown stop condition '{word}'{meant(word, [*_ARGUMENTS, *_ALIASES])}", position)
    return _ARGUMENTS[known]


class Questions:
    """Makes the stop conditions of one model."""

    def __init__(self, model: Model, given: Given = _NOTHING_GIVEN) -> None:
        self._model = model
        self._totals = Totals(model, given)

    @cached_property
    def reach(self) -> Reach:
        """What arcs lead to."""
        return shaped(self._model)

    def make(self, word: str, text: str, position: int) -> StopCondition:
        """The question `word(text)`; `position` is where the text begins. Errors: `PathExpressionError`."""
        asked = _Asked(word, text, position)
        known = _known(word)
        makers: dict[str, Callable[[_Asked], StopCondition]] = {
            "steps": lambda asked: Steps(count(asked.text, asked.word, asked.position)),
            "actions": lambda asked: Actions(count(asked.text, asked.word, asked.position)),
            "iterations": lambda asked: Iterations(count(asked.text, asked.word, asked.position)),
            "reached": self._reached,
            "reached_vertex": self._reached,
            "reached_edge": self._reached,
            "time": lambda asked: Elapsed(number(asked.text, asked.word, asked.position, MAX_SECONDS)),
            "never": lambda _: Never(),
        }
        return makers[known](asked) if known in makers else self._coverage(asked, known.removeprefix(_FEASIBLE))

    def _coverage(self, asked: _Asked, word: str) -> StopCondition:
        feasible = word != _known(asked.word)
        if word in _FURTHER:
            return self._further(asked, word, feasible)
        kind, percent = _KINDS[word], number(asked.text, asked.word, asked.position, 100)
        total = self._totals.feasible(kind) if feasible else len(self.reach.counted(kind))
        return Coverage(kind, percent, _part(total, percent), feasible)

    def _further(self, asked: _Asked, word: str, feasible: bool) -> StopCondition:
        what, most = _FURTHER[word]
        depth, percent = _depth_and_percent(asked, most) if most else (1, number(asked.text, asked.word, asked.position, 100))
        kind = Kind(what, depth)
        total = self._totals.feasible(kind) if feasible else self._totals.plain(kind)
        marked = tuple(requirements_of(self._model).values()) if what is Word.REQUIREMENT else ()
        return FurtherCoverage(kind, percent, _part(total, percent), feasible, marked)

    def _reached(self, asked: _Asked) -> StopCondition:
        name, choice = asked.text, self._named(_known(asked.word))
        found = tuple(element_id for element_name, element_id in choice if name in (element_name, element_id))
        if not found:
            what = {"reached_vertex": "state", "reached_edge": "action"}.get(_known(asked.word), "state or action")
            fail(f"the model has no {what} named '{name}'{meant(name, [known for known, _ in choice])}", asked.position)
        return Reached(name, found)

    def _named(self, word: str) -> list[tuple[str, str]]:
        """Names and ids of what the question may ask for."""
        states = [(state.name, state.id) for state in self._model.states]
        actions = [(action.name, action.id) for _, action in self._model.actions()]
        return {"reached_vertex": states, "reached_edge": actions}.get(word, states + actions)


def fail(message: str, position: int) -> NoReturn:
    """Refuse a path expression for what stands at `position` (from 0; people read it from 1)."""
    raise PathExpressionError(f"{message} (at character {position + 1})", position=position)


def meant(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` when a known name is near, else nothing."""
    near = get_close_matches(name, list(dict.fromkeys(known)), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _known(word: str) -> str:
    lower = word.lower()
    return _ALIASES.get(lower, lower)


def _part(total: int, percent: float) -> int:
    """So many are `percent` of all, rounded up. Exact for any number: there may be very many paths."""
    return -(-total * round(percent * 10**9) // 10**11)


def _depth_and_percent(asked: _Asked, most: int) -> tuple[int, float]:
    """`2, 80`. Errors: `PathExpressionError`."""
    depth, comma, percent = (part.strip() for part in asked.text.partition(","))
    if not comma or not re.fullmatch(r"[1-9]", depth) or int(depth) > most:
        message = f"{asked.word} takes a depth from 1 to {most} and a percentage, like {asked.word}(2, 80), not '{asked.text}'"
        fail(message, asked.position)
    return int(depth), number(percent, asked.word, asked.position, 100)


def count(text: str, word: str, position: int) -> int:
    """What stands in the brackets of `word`, a whole number from 1. Errors: `PathExpressionError`."""
    if not re.fullmatch(r"[0-9]{1,13}", text) or not 1 <= int(text) <= MAX_COUNT:
        fail(f"{word} takes a whole number from 1 to {MAX_COUNT}, not '{text}'", position)
    return int(text)


def whole(text: str, word: str, position: int, limits: tuple[int, int]) -> int:
    """What stands in the brackets of `word`, a whole number within limits. Errors: `PathExpressionError`."""
    least, most = limits
    if not re.fullmatch(r"[0-9]{1,3}", text) or not least <= int(text) <= most:
        fail(f"{word} takes a whole number from {least} to {most}, not '{text}'", position)
    return int(text)


def number(text: str, word: str, position: int, most: int) -> float:
    """What stands in the brackets of `word`, a number from 0 to `most`. Errors: `PathExpressionError`."""
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", text) or float(text) > most:
        fail(f"{word} takes a number from 0 to {most}, not '{text}'", position)
    return float(text)


def share(text: str, position: int) -> tuple[int, int]:
    """`n/m` with n from 1 to m. Errors: `PathExpressionError`."""
    found = re.fullmatch(r"([0-9]{1,6}) */ *([0-9]{1,6})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        fail(f"shard takes a share like 1/4, the first of four, not '{text}'", position)
    return int(found[1]), int(found[2])
