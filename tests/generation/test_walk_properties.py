"""What holds for every model, plan and seed."""

from collections import Counter

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from melanzana.errors import MelanzanaError
from melanzana.generation.coverage import Covered, counted_actions, counted_states, transitions_of
from melanzana.generation.step import OnError, Step, StepKind, Verdict
from melanzana.generation.walk import Walk, WalkPlan, walk_all
from melanzana.graph.model import Action, ActionKind, Model, State, StateKind
from support_models import models, simple_models

PATHS = st.sampled_from(
    [
        "random(steps(60))",
        "weighted(actions(40))",
        "random(iterations(4) or actions(60))",
        "weighted(transition_coverage(100) or steps(80))",
        "random(state_coverage(50) and actions(5) or steps(70))",
    ]
)
SEEDS = st.integers(0, 2**63 - 1)


def plans(path: str, seed: int, **more: object) -> WalkPlan:
    return WalkPlan(path=path, seed=seed, **more)  # type: ignore[arg-type]


def begun(subject: Model, plan: WalkPlan) -> Walk:
    """The walk; examples whose plan is refused (a condition that cannot be met, …) are left out."""
    try:
        return Walk(subject, plan)
    except MelanzanaError:
        assume(False)
        raise


@settings(max_examples=30)
@given(simple_models(), PATHS, SEEDS)
def test_the_same_model_plan_and_seed_give_the_same_path(subject: Model, path: str, seed: int):
    first, second = begun(subject, plans(path, seed)), begun(subject, plans(path, seed))
    assert walk_all(first, max_steps=500) == walk_all(second, max_steps=500)
    assert first.outcome == second.outcome


@settings(max_examples=30)
@given(simple_models(), PATHS, SEEDS)
def test_every_step_could_follow_the_one_before_it(subject: Model, path: str, seed: int):
    _check_path(subject, walk_all(begun(subject, plans(path, seed)), max_steps=500))


@settings(max_examples=30)
@given(simple_models(), PATHS, SEEDS)
def test_call_limits_are_kept_in_every_iteration(subject: Model, path: str, seed: int):
    steps = walk_all(begun(subject, plans(path, seed)), max_steps=500)
    calls = Counter((step.iteration, step.element_id) for step in steps if step.kind is StepKind.ACTION)
    limits = {action.id: action.call_limit for _, action in subject.actions() if action.call_limit}
    assert all(count <= limits.get(action, count) for (_, action), count in calls.items())


@settings(max_examples=30)
@given(simple_models(), PATHS, SEEDS)
def test_coverage_equals_a_recount_of_the_steps(subject: Model, path: str, seed: int):
    walk = begun(subject, plans(path, seed))
    steps = walk_all(walk, max_steps=500)
    report = walk.coverage.report()
    hits = Counter(step.element_id for step in steps)
    assert {element: count for element, count in report.hits.items() if count} == hits
    assert report.states.covered == sum(hits[state.id] > 0 for state in counted_states(subject))
    assert report.actions.covered == sum(hits[action.id] > 0 for action in counted_actions(subject))
    back = {action.id for _, action in subject.actions() if action.kind is ActionKind.PREVIOUS}
    gone = {(s.element_id, None if s.element_id in back else s.target) for s in steps if s.kind is StepKind.ACTION}
    pairs = {pair for action in counted_actions(subject) for pair in transitions_of(action)}
    assert (report.transitions.covered, report.transitions.total) == (len(gone & pairs), len(pairs))
    assert len(walk.coverage.missing(Covered.STATES)) == report.states.total - report.states.covered


@settings(max_examples=30)
@given(simple_models(), PATHS, SEEDS, st.sampled_from(OnError), st.lists(st.sampled_from([*Verdict, Verdict.PASSED]), max_size=40))
def test_a_walk_comes_to_an_outcome_whatever_verdicts_it_is_told(
    subject: Model, path: str, seed: int, on_error: OnError, verdicts: list[Verdict]
):
    walk = begun(subject, plans(path, seed, on_error=on_error))
    queue, told = list(verdicts), []
    while (step := walk.next_step()) is not None:
        told.append(walk.record(step, queue.pop() if queue else Verdict.PASSED))
        if walk.paused:
            walk.resume()
        assert len(told) < 1_000
    assert walk.outcome is not None
    worst = next((v for v in (Verdict.FAILED, Verdict.ERROR) if v in told), None)
    if worst is not None:
        assert walk.outcome.verdict is worst
        assert walk.outcome.message


JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)


@settings(max_examples=25)
@given(models(), PATHS, SEEDS, st.data())
def test_nothing_but_a_melanzana_error_is_raised_and_every_walk_ends(subject: Model, path: str, seed: int, data: st.DataObject):
    """Odd names, odd outputs, test cases that cannot be walked: refused, noted or walked, and over within bounds."""
    cases = [f"directed({test_case.id})" for test_case in subject.test_cases if test_case.id.strip()]
    names = sorted({name for _, action in subject.actions() for snippet in action.snippets for name in _names(snippet.outputs)})
    try:
        walk = Walk(subject, plans(data.draw(st.sampled_from([path, *cases])), seed, on_error=data.draw(st.sampled_from(OnError))))
        taken = 0
        while (step := walk.next_step()) is not None:
            outputs = data.draw(st.dictionaries(st.sampled_from(names), JSON, max_size=2)) if names and taken < 3 else {}
            walk.record(step, Verdict.PASSED, outputs)
            walk.resume()
            taken += 1
            assert taken < 2_000
        assert walk.outcome is not None
    except MelanzanaError as error:
        assert error.message


def _names(outputs: tuple) -> list[str]:
    return [output.variable for output in outputs]


def _check_path(subject: Model, steps: tuple[Step, ...]) -> None:
    """Replays the path on the plain model: where the walk is, where it came from, and what is due."""
    states = {state.id: state for state in subject.states}
    actions = {action.id: (owner, action) for owner, action in subject.actions()}
    here = previous = ""
    due: str | None = None
    iteration = 0
    for number, step in enumerate(steps, 1):
        assert step.number == number
        if step.kind is StepKind.STATE and step.iteration > iteration:
            assert states[step.element_id].kind is StateKind.START
            iteration, here, previous, due = step.iteration, step.element_id, "", None
        elif step.kind is StepKind.STATE:
            assert due == step.element_id or states[step.element_id].kind in (StateKind.ERROR, StateKind.CLEANUP)
            previous, here, due = (here if here != step.element_id else previous), step.element_id, None
        else:
            owner, action = actions[step.element_id]
            if action.kind is ActionKind.SEQUENT:
                assert due == action.id
            else:
                assert due is None
                _check_offered(subject, states[here], owner, action)
            if owner is not None and owner.id != here:
                assert action.kind is ActionKind.SEQUENT
                previous, here = here, owner.id
            assert step.target == previous if action.kind is ActionKind.PREVIOUS else step.target in (action.targets or (None,))
            due = step.target


def _check_offered(subject: Model, here: State, owner: State | None, action: Action) -> None:
    assert here.kind not in (StateKind.EXIT, StateKind.CLEANUP)
    assert action.weight > 0
    if owner is None:
        assert here.kind is StateKind.NORMAL or (here.kind is StateKind.START and subject.global_actions_in_start)
    else:
        assert owner.id == here.id
