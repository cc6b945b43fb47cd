"""How a walk ends: which special states are still entered, and what its verdict, reason and message are (ADR 0009).

`Walk` decides that it ends; this decides what that means. Failures are noted as they happen: of several verdicts FAILED counts more
than ERROR, because a fault of the system under test was seen whatever else went wrong.
"""

from melanzana.generation.network import CompiledState, Network
from melanzana.generation.step import EndReason, OnError, Outcome, Step, Verdict

#: Ends that `on_error` speaks about.
_BROKEN = (EndReason.STEP_NOT_PASSED, EndReason.EVALUATION_ERROR)


class Ending:
    """What went wrong so far, and the end of the walk once it is decided."""

    __slots__ = ("_cleanup_after_abort", "_first", "_network", "_on_error", "_waiting", "final")

    def __init__(self, network: Network, on_error: OnError) -> None:
        self._network = network
        self._on_error = on_error
        self._cleanup_after_abort = network.model.run_cleanup_after_abort
        self._first: dict[Verdict, str] = {}  #: the first message of each verdict that is not PASSED
        self._waiting: list[CompiledState] = []  #: special states still to be entered, the next one last
        self.final: Outcome | None = None  #: set when the walk is to end; steps of special states may still come

    def note(self, step: Step, verdict: Verdict, message: str) -> None:
        """A step did not pass."""
        what = f"{step.kind} '{step.name}'" + (f" in state '{step.state}'" if step.kind == "action" else "")
        self.note_text(verdict, f"step {step.number}, {what}: {message or verdict}")

    def note_text(self, verdict: Verdict, text: str) -> None:
        """Something else went wrong."""
        self._first.setdefault(verdict, text)

    def decide(self, final: Outcome, here: CompiledState | None) -> None:
        """The walk ends, standing in `here`: line up the Error and Cleanup states it still enters."""
        self.final = final
        self._waiting = [state for state in (self._cleanup(final.reason), self._error(final.reason)) if state is not None]
        if here in self._waiting:  # it is there already
            self._waiting = self._waiting[: self._waiting.index(here)]

    def next_state(self) -> CompiledState | None:
        """The special state to enter next; None when there is none left."""
        return self._waiting.pop() if self._waiting else None

    def outcome(self) -> Outcome:
        """What the walk came to, everything noted included."""
        final = self.final
        assert final is not None  # decided before
        verdict = next((verdict for verdict in (Verdict.FAILED, Verdict.ERROR) if verdict in self._first), None)
        if verdict is None:
            return final
        message = self._first[verdict]
        if final.verdict is Verdict.PASSED:
            reason = final.reason if self._goes_on() else EndReason.STEP_NOT_PASSED  # a Cleanup that did not pass
            return Outcome(verdict=verdict, reason=reason, message=message)
        if final.reason is not EndReason.STEP_NOT_PASSED and final.message not in message:
            message = f"{message}; then: {final.message}"
        return Outcome(verdict=verdict, reason=final.reason, message=message)

    def _goes_on(self) -> bool:
        """Does the walk go on after a step that did not pass?"""
        return self._on_error in (OnError.CONTINUE, OnError.DEBUG)

    def _error(self, reason: EndReason) -> CompiledState | None:
        failed = reason in _BROKEN and bool(self._first)
        return self._network.error if failed and self._on_error is OnError.CLEAN else None

    def _cleanup(self, reason: EndReason) -> CompiledState | None:
        if reason is EndReason.ABORTED and not self._cleanup_after_abort:
            return None
        if reason in _BROKEN and self._on_error is OnError.IMMEDIATE:
            return None
        return self._network.cleanup
