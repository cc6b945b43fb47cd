"""Where the cards of a model's picture lie: where somebody put them, else where the model's shape says.

Cards stand in columns by their distance from Start; within a column they stand near what leads to them (the barycenter
heuristic: Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures", IEEE Transactions on
Systems, Man, and Cybernetics 11, 1981). A card without a place among cards that have one gets the nearest free spot. `drawing.py`
asks. Cost: a few passes over the actions.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence

from melanzana.graph.model import Box

WIDTH, COLUMN_GAP, GAP, MARGIN = 210, 96, 26, 16
ANYWHERE = "anywhere"
_SWEEPS, _TRIES = 4, 400

#: Card id → the cards that its actions lead to.
Leads = Mapping[str, Sequence[str]]
Places = dict[str, tuple[int, int]]


def place(leads: Leads, heights: Mapping[str, int], start: str | None, boxes: Mapping[str, Box]) -> Places:
    """The upper left corner of every card, in pixels."""
    put = {card: (round(boxes[card].x), round(boxes[card].y)) for card in leads if card in boxes}
    if not put:
        return _columns(leads, heights, start)
    for card in leads:
        if card not in put:
            put[card] = _free(card, leads, heights, put)
    return put


def _free(card: str, leads: Leads, heights: Mapping[str, int], put: Places) -> tuple[int, int]:
    """To the right of what leads there, then below, then further to the right."""
    near = next((put[other] for other in put if card in leads[other]), None) or max(put.values())
    height = heights[card]
    for number in range(_TRIES):
        x = near[0] + (1 + number // 20) * (WIDTH + COLUMN_GAP)
        y = near[1] + (number % 20) * 40
        if not any(_meet((x, y), height, place, heights[other]) for other, place in put.items()):
            return x, y
    return near[0], max(place[1] + heights[other] for other, place in put.items()) + GAP


def _meet(one: tuple[int, int], height: int, other: tuple[int, int], other_height: int) -> bool:
    beside = abs(one[0] - other[0]) < WIDTH + GAP
    return beside and one[1] < other[1] + other_height + GAP and other[1] < one[1] + height + GAP


def _columns(leads: Leads, heights: Mapping[str, int], start: str | None) -> Places:
    columns = _ordered(leads, start)
    tall = [sum(heights[card] for card in column) + GAP * (len(column) - 1) for column in columns]
    found: Places = {}
    for number, column in enumerate(columns):
        x, y = MARGIN + number * (WIDTH + COLUMN_GAP), MARGIN + (max(tall) - tall[number]) // 2
        for card in column:
            found[card] = x, y
            y += heights[card] + GAP
    return found


def _ordered(leads: Leads, start: str | None) -> list[list[str]]:
    distance = _distances(leads, start)
    columns: defaultdict[int, list[str]] = defaultdict(list)
    for card in leads:
        columns[distance[card]].append(card)
    found = [columns[number] for number in sorted(columns)]
    near = _neighbours(leads)
    for sweep in range(_SWEEPS):
        for column in found if sweep % 2 == 0 else found[::-1]:
            where = {card: index for one in found for index, card in enumerate(one)}
            middle = {card: _mean([where[other] for other in near[card]], where[card]) for card in column}
            column.sort(key=middle.__getitem__)
    return found


def _distances(leads: Leads, start: str | None) -> dict[str, int]:
    """From Start, in actions; what cannot be reached by arrows stands in the last column."""
    distance = {start: 0} if start is not None else {}
    waiting = deque(distance)
    while waiting:
        here = waiting.popleft()
        for target in leads[here]:
            if target not in distance:
                distance[target] = distance[here] + 1
                waiting.append(target)
    far = max(distance.values(), default=0) + 1
    return {card: distance.get(card, 0 if card == ANYWHERE else far) for card in leads}


def _neighbours(leads: Leads) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {card: [] for card in leads}
    for card, targets in leads.items():
        for target in targets:
            if target != card:
                found[card].append(target)
                found[target].append(card)
    return found


def around(leads: Leads, middle: str, *, hops: int, most: int) -> frozenset[str]:
    """The cards within so many arrows of one, in either direction; the nearest `most` of them."""
    near, found, rim = _neighbours(leads), [middle], [middle]
    for _ in range(hops):
        rim = [card for card in _once(other for one in rim for other in near[one]) if card not in found]
        found += rim
    return frozenset(found[:most])


def _once(cards: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(cards))


def _mean(places: list[int], own: int) -> float:
    return sum(places) / len(places) if places else float(own)
