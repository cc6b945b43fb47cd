"""Where the cards and arrows of a model's picture lie: a state is a card with a row for each of its actions.

The cards stand in columns by their distance from Start; within a column they stand near what leads to them (the barycenter
heuristic: Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures", IEEE Transactions on
Systems, Man, and Cybernetics 11, 1981). An arrow leaves at the row of its action. Actions that stay, end the iteration or go back
have a sign instead of an arrow. `model_pages.py` asks, `graph.html` draws. Cost: a few passes over the actions.
"""

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass

from melanzana.graph.model import Action, ActionKind, Model, State, StateKind

#: Larger models are not drawn: nobody could read them.
MOST_STATES = 80
_WIDTH, _HEAD, _ROW, _FOOT = 210, 30, 22, 6
_COLUMN_GAP, _GAP, _MARGIN = 96, 26, 16
_SWEEPS = 4
_CHARACTERS = 24
_ANYWHERE = "anywhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An action in its card."""

    id: str
    name: str
    title: str  #: the whole name, where it leads, and its guard
    y: int
    hits: int
    sign: str  #: ⚑ guarded, ⟲ stays, ⏎ ends, ↩ back, ▣ sub-model


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A state, or what is offered anywhere."""

    id: str
    name: str
    title: str
    kind: str
    x: int
    y: int
    height: int
    hits: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """From a row to a card, as an SVG path."""

    path: str
    taken: bool
    action: str  #: id


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything to draw, in pixels."""

    width: int
    height: int
    card_width: int
    cards: tuple[Card, ...]
    arrows: tuple[Arrow, ...]


def draw(model: Model, hits: Mapping[str, int], taken: Mapping[tuple[str, str | None], int]) -> Picture | None:
    """The picture, with hit counts of elements and of transitions; None when the model is too large for one."""
    states = [state for state in model.states if state.kind in (StateKind.START, StateKind.NORMAL)]
    if len(states) > MOST_STATES:
        return None
    return _Drawing(model, states, hits, taken).picture()


