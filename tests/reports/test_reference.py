"""The REST reference names what the server serves, and its examples are JSON."""

import json
import re
from pathlib import Path

import pytest
from fastapi import FastAPI

from melanzana.access.gate import Gate
from melanzana.agents import api as agents_api
from melanzana.audit import api as audit_api
from melanzana.auth import api as auth_api
from melanzana.catalog import api as catalog_api
from melanzana.clients import api as clients_api
from melanzana.executions import api as executions_api
from melanzana.executions import streams
from melanzana.realms import api as realms_api
from melanzana.reports import analysis_api, files_api
from melanzana.reports import api as reports_api
from melanzana.server import metrics
from melanzana.suts import api as suts_api
from melanzana.users import api as users_api

PAGE = (Path(__file__).parents[2] / "docs/reference/rest-api.md").read_text("utf-8")


def served() -> set[str]:
    """Method and path of every route, without opening anything behind them."""
    gate = Gate(None)  # type: ignore[arg-type]
    app = FastAPI()
    for router in (
        auth_api.router(None, None),  # type: ignore[arg-type]
        executions_api.router(None, gate, None, None),  # type: ignore[arg-type]
        streams.router(None, gate, None, None),  # type: ignore[arg-type]
        catalog_api.router(None, gate),  # type: ignore[arg-type]
        reports_api.router(None, gate),  # type: ignore[arg-type]
        files_api.router(None, gate),  # type: ignore[arg-type]
        analysis_api.router(None, gate),  # type: ignore[arg-type]
        metrics.router(None, None, gate, None),  # type: ignore[arg-type]
        agents_api.router(None, gate, None),  # type: ignore[arg-type]
        suts_api.router(None, gate, None, None),  # type: ignore[arg-type]
        users_api.router(None, gate),  # type: ignore[arg-type]
        audit_api.router(None, gate),  # type: ignore[arg-type]
        realms_api.router(None, gate),  # type: ignore[arg-type]
        clients_api.router(None, gate, None),  # type: ignore[arg-type]
    ):
        app.include_router(router)
    return {f"{method.upper()} {path}" for path, item in app.openapi()["paths"].items() for method in item}


def test_every_route_is_in_the_table() -> None:
    """The table of the reference lists exactly the routes that are served."""
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`]*)`", table)) == served()


def test_every_example_is_json() -> None:
    """Each example of a body can be read by a machine."""
    examples = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) > 15
    for example in examples:
        json.loads(example)


@pytest.mark.parametrize(
    "shape",
    [
        "RunItem",
        "RunAnswer",
        "LogItem",
        "TimingItem",
        "StatusAnswer",
        "CoverageAnswer",
        "DepthCoverage",
        "DifferenceAnswer",
        "ChangeItem",
    ],
)
def test_every_field_of_a_report_is_in_the_reference(shape: str) -> None:
    """A field that an answer has is a word of the page."""
    fields = getattr(reports_api.shapes, shape, None) or getattr(reports_api.coverage_shapes, shape)
    fields = fields.model_fields
    assert not [name for name in fields if not re.search(rf"[\"`]{name}[\"`]", PAGE)]
