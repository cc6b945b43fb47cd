"""`melanzana check MODEL`: what the rules, and a search over states and data, say about a model file; for people and for CI.

Exit codes: 0 nothing at or above `--fail-on`; 1 findings there, or a file that cannot be read as a model; 2 no such file, or an
unknown code.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from melanzana.cli.checking.report import Checked, print_text, to_json
from melanzana.cli.joined_files import joined
from melanzana.cli.model_files import folder_of, read_bytes
from melanzana.errors import ModelError
from melanzana.graph.findings import Finding, Severity, has_errors

if TYPE_CHECKING:
    from melanzana.graph.formats.reading import ReadResult
    from melanzana.graph.model import Model

_RANK = {"error": 2, "warning": 1, "info": 0, "never": 3}
_EXIT_FOUND, _EXIT_USAGE = 1, 2


class FailOn(StrEnum):
    """From which severity on a finding fails the check."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


class Format(StrEnum):
    """What is printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


class _Asked(NamedTuple):
    """What is to be looked at besides the model."""

    suite: Path | None
    path: str | None
    joined: "Model | None"  #: the model together with others, when it is looked at with them


def check(  # noqa: PLR0917 - one parameter a flag
    model: Annotated[Path, typer.Argument(help="The model's file, in any format; - reads standard input.", show_default=False)],
    suite: Annotated[
        Path | None, typer.Option(help="Folder of action code that must have what the model names.", show_default=False)
    ] = None,
    path: Annotated[str | None, typer.Option(help="Path expression that must be right and can be met.", show_default=False)] = None,
    join: Annotated[
        list[Path] | None, typer.Option(help="File of a model joined to this one by shared states.", show_default=False)
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option(help="Exit with 1 when there are findings of this severity or a higher one.")
    ] = FailOn.ERROR,
    form: Annotated[Format, typer.Option("--format", help="Lines, one JSON document, or SARIF 2.1.0.")] = Format.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    select: Annotated[
        list[str] | None, typer.Option(metavar="CODES", help="Only these codes, with commas between.", show_default=False)
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="CODES", help="All codes but these, with commas between.", show_default=False)
    ] = None,
) -> None:
    """Check a model file: rules, reachability, guards, limits, test cases."""
    wanted, unwanted = _codes(select, "--select"), _codes(ignore, "--ignore")
    name = "<stdin>" if str(model) == "-" else str(model)
    data = read_bytes(model)
    result, found = _examine(data, name, folder_of(model), _Asked(suite, path, _joined(model, join)))
    shown = tuple(one for one in found if (not wanted or one.code in wanted) and one.code not in unwanted)
    lines = tuple(data.decode("utf-8", "replace").splitlines())
    _print(Checked(name=name, lines=lines, result=result, findings=shown), Format.JSON if as_json else form)
    if any(_RANK[finding.severity] >= _RANK[fail_on] for finding in shown):
        raise typer.Exit(_EXIT_FOUND)


def _joined(model: Path, others: list[Path] | None) -> "Model | None":
    """What the files are together; None when there are no others."""
    if not others:
        return None
    if str(model) == "-":
        raise typer.BadParameter("models are joined from files: standard input is read once", param_hint="--join")
    return joined(model, others)


def _codes(given: list[str] | None, option: str) -> frozenset[str]:
    """The codes named, each known."""
    if not given:
        return frozenset()
    from difflib import get_close_matches

    from melanzana.graph.catalogue import CODES

    codes = frozenset(code.strip() for text in given for code in text.split(",") if code.strip())
    for code in sorted(codes - CODES.keys()):
        near = get_close_matches(code, CODES, n=1)
        raise typer.BadParameter(f"there is no code {code!r}" + (f"; did you mean {near[0]}?" if near else ""), param_hint=option)
    return codes


def _examine(data: bytes, name: str, folder: Path | None, asked: _Asked) -> "tuple[ReadResult | None, list[Finding]]":
    """The model, if the file holds one, and all findings in the order of the file."""
    from melanzana.generation.checking.semantics import examine
    from melanzana.graph.formats.reading import read_model

    try:
        result = read_model(data, name, folder)
    except ModelError as error:
        return None, [_of_error(error)]
    if asked.joined is not None:
        result = replace(result, model=asked.joined)
    found = examine(result.model)
    findings = result.locate((*result.notes, *found, *_besides(result, asked, has_errors(found))))
    return result, sorted(findings, key=lambda finding: (finding.line is None, finding.line or 0, finding.column or 0))


def _besides(result: "ReadResult", asked: _Asked, broken: bool) -> Iterator[Finding]:
    """What the suite and the path expression give; neither is asked about a model with errors."""
    if asked.suite is not None and not broken:
        from melanzana.cli.checking.suite import check_suite

        yield from check_suite(result.model, asked.suite)
    if asked.path is not None and not broken:
        from melanzana.generation.checking.semantics import check_path

        yield from (replace(finding, element_id=None) for finding in check_path(asked.path, result.model))


def _print(checked: Checked, form: Format) -> None:
    if form is Format.TEXT:
        print_text(checked)
        return
    if form is Format.SARIF:
        from melanzana.cli.checking.sarif import to_sarif

        document = to_sarif(checked)
    else:
        document = to_json(checked)
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _of_error(error: ModelError) -> Finding:
    detail = error.detail
    return Finding(
        code=error.code,
        severity=Severity.ERROR,
        message=error.message,
        line=detail.get("line"),
        column=detail.get("column"),
        suggestion=detail.get("suggestion"),
    )
