"""Fixtures that every suite has without writing them: `http` and `page`.

A fixture or a variable of the same name takes their place. `performer.py` puts them beside those of the suite. What they need is
imported when they are first asked for.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from melanzana.runner.authoring import FixtureMark
from melanzana.runner.scanning import Found

#: Name, and the module whose function of that name makes it.
_MODULES = {"http": "melanzana.runner.ready.requests", "page": "melanzana.runner.ready.browser"}


def ready_fixtures() -> Mapping[str, tuple[FixtureMark, Found]]:
    """As the inventory of a suite has them."""
    return {name: (FixtureMark(name, "run"), _found(name, module)) for name, module in _MODULES.items()}


def _found(name: str, module: str) -> Found:
    return Found(_late(name, module), f"{module}:{name}", module)


def _late(name: str, module: str) -> Callable[[], Any]:
    def make() -> Any:
        yield from getattr(import_module(module), name)()

    return make
