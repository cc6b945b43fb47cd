"""Lists as files: CSV for people's spreadsheets, JSON for machines; whatever a list shows, by the filter it shows it with.

Pages that save their list ask here, the audit too. A cell that a spreadsheet would run as a formula begins with an apostrophe.
Written in parts: memory does not grow with the rows.
"""

import csv
import io
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi.responses import StreamingResponse

from melanzana.errors import NotFoundError
from melanzana.web.pages import PAGE_HEADERS

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
#: What spreadsheets take for the start of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
Row = Mapping[str, Any]


def safe_cell(value: Any) -> str:
    """A cell as text; lists and objects as JSON, nothing as nothing, and no formulas. Numbers are numbers."""
    if value is None:
        return ""
    if isinstance(value, list | tuple | dict):
        value = json.dumps(value, ensure_ascii=False, default=str)
    text = str(value)
    number = isinstance(value, int | float)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not number else text


def csv_rows(rows: Iterable[Iterable[Any]]) -> str:
    """Some lines of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[safe_cell(cell) for cell in row] for row in rows])
    return text.getvalue()


async def lines(parts: AsyncIterable[Sequence[Row]], columns: Sequence[str], form: str) -> AsyncIterator[str]:
    """The file, some rows at a time. `form`: `csv` with these columns, or `json`, one array with all that a row has."""
    if form == "csv":
        yield csv_rows([columns])
        async for part in parts:
            yield csv_rows([row.get(name) for name in columns] for row in part)
        return
    before = "[\n"
    async for part in parts:
        if part:
            yield before + ",\n".join(json.dumps(dict(row), ensure_ascii=False, default=str) for row in part)
            before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def file_of(name: str, form: str, columns: Sequence[str], parts: AsyncIterable[Sequence[Row]]) -> StreamingResponse:
    """The answer. Raises NotFoundError for another form."""
    if form not in MEDIA_TYPES:
        raise NotFoundError("a list is saved as csv or json")
    headers = {**PAGE_HEADERS, "Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return StreamingResponse(lines(parts, columns, form), media_type=MEDIA_TYPES[form], headers=headers)


async def at_once(rows: Sequence[Row]) -> AsyncIterator[Sequence[Row]]:
    """A list that is at hand."""
    yield rows


def links(path: str, **query: Any) -> list[tuple[str, str]]:
    """For `ui.files`: what the links say and where they lead, with the query of the list that is shown."""
    asked = urlencode({name: value for name, value in query.items() if value})
    return [(form.upper(), f"{path}.{form}" + (f"?{asked}" if asked else "")) for form in MEDIA_TYPES]
