"""Lists what loaded suite modules offer: marked functions, fixtures, classes and plain functions.

Things are found as attributes of their module, so a decorator of the user's own may wrap them as long as it uses
`functools.wraps`. What a module merely imported from somewhere else belongs to the module that defines it.
"""

import inspect
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from melanzana.errors import SuiteError
from melanzana.runner.authoring import FIXTURE_MARK, MARKS, FixtureMark, Mark


@dataclass(frozen=True, slots=True)
class Found:
    """A function of the suite."""

    function: Callable[..., Any]
    label: str  #: `module:function` or `module:Class.method`
    place: str  #: `file.py:12`
    holder: type | None = None  #: the class of a method

    @property
    def identity(self) -> Any:
        """Two ways to the same code are one."""
        return inspect.unwrap(getattr(self.function, "__func__", self.function))


@dataclass(slots=True, kw_only=True)
class Inventory:
    """Everything found, in the order of module names."""

    marks: list[tuple[Mark, Found]] = field(default_factory=list)
    fixtures: dict[str, tuple[FixtureMark, Found]] = field(default_factory=dict)
    classes: list[type] = field(default_factory=list)
    functions: dict[str, list[Found]] = field(default_factory=dict)


def scan(modules: Iterable[ModuleType]) -> Inventory:
    """What the modules offer. Raises SuiteError when two fixtures have one name."""
    inventory = Inventory()
    for module in modules:
        for name, value in list(vars(module).items()):
            if not name.startswith("__") and getattr(value, "__module__", None) == module.__name__:
                _sort_in(inventory, module, name, value)
    return inventory


def place_of(function: Any) -> str:
    """`file.py:12`, as well as it can be told."""
    code = getattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__", None)
    return f"{os.path.basename(code.co_filename)}:{code.co_firstlineno}" if code is not None else "?"  # noqa: PTH119


def _sort_in(inventory: Inventory, module: ModuleType, name: str, value: Any) -> None:
    if isinstance(value, type):
        inventory.classes.append(value)
        inventory.marks.extend(_marked_methods(module, value))
    elif callable(value):
        found = Found(value, f"{module.__name__}:{name}", place_of(value))
        if fixture := _mark(value, FIXTURE_MARK):
            _add_fixture(inventory, fixture, found)
        elif marks := _mark(value, MARKS):
            inventory.marks.extend((mark, found) for mark in marks)
        elif not name.startswith("_"):
            inventory.functions.setdefault(name, []).append(found)


def _marked_methods(module: ModuleType, holder: type) -> Iterator[tuple[Mark, Found]]:
    for name in dir(holder):
        method = getattr(holder, name, None)
        for mark in _mark(method, MARKS) or ():
            yield mark, Found(method, f"{module.__name__}:{holder.__qualname__}.{name}", place_of(method), holder)  # type: ignore[arg-type]


def _add_fixture(inventory: Inventory, mark: FixtureMark, found: Found) -> None:
    if mark.name == "data":
        raise SuiteError(f"fixture {found.label} ({found.place}): the name data is taken by the model's variables; rename it")
    _, earlier = inventory.fixtures.setdefault(mark.name, (mark, found))
    if earlier.identity is not found.identity:
        raise SuiteError(f'fixture "{mark.name}" is ambiguous: {earlier.label} ({earlier.place}) and {found.label} ({found.place})')


def _mark(value: Any, name: str) -> Any:
    """The mark on the function itself; objects that answer to every attribute name have none."""
    mark = getattr(value, "__dict__", {}).get(name)
    return mark if mark is not None else getattr(getattr(value, "__func__", None), "__dict__", {}).get(name)
