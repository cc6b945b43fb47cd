"""What authors of action code import: `from melanzana import action, state, fixture, attach, log`.

The decorators only leave a mark on the function; `suite.py` finds the marks when it loads the suite's modules. `attach` and `log`
speak to the step that is being performed in this process; outside a run they do nothing, so action code can be tried by hand.
Imported by `melanzana/__init__.py`: keep it free of other imports.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, overload

Function = TypeVar("Function", bound=Callable[..., Any])
Scope = Literal["run", "step"]
Severity = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
MARKS, FIXTURE_MARK = "__melanzana_marks__", "__melanzana_fixture__"
_SEVERITIES = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True)
class Mark:
    """`@action` or `@state` on a function."""

    kind: Literal["action", "state"]
    name: str
    model: str | None


@dataclass(frozen=True, slots=True)
class FixtureMark:
    """`@fixture` on a function."""

    name: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to keep with the step."""

    name: str
    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line for the run's log."""

    message: str
    severity: str = "INFO"


class Notes:
    """What the step being performed attached and logged, in order. Any thread of the process may add to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: list[Attachment | LogLine] = []

    def add(self, note: Attachment | LogLine) -> None:
        with self._lock:
            self._taken.append(note)

    def take(self) -> tuple[Attachment | LogLine, ...]:
        """Everything added since the last call."""
        with self._lock:
            taken, self._taken = tuple(self._taken), []
        return taken


class Observer(Protocol):
    """Is told of steps by the performer; what it attaches is kept with the step."""

    def begins(self, name: str) -> None:
        """Code of this step is about to be called."""
        ...

    def ends(self, name: str, passed: bool) -> None:
        """It was called; fixtures of the step are still there."""
        ...


_current: list[Notes] = []
_observers: list[Observer] = []


def observe(observer: Observer) -> None:
    """Tell `observer` of every step from the next one on, and of the end of this one, until the run ends (fixtures call this)."""
    _observers.append(observer)


def observers() -> tuple[Observer, ...]:
    """Who is told."""
    return tuple(_observers)


def open_notes(notes: Notes) -> None:
    """From now on `attach` and `log` add to `notes` (the performer calls this once a run)."""
    _current[:] = [notes]
    _observers.clear()


def close_notes() -> None:
    """From now on `attach` and `log` do nothing."""
    _current.clear()
    _observers.clear()


def action(name: str, *, model: str | None = None) -> Callable[[Function], Function]:
    """This function performs the action called `name`, in every model or only in the one called `model`."""
    return _marking("action", name, model)


def state(name: str, *, model: str | None = None) -> Callable[[Function], Function]:
    """This function checks the state called `name`, in every model or only in the one called `model`."""
    return _marking("state", name, model)


@overload
def fixture(function: Function, /) -> Function: ...
@overload
def fixture(*, scope: Scope = "step", name: str | None = None) -> Callable[[Function], Function]: ...
def fixture(function: Any = None, /, *, scope: Scope = "step", name: str | None = None) -> Any:
    """This function makes something that action code asks for by naming it as a parameter.

    With `yield`, what follows the yield is the teardown; it runs always: at the end of the step, or of the run for scope "run".
    """
    if scope not in ("run", "step"):
        raise ValueError(f'@fixture(scope={scope!r}): the scope is "run" or "step"')

    def mark(target: Any) -> Any:
        inner = getattr(target, "__func__", target)
        setattr(inner, FIXTURE_MARK, FixtureMark(name or inner.__name__, scope))
        return target

    return mark if function is None else mark(function)


def attach(name: str, content: bytes | str, media_type: str | None = None) -> None:
    """Keep a file with the current step: a screenshot, an answer's body, a trace. Text is kept as UTF-8."""
    data = content.encode() if isinstance(content, str) else bytes(content)
    kind = media_type or ("text/plain" if isinstance(content, str) else "application/octet-stream")
    for notes in _current:
        notes.add(Attachment(str(name), data, kind))


def log(message: object, severity: Severity = "INFO") -> None:
    """Write a line to the run's log."""
    if severity not in _SEVERITIES:
        raise ValueError(f"log severity {severity!r}: one of {', '.join(_SEVERITIES)}")
    for notes in _current:
        notes.add(LogLine(str(message), severity))


def _marking(kind: Literal["action", "state"], name: str, model: str | None) -> Callable[[Function], Function]:
    if not isinstance(name, str):
        raise TypeError(f'@{kind} needs the name of the {kind} in the model: @{kind}("Add to basket")')

    def mark(function: Function) -> Function:
        inner = getattr(function, "__func__", function)
        setattr(inner, MARKS, (*getattr(inner, MARKS, ()), Mark(kind, name, model)))
        return function

    return mark
