"""What may be in a suite's archive."""

import stat
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from melanzana.errors import RequestError
from melanzana.protocol import suite_archive
from melanzana.protocol.suite_archive import check, inner_folder, unpack
from support_suites import zipped


def test_a_plain_archive_is_counted_and_unpacked(tmp_path: Path) -> None:
    """Files and bytes are those of the files, which come out as they went in."""
    content = zipped({"a.py": "x = 1\n", "pages/b.py": "y"})
    assert (check(BytesIO(content)).files, check(BytesIO(content)).size) == (2, 7)
    unpack(content, tmp_path)
    assert (tmp_path / "pages" / "b.py").read_text() == "y"


@pytest.mark.parametrize("name", ["../a.py", "/a.py", "a/../../b.py", "a\\..\\b.py", "c:/a.py", "./a.py", "a//b.py"])
def test_names_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    """By both sides, before anything is written."""
    content = zipped({"good.py": "", name: ""})
    with pytest.raises(RequestError, match="leads out"):
        check(BytesIO(content))
    with pytest.raises(RequestError):
        unpack(content, tmp_path)
    assert not list(tmp_path.iterdir())


def test_links_duplicates_bombs_and_nonsense_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with a reason."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        link = zipfile.ZipInfo("a.py")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    for content, why in ((target.getvalue(), "link"), (b"PK no zip", "no whole zip"), (zipped({"a.txt": ""}), "no Python file")):
        with pytest.raises(RequestError, match=why):
            check(BytesIO(content))
    monkeypatch.setattr(suite_archive, "MOST_BYTES", 1000)
    with pytest.raises(RequestError, match="unpacks to more"):
        check(BytesIO(zipped({"a.py": "0" * 1001})))
    monkeypatch.setattr(suite_archive, "MOST_FILES", 1)
    with pytest.raises(RequestError, match="at most 1"):
        check(BytesIO(zipped({"a.py": "", "b.py": ""})))


def test_a_folder_stays_inside() -> None:
    """Of a stored suite; the folder itself is the empty text."""
    assert [inner_folder(text) for text in (None, ".", "a/b/")] == ["", "", "a/b"]
    for text in ("/etc", "../x", "a/../.."):
        with pytest.raises(RequestError):
            inner_folder(text)
