"""Text from a system under test, made fit for a file: nothing that XML forbids, no lone surrogates, no formulas in spreadsheets.

What is not allowed is shown as its escape (`\\x1b`), so that it is seen and not lost.
"""

import json
import re
from typing import Any

#: All but what XML 1.0 (section 2.2) allows, and the C1 controls, which it discourages and terminals obey.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
#: What spreadsheets take for the start of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    """Text that XML and HTML can hold."""
    return _FORBIDDEN.sub(_escape, text)


def encodable(text: str) -> str:
    """Text that UTF-8 can hold."""
    return _SURROGATES.sub(_escape, text)


def cell(value: Any) -> Any:
    """A cell of a table; text that a spreadsheet would calculate is marked as text."""
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def to_json(value: Any) -> str:
    """JSON in UTF-8, on one line."""
    return encodable(json.dumps(value, ensure_ascii=False))


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
