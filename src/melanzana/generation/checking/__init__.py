"""What only a search over states and data can find wrong with a model. Findings have the shape of those of `graph/rules/`."""
