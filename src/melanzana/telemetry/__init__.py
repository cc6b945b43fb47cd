"""Runs as traces of OpenTelemetry: exported by the server when they have ended."""
