"""A run's file with what the run has attached beside it. `report` and `run --report` write through here.

HTML without a suffix is a folder (`index.html`, `attachments/`), Allure always is; `run.html` and `run.xml` get a folder
`run-attachments/` beside them. Contents are copied one at a time.
"""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from melanzana.errors import SettingsError
from melanzana.reports.files.formats import FOLDER_WRITERS, WRITERS, Format
from melanzana.reports.files.placing import placed

if TYPE_CHECKING:
    from melanzana.reports.files.records import RunData

#: Where contents lie, by SHA-256.
Contents = Mapping[str, Path]
_PAGES = {".html", ".htm"}
#: Formats that say where attached files lie.
_WITH_FILES = {Format.HTML, Format.JUNIT, Format.CTRF, Format.ALLURE}
_BY_SUFFIX = {".xml": Format.JUNIT, ".html": Format.HTML, ".htm": Format.HTML, ".json": Format.JSON, ".csv": Format.CSV}


def wanted_report(text: str) -> tuple[Format, Path]:
    """`FILE` by its suffix, or `FORMAT:FILE`. Errors: BadParameter."""
    word, colon, rest = text.partition(":")
    if colon and rest and word in set(Format):
        return Format(word), Path(rest)
    form = _BY_SUFFIX.get(Path(text).suffix.lower())
    if form is None:
        known = ", ".join(sorted(_BY_SUFFIX))
        raise typer.BadParameter(f"{text!r}: end it in {known}, or say which: ctrf:{text}", param_hint="--report")
    return form, Path(text)


def write(data: "RunData", form: Format, output: Path, contents: Contents) -> None:
    """Errors: SettingsError when something cannot be written."""
    try:
        if form in FOLDER_WRITERS:
            _folder(data, form, output, contents)
        elif form is Format.HTML and output.suffix.lower() not in _PAGES:
            output.mkdir(parents=True, exist_ok=True)
            _one(data, form, output / "index.html", "attachments", contents)
        else:
            _one(data, form, output, f"{output.stem}-attachments", contents)
    except OSError as error:
        raise SettingsError(f"{output} cannot be written: {error.strerror}") from None


def _one(data: "RunData", form: Format, file: Path, folder: str, contents: Contents) -> None:
    if form not in _WITH_FILES:
        _write(file, WRITERS[form](data))
        return
    told = placed(data, (file.parent / folder).as_posix() if form is Format.JUNIT else folder, contents)
    base = Path() if form is Format.JUNIT else file.parent  # CI servers look from where the job runs
    _write(file, WRITERS[form](told))
    _copy(told, base, contents)


def _folder(data: "RunData", form: Format, output: Path, contents: Contents) -> None:
    output.mkdir(parents=True, exist_ok=True)
    told = placed(data, "", contents)
    for name, parts in FOLDER_WRITERS[form](told):
        _write(output / name, parts)
    _copy(told, output, contents)


def _copy(told: "RunData", base: Path, contents: Contents) -> None:
    for one in told.attachments:
        if one.file:
            target = base / one.file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(contents[one.sha256], target)


def _write(file: Path, parts: Iterable[str]) -> None:
    with file.open("wb") as target:
        target.writelines(part.encode() for part in parts)
