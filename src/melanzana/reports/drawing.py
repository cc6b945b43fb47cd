"""The picture of a model: a state is a card with a row for each of its actions, and an arrow leaves at the row of its action.

Actions that stay, end the iteration or go back have a sign instead of an arrow. `placing.py` says where the cards lie; the pages of
models, of their editing and of runs ask; `graph.html` and `edit_canvas.html` draw.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from melanzana.graph.model import Action, ActionKind, Box, Model, State, StateKind
from melanzana.reports.placing import ANYWHERE, COLUMN_GAP, MARGIN, WIDTH, Places, around, place

#: Larger models are not drawn whole: nobody could read them.
MOST_STATES = 300
_HEAD, _ROW, _FOOT = 32, 24, 6
_CHARACTERS = 24
_HOPS, _MOST_NEAR = 2, 30


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
    target: str  #: id of the card


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything to draw, in pixels. `left` and `top` are where the frame begins: a card may lie anywhere."""

    left: int
    top: int
    width: int
    height: int
    card_width: int
    cards: tuple[Card, ...]
    arrows: tuple[Arrow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """What of a model is drawn, and how."""

    hits: Mapping[str, int] = field(default_factory=dict)  #: by element id
    taken: Mapping[tuple[str, str | None], int] = field(default_factory=dict)  #: by action and target
    boxes: Mapping[str, Box] = field(default_factory=dict)  #: where cards were put, by id
    near: str = ""  #: only what is around this state, arranged for itself


def draw(
    model: Model,
    hits: Mapping[str, int],
    taken: Mapping[tuple[str, str | None], int],
    boxes: Mapping[str, Box] | None = None,
) -> Picture | None:
    """The picture, with hit counts of elements and of transitions; None when the model is too large for one."""
    return draw_view(model, Viewing(hits=hits, taken=taken, boxes=boxes or {}))


def draw_view(model: Model, viewing: Viewing) -> Picture | None:
    """The same for a part of the model. A part is drawn of models of any size."""
    drawing = _Drawing(model, viewing)
    return drawing.picture() if viewing.near or len(drawing.states) <= MOST_STATES else None


class _Drawing:
    def __init__(self, model: Model, viewing: Viewing) -> None:
        states = [state for state in model.states if state.kind in (StateKind.START, StateKind.NORMAL)]
        self.states = {state.id: state for state in states}
        self._names = {state.id: state.name for state in model.states} | {action.id: action.name for _, action in model.actions()}
        self._kinds = {state.id: state.kind for state in model.states}
        self._actions: dict[str, tuple[Action, ...]] = {state.id: state.actions for state in states}
        if model.global_actions:
            self._actions[ANYWHERE] = model.global_actions
        self._viewing = viewing
        self._chains = {action.id: action for _, action in model.actions() if action.kind is ActionKind.SEQUENT}

    def picture(self) -> Picture:
        places = self._places()
        heights = {card_id: self._height(card_id) for card_id in places}
        cards = {card_id: self._card(card_id, places[card_id], heights[card_id]) for card_id in places}
        arrows = [arrow for card in cards.values() for arrow in self._arrows(card, cards)]
        left = min((x for x, _ in places.values()), default=MARGIN) - MARGIN
        top = min((y for _, y in places.values()), default=MARGIN) - MARGIN
        right = max((x for x, _ in places.values()), default=0) + WIDTH + MARGIN
        bottom = max((y + heights[card_id] for card_id, (_, y) in places.items()), default=0) + MARGIN
        return Picture(
            left=left,
            top=top,
            width=right - left,
            height=bottom - top,
            card_width=WIDTH,
            cards=tuple(cards.values()),
            arrows=tuple(arrows),
        )

    def _places(self) -> Places:
        leads = {card: [t for action in actions for t in self._targets(action)] for card, actions in self._actions.items()}
        start = next((state.id for state in self.states.values() if state.kind is StateKind.START), None)
        boxes = self._viewing.boxes
        if self._viewing.near:
            middle = self._viewing.near if self._viewing.near in leads else start
            kept = around(leads, middle, hops=_HOPS, most=_MOST_NEAR) if middle is not None else frozenset[str]()
            leads = {card: [target for target in targets if target in kept] for card, targets in leads.items() if card in kept}
            start, boxes = middle, {}
        return place(leads, {card: self._height(card) for card in leads}, start, boxes)

    def _targets(self, action: Action) -> list[str]:
        """The cards that it leads to, through sequent actions as well."""
        return list(dict.fromkeys(self._followed(action, set())))

    def _followed(self, action: Action, seen: set[str]) -> list[str]:
        found = []
        for target in action.targets:
            if target in self.states:
                found.append(target)
            elif target in self._chains and target not in seen:
                found += self._followed(self._chains[target], seen | {target})
        return found

    # ---- cards

    def _height(self, card_id: str) -> int:
        return _HEAD + _ROW * len(self._actions[card_id]) + _FOOT

    def _card(self, card_id: str, at: tuple[int, int], height: int) -> Card:
        x, y = at
        rows = tuple(self._row(action, y + _HEAD + number * _ROW) for number, action in enumerate(self._actions[card_id]))
        state: State | None = self.states.get(card_id)
        name = state.name if state is not None else "Anywhere"
        hits = self._viewing.hits.get(card_id, 0) if state is not None else max((row.hits for row in rows), default=0)
        kind = "anywhere" if state is None else state.kind.value
        shown = _cut(name, _CHARACTERS)
        return Card(id=card_id, name=shown, title=name, kind=kind, x=x, y=y, height=height, hits=hits, rows=rows)

    def _row(self, action: Action, y: int) -> Row:
        leads = ", ".join(self._names.get(target, target) for target in action.targets)
        title = action.name + (f" → {leads}" if leads else "") + (f", when {action.guard}" if action.guard else "")
        hits = self._viewing.hits.get(action.id, 0)
        return Row(id=action.id, name=_cut(action.name, _CHARACTERS), title=title, y=y, hits=hits, sign=self._sign(action))

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
                if target in cards:
                    taken = any(self._viewing.taken.get((action.id, one), 0) for one in action.targets)
                    found.append(Arrow(_curve(card, row, cards[target]), taken, action.id, target))
        return found


def _curve(card: Card, row: Row, target: Card) -> str:
    """To the right where the target stands there, else around on the left. `editor-canvas.js` draws the same while a card moves."""
    y, aim = row.y + _ROW // 2, target.y + _HEAD // 2
    if target.x > card.x:
        begin, end = card.x + WIDTH, target.x - 2
        bend = max((end - begin) // 2, COLUMN_GAP // 2)
        return f"M{begin} {y} C{begin + bend} {y} {end - bend} {aim} {end} {aim}"
    begin, end = card.x, target.x - 2
    if target.x == card.x:
        bend = COLUMN_GAP // 2
        return f"M{begin} {y} C{begin - bend} {y} {end - bend} {aim} {end} {aim}"
    end = target.x + WIDTH + 2
    bend = max((begin - end) // 2, COLUMN_GAP // 2)
    return f"M{begin} {y} C{begin - bend} {y} {end + bend} {aim} {end} {aim}"


def _cut(name: str, length: int) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"
