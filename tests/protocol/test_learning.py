"""What events teach the next run."""

from melanzana.generation.history import History
from melanzana.protocol.events import StepFinished
from melanzana.protocol.learning import learn


def step(action: str, target: str | None, iteration: int = 1, verdict: str = "passed", **more: str) -> StepFinished:
    return StepFinished(
        number=1, iteration=iteration, kind=more.pop("kind", "action"), element_id=action, name=action, verdict=verdict,
        at_seconds=0.0, target=target, **more,
    )  # fmt: skip


def test_actions_failures_and_pairs_are_learnt():
    """States are no transitions, a new iteration begins no pair, and steps of sub-models are somebody else's."""
    events = [
        step("a", "P"),
        step("P", None, kind="state"),
        step("b", "Q", verdict="failed"),
        step("inner", None, model="another"),
        step("a", "P", iteration=2),
    ]
    learnt = learn(History(), events)
    assert dict(learnt.hits) == {("a", "P"): 2, ("b", "Q"): 1}
    assert dict(learnt.failures) == {("b", "Q"): 1}
    assert learnt.pairs == {(("a", "P"), ("b", "Q"))}
