"""Adds a test case to a model file of our text format and leaves every other line, with its comments, as it is.

`melanzana shrink --into` calls it. The result is read before it is handed back: a file that can be read stays one.
"""

import re

from melanzana.errors import FormatError
from melanzana.graph.formats.text import read_text

_SECTION = re.compile(r"^test cases:[ \t]*(?P<rest>[^\n]*)$", re.MULTILINE)
_NEXT_KEY = re.compile(r"^[^\s#]", re.MULTILINE)


def add_test_case(text: str, block: str, file: str = "") -> str:
    """`text` with the entries of `block` (which begins with the line `test cases:`) after its own.

    Errors: `FormatError` when the section is not written as a block, or the text or the result cannot be read.
    """
    read_text(text, file)
    entries = block.partition("\n")[2].rstrip("\n") + "\n"
    found = _SECTION.search(text)
    if found is None:
        whole = text.rstrip("\n") + "\n\n" + block.rstrip("\n") + "\n"
    elif found["rest"].partition("#")[0].strip():
        raise FormatError(f"{file or 'the model'}: its test cases stand in one line; put each on a line of its own")
    else:
        after = _NEXT_KEY.search(text, found.end() + 1)
        end = after.start() if after else len(text)
        own = text[:end].rstrip("\n")
        rest = text[end:]
        whole = own + "\n" + _indented_as(text[found.end() : end], entries) + ("\n" + rest if rest else "")
    read_text(whole, file)
    return whole


def _indented_as(section: str, entries: str) -> str:
    """The entries moved to where those of the section stand."""
    first = re.search(r"^( +)[^\s#]", section, re.MULTILINE)
    width = len(first[1]) if first else 2
    return "".join(" " * (width - 2) + line if width >= 2 else line[2 - width :] for line in entries.splitlines(keepends=True))
