"""Files to models and back: our own text format, DAI model JSON, GraphWalker JSON."""
