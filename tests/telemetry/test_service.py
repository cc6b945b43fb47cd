"""Runs as traces: a real exporter, and a collector of our own that takes OTLP over HTTP."""

import http.server
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Received

from melanzana.errors import UnavailableError
from melanzana.protocol.tracing import place_of
from melanzana.telemetry.exporting import OtlpExporter
from melanzana.telemetry.service import TelemetryService
from melanzana.telemetry.spans import Span
from support_app import RunningApp, running_app
from support_reports import fails_at, walked
from support_runs import Runs

pytestmark = pytest.mark.anyio
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ADDRESS = "https://dai.example"


@dataclass
class Collector:
    """What it was sent."""

    url: str
    spans: list[Received] = field(default_factory=list)

    def named(self, name: str) -> Received:
        (found,) = [span for span in self.spans if span.name == name]
        return found


def attributes(span: Received) -> dict[str, object]:
    values = {one.key: one.value for one in span.attributes}
    return {key: getattr(value, str(value.WhichOneof("value"))) for key, value in values.items()}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Takes traces on the loopback address."""

    class Takes(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            import gzip

            body = self.rfile.read(int(self.headers["content-length"]))
            sent = ExportTraceServiceRequest.FromString(gzip.decompress(body) if self.headers.get("content-encoding") else body)
            found.spans += [span for one in sent.resource_spans for scope in one.scope_spans for span in scope.spans]
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Takes)
    found = Collector(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(tmp_path) as opened:
        await opened.sign_in()
        yield opened


def exporting(app: RunningApp, exporter: object) -> TelemetryService:
    services = app.services
    return TelemetryService(services.database, services.clock, services.executions, exporter, ADDRESS)  # type: ignore[arg-type]


async def test_a_run_is_a_span_in_the_trace_of_its_caller_and_each_step_one_below_it(app: RunningApp, collector: Collector) -> None:
    """Started with `traceparent` over REST; the failing step carries its message and its page; a run is exported once."""
    runs = await Runs.of(app.services)
    start = {"execution_type": "executing", "model_id": str(runs.model_id), "perform": True, "path": "predefined(open, leave)"}
    answer = await app.http.post("/execution_service/api/v1/executions", json=start, headers={"traceparent": CALLER})
    run_id = answer.json()["run_id"]
    lease = await runs.claim()
    assert place_of(lease.execution_id, lease.snapshot.traceparent).trace_id == "0af7651916cd43dd8448eb211c80319c"
    await runs.tell(lease, walked(lease.snapshot, fails_at("leave")))
    service = exporting(app, OtlpExporter(collector.url))
    assert (await service.catch_up(), await service.catch_up()) == (1, 0)
    run, step = collector.named("run Doors"), collector.named("action leave")
    assert (run.trace_id.hex(), run.parent_span_id.hex()) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert {span.parent_span_id for span in collector.spans if span is not run} == {run.span_id}
    assert run.span_id.hex() == place_of(lease.execution_id, CALLER).span_id
    assert (run.status.code, step.status.code, step.status.message) == (2, 2, "expected an open door")
    told = attributes(step)
    assert told["url.full"] == f"{ADDRESS}/runs/{run_id}/steps/4" and told["test.case.result.status"] == "fail"
    assert attributes(run)["test.suite.run.status"] == "failure"
    assert step.end_time_unix_nano - step.start_time_unix_nano == 10**9
    assert len({span.span_id for span in collector.spans}) == len(collector.spans)


async def test_what_a_collector_did_not_take_is_sent_again(app: RunningApp) -> None:
    """Nothing is lost while it is away; a run without a caller begins a trace of its own; another form is ignored."""

    class Away:
        sent: list[Span] = []  # noqa: RUF012
        away = True

        def export(self, spans: Sequence[Span]) -> None:
            if self.away:
                raise UnavailableError("away")
            self.sent += spans

    runs, exporter = await Runs.of(app.services), Away()
    run = await runs.run(perform=True)
    service = exporting(app, exporter)
    with pytest.raises(UnavailableError):
        await service.catch_up()
    exporter.away = False
    assert await service.catch_up() == 1
    assert {span.trace_id for span in exporter.sent} == {run.id.replace("-", "")}
    assert exporter.sent[-1].parent_id == ""
    wrong = {"traceparent": "00-00000000000000000000000000000000-b7ad6b7169203331-01"}
    start = {"execution_type": "executing", "model_id": str(runs.model_id)}
    answer = await app.http.post("/execution_service/api/v1/executions", json=start, headers=wrong)
    assert (await app.services.executions.get("eggplant", answer.json()["run_id"])).snapshot.traceparent == ""
