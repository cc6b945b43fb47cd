"""Melanzana: an open model-based test execution server.

Authors of action code import from here: `action`, `state`, `fixture`, `attach`, `log`, `sut`. These are loaded when they are asked
for, since every command of the command line passes here.
"""

from typing import TYPE_CHECKING, Any

from melanzana.version import __version__

if TYPE_CHECKING:
    from melanzana.runner.authoring import action, attach, fixture, log, state
    from melanzana.runner.system_under_test import sut

__all__ = ["__version__", "action", "attach", "fixture", "log", "state", "sut"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'melanzana' has no attribute {name!r}")
    from melanzana.runner import authoring, system_under_test  # noqa: PLC0415

    return getattr(system_under_test if name == "sut" else authoring, name)
