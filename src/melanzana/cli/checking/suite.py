"""Does a suite have the code that a model asks for? Asked by `melanzana check --suite`, which imports the suite to know."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from melanzana.errors import SuiteError
from melanzana.generation.step import Call, Step, StepKind
from melanzana.graph.findings import Finding
from melanzana.graph.model import Action, Model, Snippet, State, StateKind
from melanzana.graph.rules.subject import Element, Subject, short

if TYPE_CHECKING:
    from melanzana.runner.suite import Suite

_NAMED = 5


def check_suite(model: Model, folder: Path) -> Iterator[Finding]:
    """What a run with this suite would not find, and what of the suite no run would use."""
    from melanzana.runner.suite import Suite

    subject = Subject(model)
    try:
        suite = Suite.load(folder)
    except SuiteError as error:
        yield subject.whole.error("suite-broken", error.message)
        return
    for state, element in subject.states:
        yield from _missing(suite, model, state, element)
    bare = []
    for owner, action, element in subject.actions:
        yield from _missing(suite, model, action, element, owner)
        if not _bound(suite, model, action, owner):
            bare.append(element)
    for sentence in suite.unmatched(model):
        yield subject.whole.warning("suite-unmatched", sentence)
    if bare:
        names = ", ".join(short(element.label) for element in bare[:_NAMED])
        more = f" and {len(bare) - _NAMED} more" if len(bare) > _NAMED else ""
        yield subject.whole.info(
            "suite-gaps", f"{len(bare)} of {len(subject.actions)} actions have no code in the suite: {names}{more}"
        )


def _missing(
    suite: "Suite", model: Model, value: State | Action, element: Element, owner: State | None = None
) -> Iterator[Finding]:
    """One finding for each reference that names no function; one where a name fits several."""
    enabled = [snippet for snippet in value.snippets if not snippet.disabled]
    each: list[tuple[Call, ...]] = [(_call(snippet),) for snippet in enabled] or [()]
    for calls in each:
        try:
            suite.bind(_step(value, owner, calls), model.name)
        except SuiteError as error:
            yield element.error("suite-missing", error.message, field="check" if isinstance(value, State) else "do")


def _bound(suite: "Suite", model: Model, action: Action, owner: State | None) -> bool:
    if any(not snippet.disabled for snippet in action.snippets):
        return True
    try:
        return bool(suite.bind(_step(action, owner, ()), model.name))
    except SuiteError:
        return True  # several fit: that was said


def _call(snippet: Snippet) -> Call:
    return Call(reference=snippet.reference, outputs=snippet.outputs)


def _step(value: State | Action, owner: State | None, calls: tuple[Call, ...]) -> Step:
    is_state = isinstance(value, State)
    state = value if isinstance(value, State) else owner
    return Step(
        number=1,
        iteration=1,
        kind=StepKind.STATE if is_state else StepKind.ACTION,
        element_id=value.id,
        name=value.name,
        state=state.name if state else "",
        state_kind=state.kind if state else StateKind.NORMAL,
        calls=calls,
    )
