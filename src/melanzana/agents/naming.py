"""What an agent and its labels may be called."""

import re
from collections.abc import Collection

from melanzana.errors import RequestError

_NAME = re.compile(r"\w[\w.-]{0,99}")
_RESERVED = frozenset({"any", "default"})  #: a start call's word for every agent; a section that `.ini` readers treat apart
_MOST_LABELS, _LABEL_CHARACTERS = 64, 256


def check_name(name: str) -> None:
    """Raises RequestError."""
    if not _NAME.fullmatch(name) or name.isdigit() or name.lower() in _RESERVED:
        raise RequestError(
            "name may hold letters, digits, '.', '_' and '-', up to 100, without spaces; not only digits, not 'any' or 'default'",
            field="name",
        )


def check_labels(labels: Collection[str]) -> None:
    """Raises RequestError."""
    if len(labels) > _MOST_LABELS or not all(label.strip() == label and 0 < len(label) <= _LABEL_CHARACTERS for label in labels):
        raise RequestError(
            f"labels: at most {_MOST_LABELS}, each of 1 to {_LABEL_CHARACTERS} characters, no spaces at its ends", field="labels"
        )
