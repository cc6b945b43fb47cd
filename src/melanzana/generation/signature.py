"""What makes two failures the same one: where it happened, which exception, and the message without what changes from run to run.

`melanzana replay` tells failing from flaky by it, `shrinking/` keeps it while everything else becomes smaller; it depends on the
text alone, so a server can group failures by it (ADR 0021). Of a message only the first line counts, cut to 300 characters, in
which these are masked: identifiers and hexadecimal digits, URLs' hosts, instants, addresses, bytes, and every number, also where it
is part of a word (`run-3f2a` and `run-77b0` are one).
"""

import re
from typing import NamedTuple

MOST_CHARACTERS = 300

#: In this order: what is long before what it is made of.
_MASKS = (
    (re.compile(r"\bb(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"), "<bytes>"),
    (re.compile(r"\b(https?|wss?|ftp)://[^\s/'\"<>]+"), r"\1://<host>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?\b"), "<time>"),
    (re.compile(r"0x[0-9a-fA-F]+\b"), "<address>"),
    (re.compile(r"(?<![0-9a-zA-Z])(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}(?![0-9a-zA-Z])"), "<id>"),
    (re.compile(r"(?<![\w.])[-+]?\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?"), "#"),
    (re.compile(r"\d+"), "#"),
)
_EXCEPTION = re.compile(r"((?:[\w<>]+\.)*[A-Z]\w*)(?=: | \(|$)")


class Signature(NamedTuple):
    """Equal for failures that are the same one."""

    element: str  #: id of the state or action; empty when no step can be named
    exception: str  #: type of the exception; empty when none was raised
    message: str  #: masked

    def __str__(self) -> str:
        return f"{self.exception}: {self.message}" if self.exception else self.message


def signature_of(element: str, message: str) -> Signature:
    """The signature of a step that did not pass. `message` is as a step reports it: `AssertionError: text (file.py:12)`."""
    line = message.strip().partition("\n")[0]
    found = _EXCEPTION.match(line)
    exception = found[1] if found else ""
    text = line[len(exception) :].removeprefix(":").strip()
    return Signature(element, exception, masked(text))


def masked(text: str) -> str:
    """One line without what differs between two runs of the same thing."""
    text = text[: 4 * MOST_CHARACTERS]
    for pattern, word in _MASKS:
        text = pattern.sub(word, text)
    return " ".join(text.split())[:MOST_CHARACTERS]
