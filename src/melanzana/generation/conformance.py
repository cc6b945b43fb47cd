"""What every generator and every stop condition must hold to, as checks that anybody can run over their own.

    check_path("quick(transition_coverage(100))")           # a generator that path expressions know
    check_generator(lambda setting: MyGenerator(setting.network, setting.prng))
    check_condition("state_coverage(50) and steps(20)")

Each walks the standard models under several seeds, holds every step against rules of its own, and raises `AssertionError` with a
sentence. `docs/how-to/write-a-generator.md` tells how to use it; our own tests run it over everything that there is.
"""

from collections.abc import Sequence

from melanzana.errors import GenerationError
from melanzana.generation.goals import GeneratorMaker
from melanzana.generation.history import History
from melanzana.generation.network import Network
from melanzana.generation.position import Position
from melanzana.generation.standard_models import STANDARD_MODELS
from melanzana.generation.step import EndReason, Step, StepKind, Verdict
from melanzana.generation.walk import Walk, WalkPlan
from melanzana.graph.model import Model

#: Steps after which a walk that has not ended is at fault, and the seeds under which each model is walked.
MOST_STEPS, SEEDS = 20_000, (1, 2, 3)
#: Generators that do what somebody wrote down, weight 0 or not.
_TOLD = ("directed", "predefined", "replay")


def check_path(path: str, models: Sequence[Model] = STANDARD_MODELS) -> int:
    """Hold the generator and the condition of a path expression to the rules. Returns how many models it could be walked on.

    A model for which the path is refused (a name it does not have, a condition that can never be met) is left out.
    """
    return sum(_check(model, path, seed, None) for model in models for seed in SEEDS) // len(SEEDS)


def check_generator(make: GeneratorMaker, condition: str = "actions(60)", models: Sequence[Model] = STANDARD_MODELS) -> None:
    """Hold a generator of your own to the rules; it chooses until `condition` is met."""
    for model in models:
        for seed in SEEDS:
            _check(model, f"random({condition})", seed, make)


def check_condition(condition: str, models: Sequence[Model] = STANDARD_MODELS) -> int:
    """Hold a stop condition to the rules, under random walks. Returns how many models it could be asked of."""
    return check_path(f"random({condition})", models)


def _check(model: Model, path: str, seed: int, make: GeneratorMaker | None) -> bool:
    plan = WalkPlan(path=path, seed=seed, dry=True, history=History())
    try:
        first, again = Walk(model, plan, make), Walk(model, plan, make)
    except GenerationError:
        return False
    steps = _walked(first, model, path)
    assert steps == _walked(again, model, path), f"{path} on '{model.name}': seed {seed} gives one path and then another"
    outcome = first.outcome
    assert outcome is not None
    if outcome.reason is EndReason.STOP_CONDITION:
        assert first.progress() == 1.0, f"{path} on '{model.name}': it is enough, and its progress is {first.progress()}"
    return True


def _walked(walk: Walk, model: Model, path: str) -> list[Step]:
    """The path, each step of it held against where the walk stood before."""
    network = Network(model, dry=True)
    told, steps = any(map(path.__contains__, _TOLD)), list[Step]()
    covered, progress = list(walk.coverage.covered), 0.0
    while True:
        before = walk.position.copy() if walk.position.state >= 0 else None
        step = walk.next_step(elapsed_seconds=len(steps) * 0.5)
        if step is None:
            return steps
        if step.kind is StepKind.ACTION:
            assert before is not None
            _check_action(before, step, network, told)
        walk.record(step, Verdict.PASSED)
        steps.append(step)
        assert len(steps) < MOST_STEPS, f"{path} on '{model.name}' has not ended after {MOST_STEPS} steps"
        now = list(walk.coverage.covered)
        assert all(a <= b for a, b in zip(covered, now, strict=True)), f"{path} on '{model.name}': coverage has shrunk"
        assert 0.0 <= progress <= walk.progress() <= 1.0, f"{path} on '{model.name}': progress went to {walk.progress()}"
        covered, progress = now, walk.progress()


def _check_action(before: Position, step: Step, network: Network, told: bool) -> None:
    """Was the action offered there, might it be performed, and may it lead where it leads?"""
    where = f"action '{step.name}' in state '{step.state}'"
    action = next((action for action in before.candidates() if action.id == step.element_id), None)
    assert action is not None, f"{where} is not offered there"
    assert told or action.weight > 0 or action is before.pending, f"{where} has weight 0 and was chosen"
    assert before.may(action), f"{where} may not be performed: {before.obstacle(action)}"
    targets = [network.labels(target)[0] for target in before.targets(action)]
    assert step.target in targets, f"{where} does not lead to {step.target_name}"
