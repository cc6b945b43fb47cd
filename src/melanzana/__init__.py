"""Melanzana: an open model-based test execution server."""

__version__ = "0.1.0"
