"""The master key is made once, kept private, and opens only what it sealed."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from melanzana.errors import SettingsError
from melanzana.realms.master_key import MasterKey


def test_made_once(tmp_path: Path) -> None:
    """The first load makes a private file; later loads give the same key."""
    folder = tmp_path / "secrets"
    first, second = MasterKey.load(folder), MasterKey.load(folder)
    assert first.digest("x") == second.digest("x")
    assert stat.S_IMODE((folder / "master.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["master.key"]


def test_made_once_by_many(tmp_path: Path) -> None:
    """Processes that start together end up with one key."""
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: MasterKey.load(tmp_path / "secrets"), range(8)))
    assert len({key.digest("x") for key in keys}) == 1


def test_readable_by_others(tmp_path: Path) -> None:
    """A key file that others may read is refused with the command that mends it."""
    MasterKey.load(tmp_path)
    (tmp_path / "master.key").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        MasterKey.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"too short", b"\xff\xfe", b"A" * 100])
def test_damaged(tmp_path: Path, content: bytes) -> None:
    """A damaged key file is refused and left as it is."""
    MasterKey.load(tmp_path)
    (tmp_path / "master.key").write_bytes(content)
    with pytest.raises(SettingsError, match="damaged"):
        MasterKey.load(tmp_path)
    assert (tmp_path / "master.key").read_bytes() == content


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A folder that cannot be made is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"master\.key"):
        MasterKey.load(tmp_path / "file" / "secrets")


def test_sealed_content(tmp_path: Path) -> None:
    """What is sealed opens under its own name and master key only, and reads differently each time."""
    master, other = MasterKey(b"a" * 32), MasterKey(b"b" * 32)
    sealed = master.seal(b"secret", "kid")
    assert b"secret" not in sealed
    assert sealed != master.seal(b"secret", "kid")
    assert master.open(sealed, "kid") == b"secret"
    for opener, content, name in ((other, sealed, "kid"), (master, sealed, "kid2"), (master, sealed[:-1] + b"x", "kid")):
        with pytest.raises(SettingsError):
            opener.open(content, name)
