"""Test cases that a run performs by itself."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from melanzana.graph.model import TestCase, TestCaseStep
from melanzana.protocol.events import StepFinished
from melanzana.reports.case_hits import CaseHits
from support_executions import doors


def steps(actions: list[str], *, failing: frozenset[int] = frozenset(), iteration: int = 1) -> list[StepFinished]:
    return [
        StepFinished(
            number=number,
            iteration=iteration,
            kind="action",
            element_id=action,
            name=action,
            verdict="failed" if number in failing else "passed",
            at_seconds=0.0,
        )
        for number, action in enumerate(actions)
    ]


def found(case: list[str], events: list[StepFinished]) -> list[int]:
    model = replace(doors(), test_cases=(TestCase(id="c", name="c", steps=tuple(TestCaseStep(action=one) for one in case)),))
    hits = CaseHits(model)
    for event in events:
        hits.see(event)
    return hits.found().get("c", [0, 0])


@given(st.lists(st.sampled_from("ab"), max_size=30), st.lists(st.sampled_from("ab"), min_size=1, max_size=4), st.data())
def test_every_place_where_the_actions_stand_in_a_row_is_a_hit(walked: list[str], case: list[str], data: st.DataObject) -> None:
    """Also where they overlap; passed when each of them did."""
    failing = data.draw(st.frozensets(st.integers(0, max(len(walked) - 1, 0))))
    places = [at for at in range(len(walked)) if walked[at : at + len(case)] == case]
    passes = [at for at in places if failing.isdisjoint(range(at, at + len(case)))]
    assert found(case, steps(walked, failing=failing)) == [len(places), len(passes)]


def test_states_sub_models_and_iterations() -> None:
    """What lies between in a sub-model and states do not count; another iteration begins anew."""
    between = [replace(steps(["x"])[0], kind="state"), replace(steps(["y"])[0], model="other")]
    assert found(["a", "b"], [*steps(["a"]), *between, *steps(["b"])]) == [1, 1]
    assert found(["a", "b"], [*steps(["a"]), *steps(["b"], iteration=2)]) == [0, 0]
