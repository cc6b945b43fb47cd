"""Changes of a model, one gesture at a time: model in, model out."""
