"""Rules on states: those that the data keep every walk from, those with nothing to do, and those that nothing leads out of."""

from collections.abc import Iterator

from melanzana.generation.checking.survey import Survey, lead_to
from melanzana.graph.findings import Finding
from melanzana.graph.model import StateKind
from melanzana.graph.rules.subject import Element, Subject, short

_WALKED = (StateKind.NORMAL, StateKind.START)
_NAMED = 5


def check_places(subject: Subject, survey: Survey) -> Iterator[Finding]:
    """Only from a complete survey."""
    yield from _check_entered(subject, survey)
    yield from _check_dead(subject, survey)
    yield from _check_way_out(subject, survey)


def _check_entered(subject: Subject, survey: Survey) -> Iterator[Finding]:
    for state, (raw, element) in zip(survey.network.states, subject.states, strict=True):
        if state.index not in survey.entered and raw.kind in (StateKind.NORMAL, StateKind.EXIT):
            code = "exit-unreachable" if raw.kind is StateKind.EXIT else "state-unreachable"
            yield element.warning(code, "is never reached: guards and data keep every walk from what leads here")


def _check_dead(subject: Subject, survey: Survey) -> Iterator[Finding]:
    """One finding a state, for the first such configuration; only where nothing is guessed."""
    found: dict[int, int] = {}
    for node in survey.dead() if survey.sure else ():
        found.setdefault(survey.space.state_of(node).index, node)
    for number, node in found.items():
        raw, element = subject.states[number]
        if raw.kind in _WALKED and survey.network.states[number].offered:
            data = f" once {survey.data(node)}" if survey.space.deciding else ""
            message = f"is a dead end{data}: nothing that it offers can be done then; add an action, or mend a guard"
            yield element.warning("data-dead-end", message)


def _check_way_out(subject: Subject, survey: Survey) -> Iterator[Finding]:
    space = survey.space
    exits = [node for node in range(survey.explored) if space.ends(node)]
    if not exits:
        yield from _check_way_back(subject, survey)
        return
    safe = lead_to(space, [*exits, *survey.dead()])
    lost: dict[int, int] = {}
    for node in range(survey.explored):
        if not safe[node]:
            lost.setdefault(space.state_of(node).index, node)
    elements = [(subject.states[number][1], node) for number, node in lost.items() if subject.states[number][0].kind in _WALKED]
    if elements:
        element, node = elements[0]
        data = f" once {survey.data(node)}" if survey.sure and space.deciding else ""
        wholly = survey.sure or all(not safe[n] for n in range(survey.explored) if space.state_of(n).id == element.id)
        if wholly:
            message = (
                f"no path leads from here to Exit{data}{_others([one for one, _ in elements[1:]])}: add an action that leads out"
            )
            yield element.warning("no-way-out", message)


def _check_way_back(subject: Subject, survey: Survey) -> Iterator[Finding]:
    """Without an Exit that is reached: a part that cannot be left is all that a walk covers from then on."""
    space = survey.space
    safe = lead_to(space, [0, *survey.dead()])
    stood = {space.state_of(node).index for node in range(survey.explored) if not safe[node]}
    stood -= {space.state_of(node).index for node in range(survey.explored) if safe[node]}
    elements = [subject.states[number][1] for number in sorted(stood) if subject.states[number][0].kind in _WALKED]
    if elements:
        others = _others(elements[1:])
        message = f"no path leads from here back to the start, nor to an end{others}: what was not covered before never is"
        yield elements[0].info("no-way-back", message)


def _others(elements: list[Element]) -> str:
    names = [short(element.label) for element in elements[:_NAMED]]
    more = f" and {len(elements) - _NAMED} more" if len(elements) > _NAMED else ""
    return f", nor from {', '.join(names)}{more}" if names else ""
