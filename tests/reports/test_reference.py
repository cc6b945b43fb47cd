"""The REST reference names what the server serves, and its examples are JSON."""

import json
import re
from pathlib import Path

import pytest

from melanzana.reports import coverage_shapes, shapes
from support_app import running_app

PAGE = (Path(__file__).parents[2] / "docs/reference/rest-api.md").read_text("utf-8")


async def served(folder: Path) -> set[str]:
    """Method and path of every route that the document describes."""
    async with running_app(folder) as app:
        paths = (await app.http.get("/openapi.json")).json()["paths"]
    return {f"{method.upper()} {path}" for path, item in paths.items() for method in item}


#: Told on pages of their own: older ways to log in, and what probes ask.
ELSEWHERE = {"/ai/auth", "/api/v1/auth", "/api/v2/auth", "/auth", "/healthz", "/readyz"}


@pytest.mark.anyio
async def test_every_route_is_in_the_reference(tmp_path: Path) -> None:
    """The table names only routes that are served, and each served route's path stands on the page."""
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    routes = await served(tmp_path)
    assert set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`]*)`", table)) - routes == set()
    assert [
        path for route in sorted(routes) if (path := route.split()[1]) not in ELSEWHERE and path.partition("/{")[0] not in PAGE
    ] == []


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
    fields = getattr(shapes, shape, None) or getattr(coverage_shapes, shape)
    fields = fields.model_fields
    assert not [name for name in fields if not re.search(rf"[\"`]{name}[\"`]", PAGE)]
