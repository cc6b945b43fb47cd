"""Secrets that a journey used, in every form in which they could be written down, and where a server could have left them."""

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

#: The only files that may hold a secret in clear; both are readable by their owner alone.
KEPT_APART = re.compile(r"secrets/master\.key|agents/[^/]+\.ini")


@dataclass
class Secrets:
    """What must be found nowhere, by a name that a failing test can show."""

    values: dict[str, list[bytes]] = field(default_factory=dict)

    def add(self, name: str, value: str | bytes) -> None:
        """The value itself, and as hex, base64, percent-encoded text."""
        raw = value.encode() if isinstance(value, str) else value
        assert len(raw) >= 12, f"{name} is too short to be recognised"
        forms = {raw, raw.hex().encode(), b64encode(raw).rstrip(b"="), urlsafe_b64encode(raw).rstrip(b"=")}
        if isinstance(value, str):
            forms.add(quote(value, safe="").encode())
        self.values[name] = sorted(forms)

    def add_token(self, name: str, token: str) -> None:
        """A JWT: its signature is what makes it one."""
        self.add(name, token)
        self.add(f"signature of {name}", token.rpartition(".")[2])

    def add_basic(self, name: str, client_id: str, secret: str) -> None:
        """The content of a Basic header."""
        self.values[name] = [b64encode(f"{client_id}:{secret}".encode()).rstrip(b"=")]

    def found_in(self, place: str, content: bytes) -> list[str]:
        """Every secret that stands there, as `name in place`."""
        return [f"{name} in {place}" for name, forms in self.values.items() if any(form in content for form in forms)]


def files(data: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a data folder but those that keep secrets on purpose."""
    for path in sorted(data.rglob("*")):
        name = path.relative_to(data).as_posix()
        if path.is_file() and not KEPT_APART.fullmatch(name):
            yield name, path.read_bytes()


def kept_apart(data: Path) -> list[Path]:
    return [path for path in data.rglob("*") if path.is_file() and KEPT_APART.fullmatch(path.relative_to(data).as_posix())]


def command_lines(pid: int) -> Iterator[tuple[str, bytes]]:
    """What the process list shows of a process and everything below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    for member in sorted(family):
        try:
            yield f"command line of process {member}", Path(f"/proc/{member}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
