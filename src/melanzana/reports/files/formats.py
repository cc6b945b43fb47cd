"""The formats by name: the command line and the server write through this table."""

from collections.abc import Callable, Iterator
from enum import StrEnum

from melanzana.reports.files.allure import allure_files
from melanzana.reports.files.ctrf import ctrf
from melanzana.reports.files.junit import junit
from melanzana.reports.files.page import html
from melanzana.reports.files.records import RunData
from melanzana.reports.files.rows import csv_rows, json_document


class Format(StrEnum):
    """What a run can be written as."""

    JUNIT = "junit"
    CTRF = "ctrf"
    ALLURE = "allure"  #: a folder
    HTML = "html"
    JSON = "json"
    CSV = "csv"


Writer = Callable[[RunData], Iterator[str]]
#: Formats that are one file, as text in parts.
WRITERS: dict[Format, Writer] = {
    Format.JUNIT: junit,
    Format.CTRF: ctrf,
    Format.HTML: html,
    Format.JSON: json_document,
    Format.CSV: csv_rows,
}
#: Formats that are a folder: names, each with its text in parts.
FOLDER_WRITERS: dict[Format, Callable[[RunData], Iterator[tuple[str, Iterator[str]]]]] = {Format.ALLURE: allure_files}
MEDIA_TYPES = {
    Format.JUNIT: "application/xml; charset=utf-8",
    Format.CTRF: "application/json",
    Format.HTML: "text/html; charset=utf-8",
    Format.JSON: "application/json",
    Format.CSV: "text/csv; charset=utf-8",
}
