"""Contents come back as they were put, or not at all, whether they lie in a folder or in a bucket."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.errors import NotFoundError, SettingsError, TooLargeError, UnavailableError
from melanzana.storage.blob_places import Place, bucket_of, in_bucket, in_folder
from melanzana.storage.blobs import PART_BYTES, READ_BYTES, BlobStore, path_of
from support_s3 import BUCKET, S3, s3_server


@dataclass
class Kept:
    """A place, and a hand in it."""

    place: Place
    folder: Path
    bucket: S3 | None

    def damage(self, digest: str, content: bytes) -> None:
        if self.bucket is not None:
            self.bucket.objects[f"runs/{path_of(digest)}"] = content
        else:
            (self.folder / path_of(digest)).write_bytes(content)

    def names(self) -> list[str]:
        """Of everything that is kept."""
        if self.bucket is not None:
            return sorted(self.bucket.objects)
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as held:
        yield held


def _bucket(s3: S3, monkeypatch: pytest.MonkeyPatch, address: str = f"s3://{BUCKET}/runs", **changed: str) -> Place:
    for name, value in {**s3.environment(), **changed}.items():
        monkeypatch.setenv(name, value)
    s3.objects.clear()
    s3.seen.clear()
    s3.answering, s3.largest_body = True, 0
    return in_bucket(address)


@pytest.fixture(params=["folder", "bucket"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """One of each kind."""
    if request.param == "folder":
        return Kept(in_folder(tmp_path / "blobs"), tmp_path / "blobs", None)
    return Kept(_bucket(s3, monkeypatch), tmp_path, s3)


@given(content=st.binary(max_size=2_000))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Any content comes back under its SHA-256."""
    store = BlobStore(in_folder(tmp_path_factory.mktemp("blobs")))
    digest = store.put(content)
    assert digest == sha256(content).hexdigest()
    assert store.get(digest) == content