class _Drawing:
    def __init__(
        self, model: Model, states: list[State], hits: Mapping[str, int], taken: Mapping[tuple[str, str | None], int]
    ) -> None:
        self._states = {state.id: state for state in states}
        self._names = {state.id: state.name for state in model.states} | {action.id: action.name for _, action in model.actions()}
        self._kinds = {state.id: state.kind for state in model.states}
        self._actions = {state.id: state.actions for state in states}
        if model.global_actions:
            self._actions[_ANYWHERE] = model.global_actions
        self._hits, self._taken = hits, taken
        self._chains = {action.id: action for _, action in model.actions() if action.kind is ActionKind.SEQUENT}

    def picture(self) -> Picture:
        columns = self._columns()
        tallest = max((self._height_of(column) for column in columns), default=0)
        cards: dict[str, Card] = {}
        for number, column in enumerate(columns):
            y = _MARGIN + (tallest - self._height_of(column)) // 2
            for card_id in column:
                card = cards[card_id] = self._card(card_id, _MARGIN + number * (_WIDTH + _COLUMN_GAP), y)
                y += card.height + _GAP
        arrows = [arrow for card in cards.values() for arrow in self._arrows(card, cards)]
        width = 2 * _MARGIN + len(columns) * _WIDTH + (len(columns) - 1) * _COLUMN_GAP
        return Picture(
            width=width, height=tallest + 2 * _MARGIN, card_width=_WIDTH, cards=tuple(cards.values()), arrows=tuple(arrows)
        )

    # ---- columns

    def _columns(self) -> list[list[str]]:
        distance = self._distances()
        columns: dict[int, list[str]] = defaultdict(list)
        for card_id in self._actions:
            columns[distance[card_id]].append(card_id)
        found = [columns[number] for number in sorted(columns)]
        before = self._neighbours()
        for sweep in range(_SWEEPS):
            for column in found if sweep % 2 == 0 else found[::-1]:
                place = {card_id: index for one in found for index, card_id in enumerate(one)}
                column.sort(key=lambda card_id: _mean([place[other] for other in before[card_id]], place[card_id]))
        return found

    def _distances(self) -> dict[str, int]:
        """From Start, in actions; what cannot be reached by arrows stands in the last column."""
        start = next((state.id for state in self._states.values() if state.kind is StateKind.START), None)
        distance = {start: 0} if start is not None else {}
        waiting = deque(distance)
        while waiting:
            here = waiting.popleft()
            for action in self._actions[here]:
                for target in self._targets(action):
                    if target not in distance:
                        distance[target] = distance[here] + 1
                        waiting.append(target)
        far = max(distance.values(), default=0) + 1
        return {card_id: distance.get(card_id, 0 if card_id == _ANYWHERE else far) for card_id in self._actions}

    def _neighbours(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {card_id: [] for card_id in self._actions}
        for card_id, actions in self._actions.items():
            for action in actions:
                for target in self._targets(action):
                    if target != card_id:
                        found[card_id].append(target)
                        found[target].append(card_id)
        return found

    def _targets(self, action: Action) -> list[str]:
        """The cards that it leads to, through sequent actions as well."""
        return list(dict.fromkeys(self._followed(action, set())))

    def _followed(self, action: Action, seen: set[str]) -> list[str]:
        found = []
        for target in action.targets:
            if target in self._states:
                found.append(target)
            elif target in self._chains and target not in seen:
                found += self._followed(self._chains[target], seen | {target})
        return found

    # ---- cards

    def _height_of(self, column: list[str]) -> int:
        return sum(self._card_height(card_id) for card_id in column) + _GAP * (len(column) - 1)

    def _card_height(self, card_id: str) -> int:
        return _HEAD + _ROW * len(self._actions[card_id]) + _FOOT

    def _card(self, card_id: str, x: int, y: int) -> Card:
        rows = tuple(self._row(action, y + _HEAD + number * _ROW) for number, action in enumerate(self._actions[card_id]))
        state = self._states.get(card_id)
        name = state.name if state is not None else "Anywhere"
        hits = self._hits.get(card_id, 0) if state is not None else max((row.hits for row in rows), default=0)
        kind = "anywhere" if state is None else state.kind.value
        shown, height = _cut(name, _CHARACTERS), self._card_height(card_id)
        return Card(id=card_id, name=shown, title=name, kind=kind, x=x, y=y, height=height, hits=hits, rows=rows)

    def _row(self, action: Action, y: int) -> Row:
        leads = ", ".join(self._names.get(target, target) for target in action.targets)
        title = action.name + (f" → {leads}" if leads else "") + (f", when {action.guard}" if action.guard else "")
        name = _cut(action.name, _CHARACTERS)
        return Row(id=action.id, name=name, title=title, y=y, hits=self._hits.get(action.id, 0), sign=self._sign(action))

    def _sign(self, action: Action) -> str:
        signs = "⚑" if action.guard else ""
        signs += "▣" if action.sub_models else ""
        if action.kind is ActionKind.PREVIOUS:
            return signs + "↩"
        if not action.targets:
            return signs + "⟲"
        ends = any(self._kinds.get(target) in (StateKind.EXIT, StateKind.ERROR, StateKind.CLEANUP) for target in action.targets)
        return signs + ("⏎" if ends else "")

    # ---- arrows

    def _arrows(self, card: Card, cards: Mapping[str, Card]) -> list[Arrow]:
        found = []
        for action, row in zip(self._actions[card.id], card.rows, strict=True):
            for target in self._targets(action):
                taken = any(self._taken.get((action.id, one), 0) for one in action.targets)
                found.append(Arrow(_curve(card, row, cards[target]), taken, action.id))
        return found


def _curve(card: Card, row: Row, target: Card) -> str:
    """To the right where the target stands there, else around on the left."""
    y, aim = row.y + _ROW // 2, target.y + _HEAD // 2
    if target.x > card.x:
        begin, end = card.x + _WIDTH, target.x - 2
        bend = max((end - begin) // 2, _COLUMN_GAP // 2)
        return f"M{begin} {y} C{begin + bend} {y} {end - bend} {aim} {end} {aim}"
    begin, end = card.x, target.x - 2
    if target.x == card.x:
        bend = _COLUMN_GAP // 2
        return f"M{begin} {y} C{begin - bend} {y} {end - bend} {aim} {end} {aim}"
    end = target.x + _WIDTH + 2
    bend = max((begin - end) // 2, _COLUMN_GAP // 2)
    return f"M{begin} {y} C{begin - bend} {y} {end + bend} {aim} {end} {aim}"


def _mean(places: list[int], own: int) -> float:
    return sum(places) / len(places) if places else float(own)


def _cut(name: str, length: int) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"
