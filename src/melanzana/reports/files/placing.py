"""Where the attachments of a run lie beside the file that tells of it: one name for each content, safe on every system. Pure.

`cli/report.py` writes the contents there; the writers link to them.
"""

import re
from collections.abc import Collection
from dataclasses import replace

from melanzana.reports.files.records import Attachment, RunData

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 80


def placed(run: RunData, folder: str, available: Collection[str] | None = None) -> RunData:
    """The run with a place in `folder` for every attachment, or for those whose SHA-256 is `available`."""
    found = tuple(_placed(one, folder) if available is None or one.sha256 in available else one for one in run.attachments)
    return replace(run, attachments=found)


def _placed(one: Attachment, folder: str) -> Attachment:
    name = _UNSAFE.sub("_", one.name).strip("._")[-_LONGEST:] or "file"
    file = f"{one.step or 0:04d}-{one.sha256[:12]}-{name}"
    return replace(one, file=f"{folder}/{file}" if folder else file)