@pytest.mark.parametrize("size", [0, 1, READ_BYTES, READ_BYTES + 1, PART_BYTES, 2 * PART_BYTES + 7])
def test_every_size_comes_back_in_parts(kept: Kept, size: int) -> None:
    """A content of any size comes back, no part larger than the bound, and nothing half-written stays."""
    store = BlobStore(kept.place, maximum_bytes=size)
    content = bytes(range(256)) * (size // 256 + 1)
    with store.draft() as draft:
        for start in range(0, size, 65_536):
            draft.write(content[start : min(start + 65_536, size)])
        digest = store.keep(draft)
    found = store.open(digest)
    parts = list(found.chunks)
    assert (found.size, b"".join(parts)) == (size, content[:size])
    assert max(map(len, parts), default=0) <= 2 * READ_BYTES
    assert len(kept.names()) == 1
    if kept.bucket is not None:
        assert kept.bucket.largest_body <= PART_BYTES
        assert not kept.bucket.uploads


def test_same_content_is_kept_once(kept: Kept) -> None:
    """Putting the same content twice leaves one object, in a folder named by its first digits; a bucket is sent it once."""
    store = BlobStore(kept.place)
    digest = store.put(b"lamp")
    assert store.put(b"lamp") == digest
    assert [name.removeprefix("runs/") for name in kept.names()] == [f"{digest[:2]}/{digest[2:4]}/{digest}"]
    if kept.bucket is not None:
        assert sum(line.startswith("PUT") for line in kept.bucket.seen) == 1


def test_two_servers_share_one_place(kept: Kept) -> None:
    """What one store put, another over the same place gives, and what it deleted is gone for both; deleting again is no error."""
    one, other = BlobStore(kept.place), BlobStore(kept.place)
    digest = one.put(b"lamp")
    assert other.get(digest) == b"lamp"
    other.delete(digest)
    other.delete(digest)
    with pytest.raises(NotFoundError):
        one.get(digest)


def test_unknown_content(kept: Kept) -> None:
    """A digest that nothing was put under is not found."""
    with pytest.raises(NotFoundError):
        BlobStore(kept.place).get("0" * 64)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", "é" * 64])
def test_names_that_are_no_digest(tmp_path: Path, name: str) -> None:
    """What is not a digest never becomes a path."""
    with pytest.raises(NotFoundError):
        BlobStore(in_folder(tmp_path)).get(name)


def test_damaged_content_is_noticed(kept: Kept) -> None:
    """A content that was changed where it lies is refused before any of it is given; a large one never ends."""
    store = BlobStore(kept.place)
    digest = store.put(b"lamp")
    kept.damage(digest, b"lump")
    with pytest.raises(UnavailableError, match="damaged"):
        store.open(digest)
    large = store.put(b"l" * (3 * READ_BYTES))
    kept.damage(large, b"l" * (3 * READ_BYTES - 1) + b"u")
    found, given = store.open(large), 0
    with pytest.raises(UnavailableError, match="damaged"):
        for chunk in found.chunks:
            given += len(chunk)
    assert given < 3 * READ_BYTES


def test_damaged_file_is_mended(tmp_path: Path) -> None:
    """Putting a content again mends a file that was changed on the disk."""
    store = BlobStore(in_folder(tmp_path))
    digest = store.put(b"lamp")
    (tmp_path / path_of(digest)).write_bytes(b"lump")
    store.put(b"lamp")
    assert store.get(digest) == b"lamp"


def test_size_limit(kept: Kept) -> None:
    """One byte over the limit is refused with the limit, before the rest is taken in; exactly the limit is kept."""
    store = BlobStore(kept.place, maximum_bytes=10)
    assert store.get(store.put(b"x" * 10)) == b"x" * 10
    with store.draft() as draft, pytest.raises(TooLargeError) as caught:
        draft.write(b"x" * 10)
        draft.write(b"x")
    assert caught.value.detail == {"maximum": 10}
    assert len(kept.names()) == 1


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A folder that cannot be made is a wrong setting."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError):
        in_folder(tmp_path / "file" / "blobs")


def test_disk_that_does_not_take_it(tmp_path: Path) -> None:
    """A folder that has become a file makes the store unavailable."""
    store = BlobStore(in_folder(tmp_path))
    digest = sha256(b"lamp").hexdigest()
    (tmp_path / digest[:2]).write_text("in the way")
    with pytest.raises(UnavailableError):
        store.put(b"lamp")


def test_bucket_is_looked_at(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start a bucket is written to: a missing one, and keys that may not, are wrong settings, told without the keys."""
    BlobStore(_bucket(s3, monkeypatch)).require()
    with pytest.raises(SettingsError, match="s3://other: there is no such bucket"):
        BlobStore(_bucket(s3, monkeypatch, "s3://other")).require()
    for wrong in ({"AWS_SECRET_ACCESS_KEY": "guessed-secret"}, {"AWS_ACCESS_KEY_ID": "guessed-key"}):
        with pytest.raises(SettingsError, match="may not write") as caught:
            BlobStore(_bucket(s3, monkeypatch, **wrong)).require()
        assert "guessed" not in str(caught.value)
    assert not s3.objects


def test_bucket_that_does_not_answer(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a bucket answers 503, or nobody listens, everything is unavailable with a time to come again; then all is well."""
    store = BlobStore(_bucket(s3, monkeypatch))
    digest = store.put(b"lamp")
    s3.answering = False
    for attempt in (store.require, lambda: store.put(b"other"), lambda: store.open(digest), lambda: store.delete(digest)):
        with pytest.raises(UnavailableError, match=r"attachments|written"):
            attempt()
    s3.answering = True
    assert store.get(digest) == b"lamp"
    with pytest.raises(UnavailableError, match="attachments cannot be reached"):
        BlobStore(_bucket(s3, monkeypatch, AWS_ENDPOINT_URL="http://127.0.0.1:9")).require()


@pytest.mark.parametrize(
    "address",
    [
        "s3://",
        "s3://B",
        "http://bucket",
        "s3://key:secret@bucket",
        "s3://bucket/../up",
        "s3://bucket?x=1",
        "s3://bucket:80",
        "s3://[",
        "bucket",
    ],
)
def test_addresses_that_are_no_bucket(address: str) -> None:
    """What is no bucket's address is refused with an example, and never shown: somebody may have put keys into it."""
    with pytest.raises(SettingsError, match="s3://bucket/folder") as caught:
        bucket_of(address)
    assert "key:secret" not in str(caught.value)
