"""Static files and their addresses: ours under a digest of them all, others' under their version, so both may be kept for ever.

Templates name a file (`asset("melanzana.css")`, `asset("htmx.min.js")`) and get its address and its integrity. `server/routes.py`
mounts `static_files()`. `vendor/MANIFEST.json` says what is not ours, with version, licence and checksums; `scripts/vendor.py`
writes and checks it.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC_FOLDER = Path(__file__).parent / "static"
VENDOR_FOLDER = STATIC_FOLDER / "vendor"
STATIC_PATH = "/static"
FOR_EVER = "public, max-age=31536000, immutable"
#: A plain name: the browser asks each time whether the file changed.
EACH_TIME = "no-cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class VendoredPackage:
    """One package of other people that the server serves."""

    name: str
    version: str
    licence: str  #: SPDX identifier
    files: Mapping[str, str]  #: name in the package's folder to its SHA-256, hexadecimal
    integrity: Mapping[str, str]  #: the same names to `sha384-…`, as browsers check it

    @property
    def folder(self) -> str:
        """Its folder below `vendor`."""
        return f"{self.name}-{self.version}"


@cache
def vendored() -> tuple[VendoredPackage, ...]:
    """Every package of the manifest, in its order."""
    manifest: dict[str, Any] = json.loads((VENDOR_FOLDER / "MANIFEST.json").read_text("utf-8"))
    return tuple(
        VendoredPackage(
            name=package["name"],
            version=package["version"],
            licence=package["licence"],
            files={name: entry["sha256"] for name, entry in package["files"].items()},
            integrity={name: entry["integrity"] for name, entry in package["files"].items()},
        )
        for package in manifest["packages"]
    )


def asset(name: str) -> str:
    """The address of one of our files or of a vendored one. KeyError when there is none of that name."""
    return _addresses()[name][0]


def integrity(name: str) -> str:
    """What the browser compares the file's bytes with before it uses them."""
    return _addresses()[name][1]


def integrity_of(content: bytes) -> str:
    """`sha384-…` of these bytes (Subresource Integrity)."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


@cache
def own_digest() -> str:
    """Changes when any of our own files does; modules import each other by relative paths, so one digest names them all."""
    whole = hashlib.sha256()
    for path in _own_files():
        whole.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:12]


def _own_files() -> list[Path]:
    return sorted(path for path in STATIC_FOLDER.iterdir() if path.suffix in {".css", ".js", ".svg"})


@cache
def _addresses() -> dict[str, tuple[str, str]]:
    found = {path.name: (f"{STATIC_PATH}/{own_digest()}/{path.name}", integrity_of(path.read_bytes())) for path in _own_files()}
    for package in vendored():
        for name, digest in package.integrity.items():
            if name != "LICENSE":
                found[name] = (f"{STATIC_PATH}/vendor/{package.folder}/{name}", digest)
    return found


class _CachedFiles(StaticFiles):
    """Files under an address that changes with their content are kept for ever, others are asked about each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        prefix, _, rest = path.partition("/")
        answer = await super().get_response(rest if rest and prefix == own_digest() else path, scope)
        if answer.status_code < 400:
            lasting = prefix in {own_digest(), "vendor"} and not path.endswith(".json")
            answer.headers["Cache-Control"] = FOR_EVER if lasting else EACH_TIME
        answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return answer


def static_files() -> StaticFiles:
    """The app that serves `web/static`, to be mounted at `/static`."""
    return _CachedFiles(directory=STATIC_FOLDER)
