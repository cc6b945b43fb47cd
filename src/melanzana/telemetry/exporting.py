"""Spans over OTLP/HTTP, with OpenTelemetry's own exporter: what the extra `otel` installs is imported here and nowhere else."""

# ruff: noqa: PLC0415 - the extra may not be installed

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from melanzana.errors import SettingsError, UnavailableError
from melanzana.telemetry.spans import Span
from melanzana.version import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_ABSENT = "traces of runs need OpenTelemetry: install melanzana[otel], or take otlp_endpoint out of the settings"
#: Longest wait for a collector, in seconds.
_SECONDS = 10


class Exporter(Protocol):
    """Where spans go."""

    def export(self, spans: Sequence[Span]) -> None:
        """Send them; blocks. Errors: UnavailableError."""
        ...


class OtlpExporter:
    """Sends to a collector. Headers and certificates come from the usual OTEL_EXPORTER_OTLP_… variables."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint`: the collector's address, as `http://127.0.0.1:4318`. Errors: SettingsError when the extra is missing."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
        except ImportError as error:
            raise SettingsError(_ABSENT, field="otlp_endpoint") from error
        self._resource = Resource.create({"service.name": "melanzana", "service.version": __version__})
        self._exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_SECONDS)

    def export(self, spans: Sequence[Span]) -> None:
        """Errors: UnavailableError."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        if self._exporter.export([self._readable(span) for span in spans]) is not SpanExportResult.SUCCESS:
            raise UnavailableError("the collector of traces did not take the spans of a run")

    def _readable(self, span: Span) -> "ReadableSpan":
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.status import Status, StatusCode

        parent = _context(span.trace_id, span.parent_id) if span.parent_id else None
        status = Status(StatusCode.OK) if span.error is None else Status(StatusCode.ERROR, span.error)
        return ReadableSpan(
            name=span.name,
            context=_context(span.trace_id, span.span_id),
            parent=parent,
            resource=self._resource,
            attributes=dict(span.attributes),
            kind=SpanKind.INTERNAL,
            status=status,
            start_time=span.start,
            end_time=span.end,
        )


def _context(trace_id: str, span_id: str) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
