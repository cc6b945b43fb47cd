"""Several models as one graph: shared states, names, variables, starts."""

import pytest

from melanzana.errors import InvalidModelError
from melanzana.generation.walk import Walk, WalkPlan, walk_steps
from melanzana.graph.findings import Severity
from melanzana.graph.formats.graphwalker.reader import read_graphwalker
from melanzana.graph.formats.graphwalker.writer import write_graphwalker
from melanzana.graph.formats.json_source import parse_json
from melanzana.graph.formats.text import read_text, write_text
from melanzana.graph.joining import Joined, Part, join_models
from melanzana.graph.model import Model, StateKind
from melanzana.graph.validation import validate

SHOP = """
model: Shop
start: Home
states:
  Home: {shared: HOME, actions: {search: Results, go: Cart}}
  Results: {actions: {back: Home, add: Cart}}
  Cart: {actions: {back: Home, pay: exit}}
"""
ACCOUNT = """
model: Account
start: Door
states:
  Door: {actions: {open: Home page}}
  Home page: {shared: HOME, requirements: R-1, actions: {sign in: Results, go: Results}}
  Results: {actions: {edit: Results, sign out: Home page}}
test cases:
  enter: [open, sign in]
  change: [sign in, edit]
"""
BY_HAND = """
model: Both
start: Home
states:
  Home: {actions: {search: Results, go: Cart, sign in: Profile, go there: Profile}}
  Results: {actions: {back: Home, add: Cart}}
  Cart: {actions: {back: Home, pay: exit}}
  Profile: {actions: {edit: Profile, sign out: Home}}
"""


def _joined(*texts: str) -> Joined:
    models = [read_text(text) for text in texts]
    return join_models([Part(model, lambda element, field, name=model.name: f"{name}.yaml:{field}") for model in models])  # type: ignore[misc]


def _tour(model: Model) -> tuple[int, float]:
    """Steps of the tour, and the share of transitions that it covers."""
    walk = Walk(model, WalkPlan(path="tour()", seed=1, dry=True))
    steps = sum(1 for _ in walk_steps(walk, max_steps=1_000))
    return steps, walk.coverage.report().transitions.ratio


def test_a_tour_spans_both_models() -> None:
    """It covers every transition of both and is as long as that of the same graph written by hand."""
    steps, ratio = _tour(_joined(SHOP, ACCOUNT).model)
    assert (steps, ratio) == (_tour(read_text(BY_HAND))[0], 1.0)


def test_shared_states_are_one() -> None:
    """The state has the first model's name and id, and what all say of it; the joined model is valid and can be written."""
    model = _joined(SHOP, ACCOUNT).model
    home = model.states[0]
    assert (home.name, home.id, home.kind) == ("Home", read_text(SHOP).states[0].id, StateKind.START)
    assert ([action.name for action in home.actions], home.requirements) == (["search", "go", "sign in", "go (Account)"], ("R-1",))
    assert [finding for finding in validate(model) if finding.severity is Severity.ERROR] == []
    assert read_text(write_text(model)) == model


def test_later_names_tell_their_model() -> None:
    """The first keeps a name that two states have; ids stay; a note says what was renamed."""
    joined = _joined(SHOP, ACCOUNT)
    assert [state.name for state in joined.model.states] == ["Home", "Results", "Cart", "Exit", "Results (Account)"]
    assert joined.model.states[4].id == read_text(ACCOUNT).states[2].id
    assert "Account: Results is called Results (Account): another model has that name" in [note.message for note in joined.notes]


def test_a_start_that_nothing_leads_to_is_left_out() -> None:
    """With it go the test cases that use its actions, and notes say so; the others are kept."""
    joined = _joined(SHOP, ACCOUNT)
    assert [case.name for case in joined.model.test_cases] == ["change"]
    assert sum("left out" in note.message for note in joined.notes) == 2
    assert "Door" in [state.name for state in _joined(ACCOUNT, SHOP).model.states]


def test_three_models_may_be_joined_one_after_the_other() -> None:
    """A joined model keeps its shared names: joining it with a third gives the states of all three joined at once."""
    third = "{model: Third, start: H, states: {H: {shared: HOME, actions: {look: Far}}, Far: {actions: {near: H}}}}"
    first = _joined(SHOP, ACCOUNT).model
    twice = join_models([Part(model, lambda element, field: "") for model in (first, read_text(third))]).model
    assert twice.states == _joined(SHOP, ACCOUNT, third).model.states


def test_a_shared_name_that_stands_alone_is_noted() -> None:
    """A warning names the place."""
    notes = _joined(SHOP, ACCOUNT.replace("shared: HOME", "shared: HOMES")).notes
    assert [note.message.partition(":")[0] for note in notes if note.code == "shared-alone"] == ["Shop.yaml", "Account.yaml"]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("model: A\nvariables: {n: integer}", "model: B\nvariables: {n: integer}", "A.yaml:variables/n and B.yaml:variables/n"),
        ("model: A", "model: A", "two models are called 'A'"),
        ("model: A", "model: B\nanywhere: {go: {to: S, variables: {n: integer}}}\nvariables: {m: text}", ""),
        ("model: A\nvariables: {n: integer}", "model: B\nanywhere: {go: {to: S, variables: {n: integer}}}", "each keeps its own"),
    ],
)
def test_clashes_are_refused_with_both_places(first: str, second: str, message: str) -> None:
    """Equal names of models, and variables of a model that another declares; other variables are kept side by side."""
    texts = [f"{head}\nstart: S\nstates: {{S: {{shared: X}}}}" for head in (first, second)]
    if not message:
        assert [variable.name for variable in _joined(*texts).model.parameters] == ["m"]
        return
    with pytest.raises(InvalidModelError) as caught:
        _joined(*texts)
    assert message in caught.value.message


def test_a_shared_name_stands_once_in_a_model() -> None:
    """Two states of one model with the same shared name are refused."""
    with pytest.raises(InvalidModelError, match="two states of one model have the shared name 'HOME'"):
        _joined(SHOP, ACCOUNT.replace("Results: {", "Results: {shared: HOME, "))


def test_graphwalker_files_keep_shared_names() -> None:
    """A shared name is written as `sharedState` and read back."""
    written = write_graphwalker(read_text(SHOP))
    assert [note.message for note in written.notes if "shared" in note.message] == []
    document = parse_json(written.text, "").document
    assert [state.shared for state in read_graphwalker(document).states if state.shared] == ["HOME"]
