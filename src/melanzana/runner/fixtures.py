"""Makes the fixtures that action code asks for, once per scope, and tears every one down, whatever happened.

A fixture may ask for other fixtures by naming them; one of scope "run" not for one of scope "step". Teardown goes in the reverse
order of making and is never skipped: not after a failed step, not after another fixture failed to be made or torn down.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from melanzana.errors import SuiteError
from melanzana.graph.model import Value
from melanzana.runner.arguments import Sources, arguments_for
from melanzana.runner.authoring import FixtureMark
from melanzana.runner.calling import Caller
from melanzana.runner.failures import Failure, describe
from melanzana.runner.interruption import StepAborted
from melanzana.runner.scanning import Found


class FixtureFailed(Exception):
    """User code raised while a fixture was made."""

    def __init__(self, name: str, failure: Failure) -> None:
        super().__init__(f'fixture "{name}" could not be made: {failure.message}')
        self.failure = failure


@dataclass(slots=True)
class _Shelf:
    """What one scope holds."""

    made: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, FixtureFailed] = field(default_factory=dict)
    teardowns: list[tuple[str, Callable[[], Any]]] = field(default_factory=list)


class Fixtures:
    """The fixtures of one run."""

    def __init__(
        self,
        known: Mapping[str, tuple[FixtureMark, Found]],
        caller: Caller,
        folder: Path | None = None,
        ready: Mapping[str, tuple[FixtureMark, Found]] = MappingProxyType({}),
    ) -> None:
        """`ready`: fixtures that give way to those of `known`, and to variables, of their name."""
        self._known, self._caller, self._folder = {**ready, **known}, caller, folder
        self._giving_way = ready.keys() - known.keys()
        self._run, self._step = _Shelf(), _Shelf()
        self._making: list[str] = []
        self.names = frozenset(self._known)

    def get(self, name: str, data: Mapping[str, Value]) -> Any:
        """The fixture called `name`, made when it is first asked for in its scope.

        Raises FixtureFailed when its code raises (for scope "run" again at every later request), SuiteError when it is asked for
        wrongly.
        """
        mark, found = self._known[name]
        shelf = self._run if mark.scope == "run" else self._step
        if name in shelf.failed:
            raise shelf.failed[name]
        if name not in shelf.made:
            shelf.made[name] = self._make(mark, found, shelf, data)
        return shelf.made[name]

    def beside(self, data: Mapping[str, Value]) -> frozenset[str]:
        """The names of fixtures where these variables are."""
        return self.names - (self._giving_way & data.keys())

    def end_step(self) -> list[Failure]:
        """Tear down what was made for the step; returns what went wrong."""
        shelf, self._step = self._step, _Shelf()
        return self._tear_down(shelf)

    def end_run(self) -> list[Failure]:
        """Tear everything down; returns what went wrong."""
        failures = self.end_step()
        shelf, self._run = self._run, _Shelf()
        return failures + self._tear_down(shelf)

    def _make(self, mark: FixtureMark, found: Found, shelf: _Shelf, data: Mapping[str, Value]) -> Any:
        if mark.name in self._making:
            circle = " → ".join([*self._making, mark.name])
            raise SuiteError(f"fixtures need each other in a circle: {circle}")
        self._making.append(mark.name)
        try:
            bound = arguments_for(found.function, self._sources(mark, found, data))
            return self._start(mark.name, found, bound, shelf)
        except (SuiteError, FixtureFailed, StepAborted, KeyboardInterrupt):
            raise
        except BaseException as error:
            shelf.failed[mark.name] = FixtureFailed(mark.name, describe(error, self._folder))
            raise shelf.failed[mark.name] from error
        finally:
            self._making.pop()

    def _sources(self, mark: FixtureMark, found: Found, data: Mapping[str, Value]) -> Sources:
        def get(name: str) -> Any:
            if mark.scope == "run" and self._known[name][0].scope == "step":
                raise SuiteError(f'fixture "{mark.name}" lives for the run and cannot ask for "{name}", which lives for a step')
            return self.get(name, data)

        visible = {} if mark.scope == "run" else data
        names, offers_data = self.beside(visible), mark.scope == "step"
        return Sources(label=found.label, fixtures=names, get_fixture=get, data=visible, offers_data=offers_data)

    def _start(self, name: str, found: Found, bound: inspect.BoundArguments, shelf: _Shelf) -> Any:
        function, call = found.function, self._caller.call
        inner = inspect.unwrap(function)
        if inspect.isgeneratorfunction(inner):
            generator = function(*bound.args, **bound.kwargs)
            value = call(next, (generator,))
            shelf.teardowns.append((name, lambda: _finish(generator)))
            return value
        if inspect.isasyncgenfunction(inner):
            source = function(*bound.args, **bound.kwargs)
            value = call(source.__anext__)
            shelf.teardowns.append((name, lambda: _finish_async(source)))
            return value
        return call(function, bound.args, bound.kwargs)

    def _tear_down(self, shelf: _Shelf) -> list[Failure]:
        failures: list[Failure] = []
        while shelf.teardowns:
            name, teardown = shelf.teardowns.pop()
            try:
                self._caller.tidy(teardown)
            except BaseException as error:
                told = describe(error, self._folder)
                failures.append(Failure(f'teardown of fixture "{name}": {told.message}', told.trace, told.file, told.line))
        return failures


def _finish(generator: Any) -> None:
    if next(generator, None) is not None:
        generator.close()
        raise RuntimeError("a fixture yields once; what follows the yield is its teardown")


async def _finish_async(source: Any) -> None:
    async for _ in source:
        await source.aclose()
        raise RuntimeError("a fixture yields once; what follows the yield is its teardown")
