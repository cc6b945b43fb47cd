"""Coverage carried over to a new version: all of it to the same model, nothing of what changed, never more than there is."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from melanzana.generation.kinds import Kind, Word
from melanzana.generation.watching import watcher
from melanzana.graph.difference import difference
from melanzana.graph.formats.document import to_document
from melanzana.graph.model import Model
from melanzana.protocol.events import StepFinished, event_to_json
from melanzana.protocol.snapshot import Snapshot
from melanzana.reports.carried import carried_over
from melanzana.reports.coverage import coverage_tree
from melanzana.reports.folding import RunFold
from melanzana.reports.further import further_coverage
from melanzana.reports.records import Tally
from support_models import simple_models
from support_reports import stored, walked
from support_walks import act, choice, integer, model, place, start

KINDS = frozenset({Kind(Word.PATH, 2), Kind(Word.VARIABLE, 1), Kind(Word.VARIABLE, 2)})


def tally_of(subject: Model, seed: int = 1, path: str = "random(actions(30) or iterations(5))") -> Tally:
    """What one dry run comes to, through its log."""
    plan = Snapshot(
        model=to_document(subject), model_id=subject.id, model_version=1, model_hash="", path=path, seed=seed, perform=False
    )
    fold = RunFold(subject, KINDS)
    for event in stored(walked(plan)):
        fold.add(event)
    return fold.tally()


@settings(max_examples=25, deadline=None)
@given(subject=simple_models(max_states=4), seed=st.integers(0, 2**32))
def test_the_same_model_keeps_everything(subject: Model, seed: int) -> None:
    """Every hit, path and value."""
    tally = tally_of(subject, seed)
    assert carried_over(tally, difference(subject, subject), subject) == tally


@settings(max_examples=25, deadline=None)
@given(old=simple_models(max_states=3), new=simple_models(max_states=3), seed=st.integers(0, 2**32))
def test_no_more_is_carried_over_than_there_is(old: Model, new: Model, seed: int) -> None:
    """Between any two models covered stays within total, plain and feasible, and altered elements begin at 0."""
    found = difference(old, new)
    tally = carried_over(tally_of(old, seed), found, new)
    assert not {found.elements[one] for one in found.altered if one in found.elements} & tally.hits.keys()
    for kind in KINDS:
        assert len(tally.further.get(kind, {})) <= watcher(new, kind).total
    further = further_coverage(new, coverage_tree(new, tally), tally, {}, dry=True)
    depths = [one.figures for one in (further.paths, further.variables) if one is not None]
    for figures in (further.states, further.actions, further.transitions, further.requirements, *depths):
        assert figures.plain.covered == figures.feasible.covered <= figures.feasible.total <= figures.plain.total


OLD = model(
    start(act("a", "A")),
    place("A", act("b", "Start", when="n < 3", sets="n = n + 1"), act("c", "A")),
    parameters=(integer("n", 0, 0, 3), choice("user", "guest", "member")),
)


def test_what_changed_has_to_be_covered_again() -> None:
    """An action with another guard with its transitions and paths, and a variable with another range."""
    tally = tally_of(OLD)
    change = replace(OLD.states[1].actions[0], guard="n < 2")
    new = replace(
        OLD,
        states=(OLD.states[0], replace(OLD.states[1], name="Anew", actions=(change, OLD.states[1].actions[1]))),
        parameters=(OLD.parameters[0], choice("user", "guest", "admin")),
    )
    kept = carried_over(tally, difference(OLD, new), new)
    assert set(kept.hits) == {"Start", "A", "a", "c"}
    assert set(kept.transition_hits) == {("a", "A"), ("c", "A")}
    assert all("b" not in {action for action, _ in path} for path in kept.further[Kind(Word.PATH, 2)])
    assert {name for ((_, name, _),) in kept.further[Kind(Word.VARIABLE, 1)]} == {"n"}
    assert kept.further[Kind(Word.VARIABLE, 2)] == {}


def test_other_weights_names_requirements_and_targets_keep_what_was_covered() -> None:
    """They do not change what was gone through."""
    tally = tally_of(OLD)
    action = replace(OLD.states[0].actions[0], name="go", weight=7, requirements=("R",), targets=("Start", "A"))
    new = replace(OLD, states=(replace(OLD.states[0], actions=(action,)), OLD.states[1]))
    assert carried_over(tally, difference(OLD, new), new) == tally


def test_events_that_make_no_sense_cover_nothing() -> None:
    """What an agent sends is untrusted: unknown names, wrong types and impossible orders are left out."""
    fold = RunFold(OLD, KINDS)
    odd = [
        StepFinished(
            number=n, iteration=1, kind="action", element_id=action, name="x", verdict="passed", at_seconds=0.0, values=values
        )
        for n, (action, values) in enumerate(
            [("b", {"n": []}), ("b", {"n": "3", "z": 1}), ("fly", {"n": 1}), ("c", {"user": 7})], 1
        )
    ]
    for event in stored(tuple(odd)):
        assert event_to_json(odd[0])["type"] == event.type
        fold.add(event)
    assert fold.tally().further == {kind: {} for kind in KINDS}
