"""Melanzana: an open model-based test execution server.

Authors of action code import from here: `action`, `state`, `fixture`, `attach`, `log`.
"""

from melanzana.runner.authoring import action, attach, fixture, log, state
from melanzana.version import __version__

__all__ = ["__version__", "action", "attach", "fixture", "log", "state"]
