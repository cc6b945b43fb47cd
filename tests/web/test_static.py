"""Vendored files are the published ones, and pages load nothing from elsewhere."""

import hashlib
import re

import pytest

from melanzana.web import documentation
from melanzana.web.documentation import STATIC_FOLDER

SUMS = [line.split(maxsplit=1) for line in (STATIC_FOLDER / "SHA256SUMS").read_text().splitlines()]


@pytest.mark.parametrize(("digest", "name"), SUMS, ids=[name for _, name in SUMS])
def test_a_vendored_file_has_its_published_checksum(digest: str, name: str) -> None:
    """The bytes are the ones whose checksum was written down."""
    assert hashlib.sha256((STATIC_FOLDER / name).read_bytes()).hexdigest() == digest


def test_every_vendored_file_has_a_checksum() -> None:
    """No file stands in a vendored folder without a line in SHA256SUMS."""
    found = {str(path.relative_to(STATIC_FOLDER)) for path in STATIC_FOLDER.glob("*/**/*") if path.is_file()}
    assert found == {name for _, name in SUMS}


def test_the_documentation_page_names_no_other_host() -> None:
    """Every src and href of the page is a path of this server."""
    addresses = re.findall(r'(?:src|href)="([^"]*)"', documentation._PAGE)
    assert addresses
    assert all(address.startswith("/static/") for address in addresses)
    assert "unsafe-inline" not in documentation.CONTENT_POLICY.split("script-src")[1].split(";")[0]
