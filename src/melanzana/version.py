"""The version of Melanzana: the one place that says it, also to the build."""

__version__ = "0.1.0"
