"""Action code that is stored on a real server is performed by a real agent that has none of it."""

from pathlib import Path
from typing import Any

import pytest

from support_doors import MODEL, QUICK, SUITE, AgentProcess
from support_server import Script, create_client, running_server
from support_suites import zipped

pytestmark = pytest.mark.slow
SUITES = "/suite_service/api/v1/suites"


def test_a_stored_suite_is_fetched_and_performed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two versions and a folder: each run performs and names the one asked for; a deleted one ends its run with an error."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    files = {path.name: path.read_text() for path in Path(SUITE).glob("*.py")}
    inner = {f"inside/{name}": text for name, text in files.items()}
    broken = {"doors.py": "raise RuntimeError('second version')"}
    with (
        running_server(tmp_path / "data", "--no-agent", *QUICK) as server,
        Script(server.url, create_client(server.data, tmp_path)) as script,
    ):
        model = script.import_model(MODEL)["modeluuid"]

        def upload(name: str, content: bytes, expect: int = 201) -> Any:
            return script.call("POST", SUITES, expect, content=content, params={"name": name})

        def start(**asset: str) -> int:
            body = {"model_id": model, "agent": {"agent_id": "any"}, "asset": asset, "test_case_id": "through the door"}
            return int(script.start(**body)["run_id"])

        assert upload("doors", b"no zip", 422)["field"] == "suite"
        first, again = upload("doors", zipped(files)), upload("doors", zipped(files))
        assert first == again
        second = upload("doors", zipped(broken))
        upload("folder", zipped(inner))
        assert [one["version"] for one in second["versions"]] == [2, 1]
        unknown = {
            "execution_type": "executing",
            "model_id": model,
            "agent": {"agent_id": "any"},
            "asset": {"asset_version_id": "x"},
        }
        path = "/execution_service/api/v1/executions"
        assert script.call("POST", path, 404, json=unknown)["field"] == "asset.asset_version_id"
        agent = AgentProcess(script, server.url, tmp_path, "rack-1")
        try:
            old = script.wait_for_end(run_id := start(asset_version_id=first["versions"][0]["id"]))
            assert (old["state"], old["suite"]) == ("passed", "doors@1"), old
            assert old["stored_suite"]["sha256"] == first["versions"][0]["sha256"]
            assert any(first["versions"][0]["sha256"] in line["message"] for line in script.log(run_id))
            assert script.wait_for_end(start(asset_version_id="folder", asset_path="inside"))["state"] == "passed"
            newest = script.wait_for_end(start(asset_version_id=first["id"]))
            assert (newest["state"], newest["stored_suite"]["version"]) == ("error", 2)
            assert "second version" in newest["message"]
            kept = sorted(path.stem for path in (cache / "melanzana" / "suites").iterdir())
            assert len(kept) == 3
            assert first["versions"][0]["sha256"] in kept
        finally:
            agent.end()
        script.call("DELETE", f"{SUITES}/{first['id']}", 204)
        assert [suite["name"] for suite in script.call("GET", SUITES)] == ["folder"]
        script.call("GET", f"{SUITES}/{first['id']}", 404)
