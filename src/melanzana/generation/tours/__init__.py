"""Shortest covering tours: planned on a graph of configurations, cut into test cases, divided over agents."""
