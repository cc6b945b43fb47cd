"""GraphWalker JSON: one file of several graphs that share states, as its editor and its studio write it."""

from melanzana.graph.formats.graphwalker.reader import read_graphwalker

__all__ = ["read_graphwalker"]
