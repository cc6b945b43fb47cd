"""DOT, the language of Graphviz: nodes and arrows whose labels say everything else, read and written."""

from melanzana.graph.formats.dot.reader import parse_dot
from melanzana.graph.formats.dot.writer import write_dot

__all__ = ["parse_dot", "write_dot"]
