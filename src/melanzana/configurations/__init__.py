"""Test configurations: several steps that are started together, and what came of each time."""
