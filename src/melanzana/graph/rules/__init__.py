"""The rules of a valid model, one file a subject; `graph/validation.py` runs them all."""
