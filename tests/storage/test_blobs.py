"""Contents come back as they were put, or not at all."""

from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import NotFoundError, SettingsError, TooLargeError, UnavailableError
from melanzana.storage.blobs import BlobStore


@given(content=st.binary(max_size=2_000))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Any content comes back under its SHA-256."""
    store = BlobStore(tmp_path_factory.mktemp("blobs"))
    digest = store.put(content)
    assert digest == sha256(content).hexdigest()
    assert store.get(digest) == content


def test_same_content_is_kept_once(tmp_path: Path) -> None:
    """Putting the same content twice leaves one file, in a folder named by its first digits."""
    store = BlobStore(tmp_path / "blobs")
    digest = store.put(b"lamp")
    assert store.put(b"lamp") == digest
    files = [path.relative_to(tmp_path / "blobs") for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert files == [Path(digest[:2]) / digest[2:4] / digest]


def test_unknown_content(tmp_path: Path) -> None:
    """A digest that nothing was put under is not found."""
    with pytest.raises(NotFoundError):
        BlobStore(tmp_path).get("0" * 64)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", "é" * 64])
def test_names_that_are_no_digest(tmp_path: Path, name: str) -> None:
    """What is not a digest never becomes a path."""
    with pytest.raises(NotFoundError):
        BlobStore(tmp_path).get(name)


def test_damaged_content_is_noticed_and_mended(tmp_path: Path) -> None:
    """A file that was changed on the disk is refused when it is read; putting the content again mends it."""
    store = BlobStore(tmp_path)
    digest = store.put(b"lamp")
    (tmp_path / digest[:2] / digest[2:4] / digest).write_bytes(b"lump")
    with pytest.raises(UnavailableError, match="damaged"):
        store.get(digest)
    store.put(b"lamp")
    assert store.get(digest) == b"lamp"


def test_size_limit(tmp_path: Path) -> None:
    """One byte over the limit is refused with the limit; exactly the limit is kept."""
    store = BlobStore(tmp_path, maximum_bytes=10)
    assert store.get(store.put(b"x" * 10)) == b"x" * 10
    with pytest.raises(TooLargeError) as caught:
        store.put(b"x" * 11)
    assert caught.value.detail == {"maximum": 10}


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A folder that cannot be made is a wrong setting."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError):
        BlobStore(tmp_path / "file" / "blobs")


def test_disk_that_does_not_take_it(tmp_path: Path) -> None:
    """A folder that has become a file makes the store unavailable."""
    store = BlobStore(tmp_path)
    digest = sha256(b"lamp").hexdigest()
    (tmp_path / digest[:2]).write_text("in the way")
    with pytest.raises(UnavailableError):
        store.put(b"lamp")
