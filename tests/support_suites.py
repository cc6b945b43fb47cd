"""Zip files of action code, for tests."""

import zipfile
from io import BytesIO


def zipped(files: dict[str, str] | None = None) -> bytes:
    """The archive of these files; by default one empty module."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (files or {"shop.py": ""}).items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return target.getvalue()
