"""openid-client, oauth4webapi and keycloak-connect on Node; skipped, saying why, where Node or its packages cannot be had."""

import json
import os
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from support_server import command_line, create_client, running_server
from support_site import Site

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parent / "node"
INSTALL_SECONDS = 180


@pytest.fixture(scope="session")
def modules() -> Path:
    """The packages of `node/package.json`, installed once for this user and list of packages."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("needs node and npm on the path")
    wanted = (SCRIPTS / "package.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "melanzana-tests"
    folder = cache / f"node-{sha256(wanted).hexdigest()[:16]}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _install(npm, wanted, folder)
    return folder / "node_modules"


def _install(npm: str, wanted: bytes, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as making:
        place = Path(making) / "made"
        place.mkdir()
        (place / "package.json").write_bytes(wanted)
        command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
        try:
            ended = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm could not install the packages within {INSTALL_SECONDS} s")
        if ended.returncode != 0:
            pytest.skip(f"npm cannot install the packages: {ended.stderr.strip()[-300:]}")
        if not folder.exists():
            place.rename(folder)


def run(script: str, site: Site, modules: Path, folder: Path) -> dict[str, Any]:
    """What the script prints."""
    shutil.copy(SCRIPTS / script, folder)
    (folder / "node_modules").symlink_to(modules)
    environment = {
        "PATH": os.environ["PATH"],
        "BASE": f"{site.url}/auth",
        "ISSUER": site.issuer,
        "CLIENT_ID": site.client.client_id,
        "CLIENT_SECRET": site.client.client_secret,
        "API": site.models,
    }
    ended = subprocess.run(["node", script], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    shown: dict[str, Any] = json.loads(ended.stdout)
    return shown


def test_openid_client_discovers_gets_introspects_and_revokes(site: Site, modules: Path, tmp_path: Path) -> None:
    """By Basic (percent-encoded) and by form: a token of the scope asked for, let in, active, and inactive once revoked."""
    shown = run("openid_client.mjs", site, modules, tmp_path)
    expected = {"issuer": site.issuer, "expires_in": 300, "scope": "models:read", "api": 200, "active": [True, False]}
    assert {name: way | {"expires_in": 300} for name, way in shown.items()} == {"basic": expected, "post": expected}
    assert all(295 <= way["expires_in"] <= 300 for way in shown.values())


def test_oauth4webapi_gets_a_token_and_finds_its_type_not_strict_enough(site: Site, modules: Path, tmp_path: Path) -> None:
    """Discovery works in both forms; by default a token says `typ: JWT` like the product's, which RFC 9068 does not allow."""
    shown = run("oauth4webapi.mjs", site, modules, tmp_path)
    assert (shown["token_type"], shown["same"]) == ("bearer", True)
    assert "typ" in shown["strict"]["refused"]


def test_oauth4webapi_believes_the_tokens_of_a_realm_with_the_type_at_jwt(modules: Path, tmp_path: Path) -> None:
    """With the realm's token type `at+jwt`, the strict check of RFC 9068 passes."""
    with running_server(tmp_path / "data", "--no-agent") as server:
        site = Site(server, create_client(server.data, tmp_path))
        command_line("realms", "set", "eggplant", "--token-type", "at+jwt", "--data", str(server.data))
        shown = run("oauth4webapi.mjs", site, modules, tmp_path)
    assert shown["strict"] == {"client_id": site.client.client_id, "iss": site.issuer}


def test_keycloak_connect_gets_checks_and_introspects_a_token(site: Site, modules: Path, tmp_path: Path) -> None:
    """Keycloak's own adapter, which introspects with Basic and body both, takes the server for a Keycloak."""
    shown = run("keycloak_connect.mjs", site, modules, tmp_path)
    assert shown == {"azp": site.client.client_id, "active": True, "sub": True}
