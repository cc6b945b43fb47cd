"""DAI model JSON: what Eggplant DAI exports and its model service takes, bare or in the 25.x envelope."""

from melanzana.graph.formats.dai.reader import read_dai
from melanzana.graph.formats.dai.writer import write_dai

__all__ = ["read_dai", "write_dai"]
