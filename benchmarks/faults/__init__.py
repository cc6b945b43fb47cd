"""Models with planted faults, and walks until one is hit; `benchmarks/faults.py` is the command."""
