"""Melanzana: an open model-based test execution server.

Authors of action code import from here: `action`, `state`, `fixture`, `attach`, `log`.
"""

__version__ = "0.1.0"

from melanzana.runner.authoring import action, attach, fixture, log, state

__all__ = ["__version__", "action", "attach", "fixture", "log", "state"]
