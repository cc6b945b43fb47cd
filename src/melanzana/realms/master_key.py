"""The one secret of an installation, kept beside the database and never in it.

`<data>/secrets/master.key` holds 256 random bits, readable by its owner only. Two keys are derived from it: the pepper under the
digests of client secrets, and the key that seals the private signing keys. So a copy of the database alone gives no secret, and a
backup needs both, kept apart.
"""

import hmac
import os
import stat
from base64 import b64decode, b64encode
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes, token_hex

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from melanzana.errors import SettingsError

_SIZE = 32
_NONCE = 12


class MasterKey:
    """Digests client secrets and seals private keys."""

    #: Stored with every digest, so that a new pepper can be told from the old one.
    pepper_version = 1

    def __init__(self, material: bytes) -> None:
        """`material`: 32 random bytes."""
        self._pepper = _derive(material, b"melanzana client secret pepper 1")
        self._sealer = AESGCM(_derive(material, b"melanzana signing key seal 1"))

    @classmethod
    def load(cls, folder: Path) -> "MasterKey":
        """Read `master.key` in the folder, or make it.

        Errors: SettingsError when it cannot be read or made, is damaged, or others may read it.
        """
        path = folder / "master.key"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not path.exists():
                _create(path)
            _check_mode(path)
            return cls(_decode(path))
        except OSError as error:
            raise SettingsError(f"the master key {path} cannot be used: {error.strerror}", field="data") from error

    def digest(self, client_secret: str) -> bytes:
        """What is stored instead of the secret. A fast hash is right here: 256 random bits cannot be guessed."""
        return hmac.digest(self._pepper, client_secret.encode("utf-8", "surrogatepass"), "sha256")

    def seal(self, content: bytes, name: str) -> bytes:
        """Encrypt; only the same `name` opens it again."""
        nonce = token_bytes(_NONCE)
        return nonce + self._sealer.encrypt(nonce, content, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """Errors: SettingsError when it was sealed with another master key or for another name."""
        try:
            return self._sealer.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except InvalidTag:
            raise SettingsError(
                "the signing keys in the database were sealed with another master key; restore secrets/master.key from the backup "
                "that belongs to this database",
                field="data",
            ) from None


def _derive(material: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_SIZE, salt=None, info=purpose).derive(material)


def _create(path: Path) -> None:
    """Write a new key under its name in one step; when another process was faster, its key stays."""
    draft = path.with_name(f".{token_hex(8)}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(b64encode(token_bytes(_SIZE)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _check_mode(path: Path) -> None:
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SettingsError(f"others may read the master key {path}; run: chmod 600 {path}", field="data")


def _decode(path: Path) -> bytes:
    try:
        material = b64decode(path.read_bytes().strip(), validate=True)
    except ValueError:
        material = b""
    if len(material) != _SIZE:
        raise SettingsError(f"the master key {path} is damaged; restore it from a backup", field="data")
    return material


#: What an unknown client's secret is compared with, so that it costs the same as a known one's.
DUMMY_DIGEST = sha256(b"nobody").digest()
