"""How a path is chosen, when it is enough and what it covered. Pure: seed, model and data in, the same path out, anywhere."""
