"""73: what may verify and sign tokens here is pinned, and what must not is nowhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[0-9][^\s;\\]*)", re.MULTILINE)


def pinned(path: Path) -> dict[str, str]:
    return {found["name"].lower().replace("_", "-"): found["version"] for found in PIN.finditer(path.read_text("utf-8"))}


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def test_there_are_pins() -> None:
    """The pattern of this file finds the pins of every list."""
    assert PINS
    assert all(pinned(path) for path in PINS)


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.stem)
def test_73_joserfc_is_at_least_1_8_where_it_is_pinned(path: Path) -> None:
    """Earlier versions have known holes."""
    assert version(pinned(path).get("joserfc", "1.8")) >= (1, 8)


def test_73_the_server_has_joserfc_pinned() -> None:
    """At least one list has it, and the range in pyproject.toml allows nothing older."""
    assert any("joserfc" in pinned(path) for path in PINS)
    assert '"joserfc>=1.8"' in (ROOT / "pyproject.toml").read_text("utf-8")


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.stem)
def test_73_neither_python_jose_nor_ecdsa_is_pinned(path: Path) -> None:
    """Both have holes that are not mended; no list of ours draws them in."""
    assert {"python-jose", "ecdsa"}.isdisjoint(pinned(path))
