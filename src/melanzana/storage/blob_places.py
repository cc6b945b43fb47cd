"""Where contents can lie: a folder of this machine, or a bucket that answers as Amazon's S3 does.

`blobs.py` puts, gets and deletes through one interface (obstore) and asks the place only what differs: how to make sure that a
content is on the disk, and whether one that is there needs no second look. `server/services.py` chooses by the setting
`attachments`. Keys of the bucket come from the usual `AWS_…` variables, which obstore reads; nothing here holds or prints them.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from melanzana.errors import SettingsError

if TYPE_CHECKING:
    from obstore.store import S3Config

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?!\.)[\w.=-]+(/(?!\.)[\w.=-]+)*")
_SHAPE = "attachments must be an address such as s3://bucket or s3://bucket/folder"
#: Seconds: to connect; for one request; after which none is tried again. A report of an agent waits 8 seconds longer than asked.
_CONNECT, _REQUEST, _TRIES = timedelta(seconds=2), timedelta(seconds=15), timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place and its habits."""

    store: ObjectStore
    shown: str  #: as messages name it; no secrets
    made_durable: Callable[[str], None]  #: called with the path of what was just written. Errors: OSError
    trusted: bool  #: whether a content that is there with the right size is taken to be right: the place checks by itself
    is_local: bool


def in_folder(folder: Path) -> Place:
    """Errors: SettingsError when the folder cannot be made."""
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        store = LocalStore(folder)
    except (OSError, BaseError) as error:
        raise SettingsError(f"the blob folder {folder} cannot be used: {error}", field="data") from error
    return Place(
        store=store,
        shown=str(folder),
        made_durable=lambda path: _synchronise(folder / path),
        trusted=False,
        is_local=True,
    )


def in_bucket(address: str, endpoint: str | None = None) -> Place:
    """Nothing is asked of the bucket yet (`BlobStore.require`). Errors: SettingsError for an address that cannot be one."""
    bucket, prefix = bucket_of(address)
    options: S3Config = {} if endpoint is None else {"endpoint": endpoint.rstrip("/")}
    try:
        store = S3Store(
            bucket,
            prefix=prefix or None,
            client_options={"connect_timeout": _CONNECT, "timeout": _REQUEST, "allow_http": True},
            retry_config={"max_retries": 2, "retry_timeout": _TRIES},
            config=options,
        )
    except BaseError as error:
        raise SettingsError(
            f"{address} cannot be used: {type(error).__name__}; look at the AWS_… variables", field="attachments"
        ) from None
    return Place(store=store, shown=address, made_durable=lambda _path: None, trusted=True, is_local=False)


def bucket_of(address: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`. Errors: SettingsError."""
    try:
        parts = urlsplit(address)
        plain = not (parts.query or parts.fragment or parts.username or parts.password or parts.port)
    except ValueError:
        raise SettingsError(_SHAPE, field="attachments") from None
    bucket, prefix = parts.netloc, parts.path.strip("/")
    if parts.scheme != "s3" or not plain or not _BUCKET.fullmatch(bucket) or (prefix and not _PREFIX.fullmatch(prefix)):
        raise SettingsError(f"{_SHAPE}; keys belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", field="attachments")
    return bucket, prefix


def _synchronise(file: Path) -> None:
    """Make the file and the entries that lead to it survive a power cut."""
    for path in (file, file.parent, file.parent.parent, file.parent.parent.parent):
        if path.is_dir() and os.name == "nt":
            continue  # Windows cannot open folders, and needs no such call
        descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
