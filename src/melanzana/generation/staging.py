"""Makes the `Step` that is handed to whoever performs:

the inputs of its snippets are evaluated on the data as it is before the step.
"""

from melanzana.generation.network import CompiledAction, CompiledCall, CompiledState
from melanzana.generation.position import Position
from melanzana.generation.scopes import Scope
from melanzana.generation.step import Call, Step, StepKind

_STATE, _ACTION = StepKind.STATE, StepKind.ACTION


class Stage:
    """Numbers the steps of one walk. In a dry run no code is performed, so no input is evaluated and no step has calls."""

    __slots__ = ("_dry", "iteration", "number")

    def __init__(self, dry: bool) -> None:
        self._dry = dry
        self.number = 0  #: of the last step
        self.iteration = 0

    def state(self, position: Position, state: CompiledState) -> Step:
        """The step of a state that has just been entered. Errors: `EvaluationError` when an input cannot be evaluated."""
        calls = self._calls(position, state.calls, state.scope) if state.calls else ()
        self.number += 1
        return Step(
            number=self.number,
            iteration=self.iteration,
            kind=_STATE,
            element_id=state.id,
            name=state.name,
            state=state.name,
            state_kind=state.kind,
            calls=calls,
            data=position.values.snapshot(state.scope),
            requirements=state.requirements,
        )

    def action(self, position: Position, action: CompiledAction, target: int | None) -> Step:
        """The step of an action that has just begun. Errors: `EvaluationError` when an input cannot be evaluated."""
        calls = self._calls(position, action.calls, action.scope) if action.calls else ()
        here = position.here()
        target_id, target_name = position.network.labels(target)
        self.number += 1
        return Step(
            number=self.number,
            iteration=self.iteration,
            kind=_ACTION,
            element_id=action.id,
            name=action.name,
            state=here.name,
            state_kind=here.kind,
            target=target_id,
            target_name=target_name,
            calls=calls,
            data=position.values.snapshot(action.scope),
            requirements=action.requirements,
        )

    def _calls(self, position: Position, calls: tuple[CompiledCall, ...], scope: Scope) -> tuple[Call, ...]:
        if self._dry:
            return ()
        view = position.values.view(scope)
        return tuple(
            Call(
                reference=call.reference,
                arguments=tuple(formula.value(view) for formula in call.positional),
                named_arguments={name: formula.value(view) for name, formula in call.named},
                outputs=call.outputs,
            )
            for call in calls
        )
