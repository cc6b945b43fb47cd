"""A model as a Hypothesis state machine, one rule a transition with its state as precondition, until all are covered."""

import contextlib
import time
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from melanzana.graph.model import Model

EXAMPLES, STEPS = 10_000, 1_000


class _AllCoveredError(KeyboardInterrupt):
    """Ends the run at once: another error would be taken for a failure, and repeated."""


def walk(model: Model) -> tuple[float, int]:
    """CPU seconds and actions until every transition was taken."""
    total = sum(len(state.actions) for state in model.states)
    covered: set[str] = set()
    count = [0]

    def made(state: str, action: str, target: str) -> Any:
        def step(self: Any) -> None:
            self.here = target
            covered.add(action)
            count[0] += 1
            if len(covered) == total:
                raise _AllCoveredError

        return rule()(precondition(lambda self: self.here == state)(step))

    rules = {
        f"rule_{action.id}": made(state.id, action.id, action.targets[0]) for state in model.states for action in state.actions
    }
    machine = type("Machine", (RuleBasedStateMachine,), {"here": model.states[0].id, **rules})
    allowed = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, phases=[Phase.generate], deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    begun = time.process_time()
    with contextlib.suppress(_AllCoveredError):
        run_state_machine_as_test(machine, settings=allowed)
    return time.process_time() - begun, count[0]
