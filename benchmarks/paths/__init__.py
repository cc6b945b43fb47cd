"""Seeded models and the measurements of the path engine; `benchmarks/paths.py` is the command."""
