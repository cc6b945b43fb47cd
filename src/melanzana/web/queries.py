"""Splits what a person writes to find things: `status:failed tag:"night run" lamp`.

The trail of the audit and the list of runs ask here; each says which names it knows and what they mean.
"""

import re
from collections.abc import Collection, Iterator

_WORD = re.compile(r'(?:([a-z]+):)?(?:"([^"]*)"|(\S+))')


def words(text: str, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Name and value; the name is empty for free text, and a name that is none of `names` belongs to it, as in `a:b`.

    A value with spaces stands in double quotes.
    """
    for match in _WORD.finditer(text):
        name, value = match[1] or "", match[2] if match[2] is not None else match[3]
        if name and name not in names:
            name, value = "", match[0]
        yield name, value
