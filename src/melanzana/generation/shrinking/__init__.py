"""A failing walk made small: see `shrinker.py`."""
