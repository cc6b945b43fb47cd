"""Static files: others' are the published ones, and what never changes under its address is kept for ever."""

import re
import sys
from pathlib import Path

import pytest

from melanzana.web import assets, documentation
from support_app import running_app

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "scripts"))
import vendor  # noqa: E402 - a script, beside the package


def test_vendored_files_are_the_published_ones() -> None:
    """Every file of the manifest has its checksum, nothing else is there, and each package has its licence."""
    assert vendor.check() == []


def test_a_changed_vendored_file_is_found(tmp_path: Path) -> None:
    """One byte more, a file too many and a file too few are each named."""
    copy = tmp_path / "vendor"
    for path in assets.VENDOR_FOLDER.rglob("*"):
        if path.is_file():
            (copy / path.relative_to(assets.VENDOR_FOLDER)).parent.mkdir(parents=True, exist_ok=True)
            (copy / path.relative_to(assets.VENDOR_FOLDER)).write_bytes(path.read_bytes())
    assert vendor.check(copy) == []
    htmx, swagger = (copy / package.folder for package in assets.vendored())
    with (htmx / "htmx.min.js").open("ab") as file:
        file.write(b" ")
    (htmx / "more.js").write_text("", "utf-8")
    (swagger / "NOTICE").unlink()
    wrong = " ".join(vendor.check(copy))
    assert "htmx.min.js is not what was published" in wrong
    assert "more.js is not in the manifest" in wrong
    assert "NOTICE is in the manifest and not in the folder" in wrong


def test_the_integrity_of_a_vendored_file_is_that_of_its_bytes() -> None:
    """What the manifest says and what the browser will compute agree."""
    for package in assets.vendored():
        for name, integrity in package.integrity.items():
            assert assets.integrity_of((assets.VENDOR_FOLDER / package.folder / name).read_bytes()) == integrity


def test_an_asset_that_is_not_there_is_an_error() -> None:
    """A misspelt name in a template is found by the first test that shows the page."""
    with pytest.raises(KeyError):
        assets.asset("melanzana.scss")


@pytest.mark.anyio
async def test_versioned_addresses_are_kept_for_ever_and_plain_ones_are_not(tmp_path: Path) -> None:
    """Under its digest or version a file is immutable; under its plain name the browser asks each time."""
    async with running_app(tmp_path) as app:
        for name in ("melanzana.css", "page.js", "htmx.min.js", "swagger-ui.css"):
            answer = await app.http.get(assets.asset(name))
            assert answer.status_code == 200, name
            assert answer.headers["cache-control"] == assets.FOR_EVER
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        plain = await app.http.get("/static/melanzana.css")
        assert plain.headers["cache-control"] == assets.EACH_TIME
        assert (await app.http.get("/static/000000000000/melanzana.css")).status_code == 404


def test_our_own_sheet_stays_small() -> None:
    """Whoever adds a rule looks first whether one is there already."""
    assert (assets.STATIC_FOLDER / "melanzana.css").stat().st_size <= 16 * 1024


def _loaded(names: set[str]) -> set[str]:
    """These scripts of ours and every one that they import."""
    found: set[str] = set()
    while names:
        name = names.pop()
        found.add(name)
        text = (assets.STATIC_FOLDER / name).read_text("utf-8")
        names |= set(re.findall(r"""(?:from|import)\s*\(?["'](?:\./|[^"']*/)?([\w-]+\.js)["']""", text)) - found
    return found


def test_the_scripts_of_one_page_stay_small() -> None:
    """Whatever template it is made from, a page loads less than 30 KB of our own script."""
    asked = re.compile(r"asset\(['\"]([\w-]+\.js)['\"]\)")
    own = {path.name for path in assets.STATIC_FOLDER.glob("*.js")}
    frame = set(asked.findall((ROOT / "src/melanzana/web/templates/web/layout.html").read_text("utf-8"))) & own
    sizes = {}
    for template in (ROOT / "src" / "melanzana").glob("*/templates/**/*.html"):
        loaded = _loaded(frame | (set(asked.findall(template.read_text("utf-8"))) & own))
        sizes[template.name] = sum((assets.STATIC_FOLDER / name).stat().st_size for name in loaded)
    assert min(sizes.values()) > 0
    assert {name: size for name, size in sizes.items() if size >= 30 * 1024} == {}


def test_templates_name_no_other_host_and_nothing_inline() -> None:
    """No template loads from elsewhere, has a style or event attribute, or a script in the page."""
    templates = sorted((ROOT / "src" / "melanzana").glob("*/templates/**/*.html"))
    assert templates
    for template in templates:
        text = template.read_text("utf-8")
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', text), template
        assert not re.findall(r"\sstyle=|\son[a-z]+=|<style|javascript:", text), template
        assert not re.findall(r"<script(?![^>]*\ssrc=)", text), template


def test_only_the_documentation_page_allows_inline_styles() -> None:
    """Swagger UI needs them; scripts are never inline."""
    assert "unsafe-inline" not in documentation.CONTENT_POLICY.split("script-src")[1].split(";")[0]
