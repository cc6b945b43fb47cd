"""The fixtures that every suite has, against a small real server and, of `page`, in Debian's Chromium."""

import http.server
import threading
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from melanzana.generation.step import Verdict
from melanzana.runner.authoring import Attachment
from melanzana.runner.performer import Performed, Performer
from melanzana.runner.ready.address import VARIABLE
from support_suite import loaded, step, write_suite

CODE = """
from melanzana import fixture

def look(http):
    answer = http.post("/echo?x=1", json={"lamp": 2}, headers={"Authorization": "Bearer canary-771", "X-Plain": "yes"})
    assert answer.status_code == 200

def picture(http):
    http.get("/picture")

def open_shop(page):
    page.goto("/")
    assert page.title() == "Shop"

def buy(page):
    page.get_by_role("button", name="Buy").click()
    assert page.get_by_role("status").inner_text() == "2 lamps"

def turn(data, page_number):
    return None

def read(page):
    assert page == 3
"""
PAGE = b"""<!doctype html><title>Shop</title><button onclick="document.querySelector('output').textContent='1 lamp'">Buy</button>
<output role=status></output>"""


class Answers(http.server.BaseHTTPRequestHandler):
    """A page, a picture, and an echo."""

    def do_GET(self) -> None:
        self._answer("image/png" if self.path == "/picture" else "text/html", b"\x89PNG" if self.path == "/picture" else PAGE)

    def do_POST(self) -> None:
        self._answer("application/json", self.rfile.read(int(self.headers["content-length"])))

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "session=canary-772")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def performer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Performer]:
    """Over the suite above, with the server's address in the environment."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv(VARIABLE, f"http://127.0.0.1:{server.server_port}")
    with loaded(write_suite(tmp_path, shop_steps=CODE)) as suite:
        opened = Performer(suite, "Shop")
        try:
            yield opened
        finally:
            opened.close()
            server.shutdown()
            thread.join()
            server.server_close()


def perform(performer: Performer, name: str, **data: int) -> Performed:
    wanted = step(name, **data)
    return performer.perform(wanted, performer.bind(wanted))


def files(performed: Performed) -> dict[str, Attachment]:
    return {note.name: note for note in performed.notes if isinstance(note, Attachment)}


def test_requests_are_kept_with_their_step_and_secrets_are_masked(performer: Performer) -> None:
    """Method, address, headers, both bodies; what lets somebody in is not there."""
    done = perform(performer, "look")
    assert done.verdict is Verdict.PASSED, done.message
    [(name, kept)] = files(done).items()
    text = kept.content.decode()
    assert name == "001 POST /echo 200.txt" and kept.media_type == "text/plain"
    assert "/echo?x=1" in text and text.count('{"lamp":2}') == 2 and "x-plain: yes" in text
    assert "canary" not in text and text.count("(masked)") == 2


def test_bodies_that_are_no_text_are_told_by_their_size(performer: Performer) -> None:
    """And requests are numbered over the run."""
    perform(performer, "look")
    [(name, kept)] = files(perform(performer, "picture")).items()
    assert name == "002 GET /picture 200.txt"
    assert "(4 bytes of image/png)" in kept.content.decode()


def test_a_variable_of_the_same_name_takes_its_place(performer: Performer) -> None:
    """Models that have a variable `page` go on as they did."""
    assert perform(performer, "read", page=3).verdict is Verdict.PASSED


@pytest.mark.slow
def test_a_page_is_pictured_before_steps_and_when_they_fail(performer: Performer) -> None:
    """In Chromium; the trace comes at the end, and its groups are the steps."""
    first = perform(performer, "open_shop")
    assert first.verdict is Verdict.PASSED, first.message
    assert files(first) == {}
    second = perform(performer, "buy")
    assert second.verdict is Verdict.FAILED
    kept = files(second)
    assert set(kept) == {"before.png", "failure.png", "address.txt"}
    assert all(kept[name].content.startswith(b"\x89PNG") for name in ("before.png", "failure.png"))
    assert performer.close() == []
    [trace] = [note for note in performer.take_notes() if isinstance(note, Attachment)]
    with zipfile.ZipFile(BytesIO(trace.content)) as archive:
        assert any(b'"buy"' in archive.read(name) for name in archive.namelist() if name.endswith(".trace"))
