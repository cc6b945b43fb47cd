"""A model that the vendor's own JavaScript library built: it imports, runs, and comes out again without loss."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support_app import running_app

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
PROGRAM = Path(__file__).parent / "eai_model" / "build.cjs"
LIBRARY = "@eggplantio/eai-model@4.0.1"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the library makes; the library is installed for this test alone."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("Node is not on this machine")
    folder = tmp_path_factory.mktemp("eai")
    install = [npm, "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder), LIBRARY]
    done = subprocess.run(install, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"npm cannot install the library: {done.stderr.strip()[:200]}")
    program = folder / PROGRAM.name
    program.write_text(PROGRAM.read_text("utf-8"), "utf-8")
    made = subprocess.run([node, str(program)], capture_output=True, text=True, timeout=60, check=True)
    model: dict[str, Any] = json.loads(made.stdout)
    return model


async def test_a_model_of_the_vendors_library_imports_runs_and_exports_without_loss(built: dict[str, Any], tmp_path: Path) -> None:
    """Every element comes back with every field it had, and the model can be started."""
    async with running_app(tmp_path / "data") as app:
        await app.sign_in()
        made = await app.http.post("/ai/models", json={"name": "Shop of the library", "group": "ci", "modeljson": built})
        assert made.status_code == 201, made.text
        model = made.json()["modeluuid"]
        back = (await app.http.get(f"/ai/models/{model}", params={"format": "dai"})).json()["modeljson"]
        definition = back["definition"]
        assert _without_loss(_elements(built), _elements(definition)) == {}
        rest = {name: value for name, value in built.items() if name not in {"elements", "testcases"}}
        assert _without_loss(rest, definition) == {}
        assert back["test_cases"] == built["testcases"] == [], "they stand beside the definition"
        again = await app.http.post("/ai/models", json={"name": "Shop of the library", "modeljson": back})
        assert again.status_code == 200, "the same logic makes no new version"
        start = {"model_id": model, "path": "random(action_coverage(100))", "seed": 7}
        started = await app.http.post("/execution_service/api/v1/executions", json=start)
        assert started.status_code == 201, started.text


def _without_loss(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> dict[Any, Any]:
    """What is missing or another: by key, what was there before and what is there now. More may be there now."""
    lost = {}
    for key, value in before.items():
        now = after.get(key)
        if isinstance(value, dict) and isinstance(now, dict):
            lost |= {f"{key}.{inner}": pair for inner, pair in _without_loss(value, now).items()}
        elif value != now:
            lost[key] = (value, now)
    return lost


def _elements(model: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """By id. The product writes no parameters as one blank parameter and leaves out an empty list of snippets: both mean none."""
    elements = {}
    for element in model["elements"]:
        named = [parameter for parameter in element.get("parameters", []) if parameter.get("name")]
        elements[element["id"]] = {**element, "parameters": named, "snippets": element.get("snippets", [])}
    return elements
