"""Takes secrets out of files that are kept with a run, before they are hashed: text, and the text inside a ZIP (a browser's trace).

Other files keep their length: what is the secret in plain bytes becomes asterisks. Pictures show what the screen showed.
"""

import io
import zipfile

from melanzana.runner.disguises import disguises
from melanzana.runner.masking import Masker

_ZIP = b"PK\x03\x04"
#: An archive that unpacks to more than this is kept out of the report, in bytes.
UNPACKED_LIMIT = 256 * 2**20
_NOT_KEPT = b"This archive was not kept: it is too large, or too broken, to be searched for secrets.\n"


def masked_content(masker: Masker, content: bytes) -> bytes:
    """`content` without the secrets of the run."""
    if not masker:
        return content
    if content.startswith(_ZIP):
        return _masked_archive(masker, content)
    try:
        return masker.mask(content.decode("utf-8")).encode("utf-8")
    except UnicodeDecodeError:
        return _masked_bytes(masker, content)


def _masked_bytes(masker: Masker, content: bytes) -> bytes:
    for secret in masker.secrets:
        for form in disguises(secret):
            plain = form.encode("utf-8", "surrogatepass")
            content = content.replace(plain, b"*" * len(plain))
    return content


def _masked_archive(masker: Masker, content: bytes) -> bytes:
    target = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as masked:
            if sum(entry.file_size for entry in source.infolist()) > UNPACKED_LIMIT:
                return _NOT_KEPT
            for entry in source.infolist():
                inner = source.read(entry)
                kept = _masked_bytes(masker, inner) if inner.startswith(_ZIP) else masked_content(masker, inner)
                masked.writestr(zipfile.ZipInfo(masker.mask(entry.filename), entry.date_time), kept, zipfile.ZIP_DEFLATED)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError):
        return _NOT_KEPT
    return target.getvalue()
