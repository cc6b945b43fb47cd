"""`deploy/` by its parts, without an engine: the image copies what exists and builds; Compose and units say what is known."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from melanzana.cli.main import app
from melanzana.server.settings import ServerSettings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
UNITS = sorted((DEPLOY / "systemd").iterdir())
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")


def copied() -> list[str]:
    """What the image takes from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return read


def test_the_image_copies_what_exists_and_is_let_in() -> None:
    """Each source of a COPY is in the repository, and the ignore file, which keeps all else out, lets it in."""
    let_in = re.findall(r"^!(.+)$", (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8"), re.MULTILINE)
    assert len(copied()) > 4
    assert [source for source in copied() if not (ROOT / source).exists() or source.split("/")[0] not in let_in] == []


def test_the_image_installs_by_hash_and_runs_as_nobody_special() -> None:
    """Requirements are pinned by hash, images are named without a registry's host, and the last user is not root."""
    installs = [line for line in DOCKERFILE.splitlines() if "-r requirements/" in line]
    assert [line for line in installs if "--require-hashes" not in line] == []
    assert len(installs) == 2
    assert {name.count("/") for name in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)} == {0}
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)[-1] not in {"root", "0"}
    assert "/readyz" in DOCKERFILE


def test_every_variable_is_a_setting_and_the_ports_agree() -> None:
    """MELANZANA_ variables of image and Compose are settings with values that they take; all speak of one port and folder."""
    pairs = dict(re.findall(r"\bMELANZANA_([A-Z_]+)=([^\s\\]+)", DOCKERFILE))
    named = {name.removeprefix("MELANZANA_") for service in compose()["services"].values() for name in service["environment"]}
    named = {name for name in named if name != "HOME"} | set(pairs)
    assert {name.lower() for name in named} <= set(ServerSettings.model_fields)
    ServerSettings.model_validate({name.lower(): value for name, value in pairs.items()})
    assert re.findall(r"^EXPOSE (\d+)", DOCKERFILE, re.MULTILINE) == [pairs["PORT"]]
    assert f"127.0.0.1:{pairs['PORT']}/readyz" in DOCKERFILE
    assert re.findall(r"^VOLUME (\S+)", DOCKERFILE, re.MULTILINE) == [pairs["DATA"]]
    (port,) = compose()["services"]["server"]["ports"]
    assert port.rpartition(":")[2] == pairs["PORT"]


def test_compose_builds_this_image_and_lets_it_do_little() -> None:
    """The Dockerfile is there, no file system but the volume is writable, and no capability is left."""
    services = compose()["services"]
    build = services["server"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()
    assert "data:/data" in services["server"]["volumes"]
    for service in services.values():
        assert (service["read_only"], service["cap_drop"], service["image"]) == (True, ["ALL"], "melanzana")


def test_every_command_that_is_called_exists() -> None:
    """Image, Compose and units call commands and options that there are."""
    units = [
        line.split("=", 1)[1].split()[1:] for unit in UNITS for line in unit.read_text("utf-8").splitlines() if "ExecStart=" in line
    ]
    called = [["serve"], compose()["services"]["agent"]["command"], *units]
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name, *arguments in called:
        known = {option for param in commands[name].params for option in param.opts}
        assert {word for word in arguments if word.startswith("--")} <= known, name
    assert len(called) == 4


@pytest.mark.slow
def test_what_the_image_copies_is_enough_for_a_wheel(tmp_path: Path) -> None:
    """The build of the Dockerfile, on the copied files alone, makes a wheel with code, pages and migrations."""
    for source in copied():
        target = tmp_path / "src" / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target)
    found = re.search(r"/build/bin/python (-m hatchling build -t wheel -d) /wheels", DOCKERFILE)
    assert found is not None
    subprocess.run([sys.executable, *found[1].split(), str(tmp_path)], cwd=tmp_path / "src", check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "melanzana/cli/main.py" in names
    for folder, suffix in (
        ("melanzana/storage/migrations/versions/", ".py"),
        ("melanzana/web/", ".html"),
        ("melanzana/web/static/", ".css"),
    ):
        assert [name for name in names if name.startswith(folder) and name.endswith(suffix)], folder


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_units_are_sound_and_exposed_to_little(unit: Path, tmp_path: Path) -> None:
    """systemd finds nothing to complain about, with a program that exists here; its figure of exposure is 4.0 of 10 or less."""
    copy = tmp_path / unit.name.replace("@.", "@rack-1.")
    for name in {unit.name, copy.name}:
        (tmp_path / name).write_text(unit.read_text("utf-8").replace("/opt/melanzana/bin/melanzana", "/bin/true"))
    verified = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    line = ["systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=40", str(copy)]
    exposed = subprocess.run(line, capture_output=True, text=True, check=False)
    assert exposed.returncode == 0, exposed.stdout[-300:] + exposed.stderr
