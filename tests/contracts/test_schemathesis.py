"""The served OpenAPI document is true: fuzzing every operation finds no 5xx and no answer that the document does not name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support_login import PASSWORD, create_user
from support_server import Script, ServerProcess, command_line, create_client, running_server

DOORS = Path(__file__).parents[1] / "journeys/doors/doors.yaml"
#: What a wrong server would break. Left out: checks that hold DELETE to remove things, since the original spells abort DELETE, and
#: those that want every body of the right shape accepted, since a well-formed id of nothing is rightly refused.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,"
    "negative_data_rejection,ignored_auth,unsupported_method,missing_required_header,keeps_to_its_permissions"
)

#: In the name of a model that no other realm may see.
FOREIGN = "canary-of-another-realm"
#: Bad data are refused with one of these; a body that is too large before it is read.
REFUSED = (400, 401, 403, 404, 405, 406, 409, 413, 415, 422)


#: What an administrator may do and an API client may not. Not the ways in by password: guessing there makes the address wait.
ACCESS = "^/(client_service|realm_service|audit_service|auth/realms|ai/users|ai/groups)"


@pytest.mark.slow
def test_fuzzing_every_operation_finds_no_5xx_and_no_undocumented_answer(tmp_path: Path) -> None:
    """Schemathesis has nothing to report: asked by an API client, then by one of another realm that may only read."""
    with (
        running_server(tmp_path / "data", "--no-agent") as server,
        Script(server.url, create_client(server.data, tmp_path)) as script,
    ):
        model = script.import_model(DOORS.read_text("utf-8"))
        script.wait_for_end(script.start(model_id=model["modeluuid"])["run_id"])
        who = script.credentials
        form = {"grant_type": "client_credentials", "client_id": who.client_id, "client_secret": who.client_secret}
        fuzz(server, tmp_path, (who.token_url, form), "--max-time", "35")
        as_a_stranger(server, tmp_path, script)


def as_a_stranger(server: ServerProcess, folder: Path, script: Script) -> None:
    """The same server, asked by a client of another realm that may only read: it changes nothing and sees nothing of the first."""
    script.import_model(DOORS.read_text("utf-8").replace("model: ", f"model: {FOREIGN} ", 1))
    command_line("realms", "create", "strangers", "--data", str(server.data))
    who = create_client(
        server.data, folder, "stranger", "--realm", "strangers", "--scope", "executions:read", "--scope", "reports:read"
    )
    form = {"grant_type": "client_credentials", "client_id": who.client_id, "client_secret": who.client_secret}
    fuzz(server, folder, (who.token_url, form), "--max-time", "20", foreign=FOREIGN)


@pytest.mark.slow
def test_75_fuzzing_every_way_to_access_finds_no_5xx_and_no_undocumented_answer(tmp_path: Path) -> None:
    """The same of what an administrator may ask: clients, people, realms, keys, tokens; but not to remove or rename themselves."""
    with running_server(tmp_path / "data", "--no-agent") as server:
        create_user(server.data, "ada")
        form = {"username": "ada", "password": PASSWORD}
        fuzz(
            server,
            tmp_path,
            (f"{server.url}/ai/auth", form),
            "--max-time",
            "25",
            "--include-path-regex",
            ACCESS,
            "--exclude-path",
            "/ai/users/{user_id}",
        )


def fuzz(
    server: ServerProcess, folder: Path, identity: tuple[str, dict[str, str]], *options: str, foreign: str | None = None
) -> None:
    """Fails with what Schemathesis reports. `identity`: where and by which form a token is got; `foreign`: see the hooks."""
    (folder / "schemathesis.toml").write_text(f"[checks.negative_data_rejection]\nexpected-statuses = {list(REFUSED)}\n")
    command = [
        *(str(Path(sys.executable).parent / "st"), "run", f"{server.url}/openapi.json"),
        *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "-n", "12", "--seed", "7"),
        *("--continue-on-failure", "--no-color", "--request-timeout", "30", "--exclude-path", "/agent_service/api/v1/leases"),
        *("--exclude-path", "/execution_service/api/v1/executions/{execution_id}/events"),  # lasts as long as its run
        *options,
    ]
    named = {} if foreign is None else {"FUZZ_FOREIGN": foreign}
    told = {**named, "FUZZ_TOKEN_URL": identity[0], "FUZZ_FORM": json.dumps(identity[1])}
    environment = {**os.environ, **told, "SCHEMATHESIS_HOOKS": "fuzzing_auth", "PYTHONPATH": str(Path(__file__).parent)}
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    failures = ended.stdout.partition(" FAILURES ")[2].partition(" WARNINGS ")[0]
    assert ended.returncode == 0, failures[-8000:] + ended.stdout[-1000:] + ended.stderr[-2000:]
    assert not [line for line in server.lines if "unexpected error" in line]
