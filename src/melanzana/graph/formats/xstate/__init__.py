"""XState machine configurations as JSON: statecharts of states, events and transitions, read and written."""

from melanzana.graph.formats.xstate.reader import read_noted
from melanzana.graph.formats.xstate.writer import write_xstate

__all__ = ["read_noted", "write_xstate"]
