"""Keeps `web/static/vendor` honest: published bytes of others, each with version, licence and checksums.

`vendor.py --check` needs nothing but Python: every file of the manifest is there with its checksum, and nothing else is.
`vendor.py` fetches the packages listed below from the npm registry with `npm pack`, checks what npm itself recorded about each,
takes the files that we serve, and writes the manifest anew. To change a version, change it here and run it. A test runs the check.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).parents[1] / "src" / "melanzana" / "web" / "static" / "vendor"
MANIFEST = VENDOR / "MANIFEST.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A package, and the files of it that we serve."""

    name: str
    version: str
    licence: str  #: SPDX identifier
    files: tuple[str, ...]  #: paths in the package; they land side by side

    @property
    def folder(self) -> str:
        return f"{self.name}-{self.version}"


WANTED = (
    Wanted(name="htmx.org", version="4.0.1", licence="0BSD", files=("dist/htmx.min.js", "dist/ext/hx-sse.min.js", "LICENSE")),
    Wanted(
        name="swagger-ui-dist",
        version="5.35.0",
        licence="Apache-2.0",
        files=(
            "swagger-ui-bundle.js",
            "swagger-ui-bundle.js.LICENSE.txt",
            "swagger-ui.css",
            "favicon-32x32.png",
            "LICENSE",
            "NOTICE",
        ),
    ),
)


def check(vendor: Path = VENDOR) -> list[str]:
    """What is wrong, one sentence each; nothing when all is well."""
    packages: list[dict[str, Any]] = json.loads((vendor / "MANIFEST.json").read_text("utf-8"))["packages"]
    listed = {f"{each['name']}-{each['version']}/{name}": entry for each in packages for name, entry in each["files"].items()}
    found = {str(path.relative_to(vendor)) for path in vendor.glob("*/**/*") if path.is_file()}
    wrong = [f"{name} is not in the manifest" for name in sorted(found - set(listed))]
    wrong += [f"{name} is in the manifest and not in the folder" for name in sorted(set(listed) - found)]
    wrong += [f"{name} is not what was published" for name in sorted(found & set(listed)) if _entry(vendor / name) != listed[name]]
    wrong += [f"{each['name']} has no LICENSE" for each in packages if "LICENSE" not in each["files"]]
    recorded = {(each["name"], each["version"], each["licence"]) for each in packages}
    stale = recorded ^ {(each.name, each.version, each.licence) for each in WANTED}
    return wrong + [f"{name} {version} ({licence}): run scripts/vendor.py" for name, version, licence in sorted(stale)]


def _entry(path: Path) -> dict[str, str]:
    content = path.read_bytes()
    integrity = base64.b64encode(hashlib.sha384(content).digest()).decode()
    return {"sha256": hashlib.sha256(content).hexdigest(), "integrity": f"sha384-{integrity}"}


def fetch() -> None:
    """Replace the folder by what npm has published."""
    with tempfile.TemporaryDirectory() as folder:
        for wanted in WANTED:
            archive = _pack(wanted, Path(folder))
            _take(wanted, archive, Path(folder) / "new")
        for old in VENDOR.iterdir() if VENDOR.exists() else ():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.copytree(Path(folder) / "new", VENDOR, dirs_exist_ok=True)
    write_manifest()


def _pack(wanted: Wanted, folder: Path) -> Path:
    command = ["npm", "pack", "--json", "--ignore-scripts", f"{wanted.name}@{wanted.version}"]
    told = json.loads(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout)[0]
    archive = folder / str(told["filename"])
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if told["integrity"] != f"sha512-{digest}":
        raise SystemExit(f"vendor: {wanted.folder} is not what the registry recorded")
    return archive


def _take(wanted: Wanted, archive: Path, folder: Path) -> None:
    target = folder / wanted.folder
    target.mkdir(parents=True)
    with tarfile.open(archive) as packed:
        for name in wanted.files:
            member = packed.extractfile(f"package/{name}")
            assert member is not None, f"{wanted.folder} has no {name}"
            (target / Path(name).name).write_bytes(member.read())


def write_manifest() -> None:
    """Record every file that is wanted, as it lies in the folder."""
    packages = [
        {
            "name": wanted.name,
            "version": wanted.version,
            "licence": wanted.licence,
            "files": {Path(name).name: _entry(VENDOR / wanted.folder / Path(name).name) for name in wanted.files},
        }
        for wanted in WANTED
    ]
    MANIFEST.write_text(json.dumps({"packages": packages}, indent=2) + "\n", "utf-8")


def main() -> None:
    """`vendor.py` fetches, `vendor.py --check` only looks."""
    if sys.argv[1:] not in ([], ["--check"]):
        raise SystemExit("usage: scripts/vendor.py [--check]")
    if not sys.argv[1:]:
        fetch()
    if wrong := check():
        raise SystemExit("\n".join(f"vendor: {each}" for each in wrong))


if __name__ == "__main__":
    main()
