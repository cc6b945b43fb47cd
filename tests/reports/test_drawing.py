"""Where cards and arrows lie."""

from hypothesis import given
from hypothesis import strategies as st

from melanzana.generation.standard_models import STANDARD_MODELS
from melanzana.graph.model import Box, Model, StateKind
from melanzana.reports.drawing import MOST_STATES, Viewing, draw, draw_view
from support_walks import EXIT, act, back, model, place, sequent, start

SHOP = model(
    start(act("search", "Results"), act("wait")),
    place("Results", act("open", "Detail", "Start", when="true"), act("give up", "Exit")),
    place("Detail", back("back"), act("buy", "chain")),
    place("Island", act("swim", "Island")),
    EXIT,
    global_actions=(act("go home", "Start"), sequent("chain", "Results")),
)


@given(st.sampled_from([*STANDARD_MODELS, SHOP]))
def test_no_card_lies_on_another_and_all_are_inside(subject: Model) -> None:
    """Every walked state has one card with a row for each of its actions; the frame holds them all."""
    picture = draw(subject, {}, {})
    assert picture is not None
    states = {state.id for state in subject.states if state.kind in (StateKind.START, StateKind.NORMAL)}
    assert states == {card.id for card in picture.cards} - {"anywhere"}
    for card in picture.cards:
        assert 0 <= card.x <= picture.width - picture.card_width
        assert 0 <= card.y <= picture.height - card.height
        assert all(card.y < row.y < card.y + card.height for row in card.rows)
        for other in picture.cards:
            apart = card.x != other.x or card.y + card.height < other.y or other.y + other.height < card.y
            assert other is card or apart


def test_columns_follow_the_distance_from_start() -> None:
    """Start stands first, what no arrow leads to last."""
    picture = draw(SHOP, {}, {})
    assert picture is not None
    x = {card.name: card.x for card in picture.cards}
    assert x["Start"] == x["Anywhere"] < x["Results"] < x["Detail"] < x["Island"]


def test_signs_say_what_has_no_arrow() -> None:
    """Staying, ending, going back, and guards; an action before a sequent one points to where that leads."""
    picture = draw(SHOP, {}, {})
    assert picture is not None
    signs = {row.name: row.sign for card in picture.cards for row in card.rows}
    assert signs == {
        "search": "",
        "wait": "⟲",
        "open": "⚑",
        "give up": "⏎",
        "back": "↩",
        "buy": "",
        "swim": "",
        "go home": "",
        "chain": "",
    }
    assert len(picture.arrows) == 7  # search, open twice, buy, swim, go home, chain


def test_what_was_gone_through_is_told() -> None:
    """Counts of cards and rows, and arrows that were taken."""
    picture = draw(SHOP, {"Start": 2, "search": 1}, {("search", "Results"): 1})
    assert picture is not None
    [card] = [card for card in picture.cards if card.name == "Start"]
    assert (card.hits, [row.hits for row in card.rows]) == (2, [1, 0])
    assert [arrow.taken for arrow in picture.arrows].count(True) == 1


def test_a_large_model_is_not_drawn() -> None:
    """Nobody could read it."""
    many = [place(f"S{number}", act(f"a{number}", "Start")) for number in range(MOST_STATES)]
    assert draw(model(start(act("go", "S0")), *many), {}, {}) is None


def test_cards_lie_where_they_were_put_and_a_new_one_in_a_free_spot() -> None:
    """A place left of or above everything is as good as any; nothing lies on anything."""
    first = draw(SHOP, {}, {})
    assert first is not None
    boxes = {card.id: Box(x=card.x - 500, y=card.y - 90) for card in first.cards if card.name != "Island"}
    picture = draw(SHOP, {}, {}, boxes)
    assert picture is not None
    assert {card.id: (card.x, card.y) for card in picture.cards if card.id in boxes} == {
        own: (box.x, box.y) for own, box in boxes.items()
    }
    assert (picture.left, picture.top) == (min(c.x for c in picture.cards) - 16, min(c.y for c in picture.cards) - 16)
    island = next(card for card in picture.cards if card.name == "Island")
    apart = [
        abs(island.x - c.x) >= picture.card_width or island.y > c.y + c.height or c.y > island.y + island.height
        for c in picture.cards
    ]
    assert sum(apart) == len(picture.cards) - 1


def test_what_is_around_a_state_is_drawn_for_itself() -> None:
    """The neighbours in both directions, of models of any size; arrows to others are left out."""
    island = next(state.id for state in SHOP.states if state.name == "Island")
    alone = draw_view(SHOP, Viewing(near=island))
    assert alone is not None
    assert [card.name for card in alone.cards] == ["Island"]
    results = next(state.id for state in SHOP.states if state.name == "Results")
    near = draw_view(SHOP, Viewing(near=results))
    assert near is not None
    assert {card.name for card in near.cards} == {"Start", "Results", "Detail", "Anywhere"}
