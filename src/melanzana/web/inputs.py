"""What the fields of a request body hold, where pydantic alone would take more than the served document says."""

import re
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, StrictBool

_DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")


def _is_written_out(value: Any) -> Any:
    """Numbers would be read as seconds since 1970."""
    if isinstance(value, str) and not _DATE.match(value):
        raise ValueError("an instant is written like 2030-01-31T12:00:00Z")
    if isinstance(value, int | float):
        raise ValueError("an instant is text like 2030-01-31T12:00:00Z")
    return value


#: An instant of RFC 3339 with its offset.
Instant = Annotated[AwareDatetime, BeforeValidator(_is_written_out)]
#: true or false, and neither 0 nor "yes".
YesNo = StrictBool
