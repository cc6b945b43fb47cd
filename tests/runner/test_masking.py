"""What is secret is not shown, however it is encoded and wherever it is cut."""

import base64
import io
import json
import random
import zipfile
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from melanzana.protocol.events import TEXT_LIMIT, Event, LogWritten, RunFinished, StepFinished
from melanzana.runner.disguises import SECRET_FIELDS, secrets_of, without_breaks
from melanzana.runner.failures import cut
from melanzana.runner.masked_events import masking
from melanzana.runner.masked_files import masked_content
from melanzana.runner.masking import MASK, MaskedStream, Masker
from melanzana.suts.connections import SPECS

SECRETS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Cs"), exclude_characters="*… "), min_size=4, max_size=80
)
CUTS = st.lists(st.floats(0, 1), max_size=12)
NOISE = st.text(st.characters(codec="ascii", exclude_characters="*"), max_size=30)
WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "base64": lambda secret: base64.b64encode(secret.encode()).decode().rstrip("="),
    "wrapped base64": lambda secret: base64.encodebytes(secret.encode()).decode().rstrip("=\n"),
    "url": lambda secret: quote(secret, safe=""),
    "form": quote_plus,
    "json": lambda secret: json.dumps(secret)[1:-1],
    "hex": lambda secret: secret.encode().hex(),
}


def shown(text: str) -> str:
    return without_breaks(text)


def pieces_of(text: str, cuts: list[float]) -> list[str]:
    places = sorted(int(cut_at * len(text)) for cut_at in cuts)
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@given(SECRETS, st.sampled_from(sorted(WAYS)), st.tuples(NOISE, NOISE), CUTS, st.sampled_from(["\n", "\r\n"]))
def test_no_split_of_a_stream_shows_a_secret(
    secret: str, way: str, around: tuple[str, str], cuts: list[float], line_end: str
) -> None:
    """Whatever the encoding, wherever it is cut into pieces and lines: what was shown, put together, has no secret in it."""
    before, after = around
    form = WAYS[way](secret)[: -2 if "base64" in way else None]
    assume(len(without_breaks(form)) >= 4)
    parts = pieces_of(form, cuts)
    stream = MaskedStream(Masker([secret]))
    out = [stream.feed(before + parts[0]), *(stream.feed(part) for part in parts[1:]), stream.feed(after)]
    assert form not in shown("".join(out))
    stream = MaskedStream(Masker([secret]))
    lines = [stream.feed(line_end.join([before, *parts])), stream.feed(line_end + after)]
    assert without_breaks(form) not in shown("".join(lines))


@given(SECRETS, st.binary(max_size=5), st.binary(max_size=5))
def test_base64_is_known_wherever_in_it_the_secret_lies(secret: str, before: bytes, after: bytes) -> None:
    """`user:password` in an Authorization header: at most the bits that are shared with the neighbours are left."""
    text = base64.b64encode(before + secret.encode() + after).decode()
    masked = Masker([secret]).mask(text)
    assert MASK in masked
    assert len(masked) <= len(text) - len(secret) + len(MASK) + 2


@given(NOISE, NOISE)
def test_what_is_not_secret_is_left_as_it_is(before: str, after: str) -> None:
    """Text around a secret is kept, line ends too; a text without any is the same."""
    masker = Masker(["canary-5511"])
    assert masker.mask(before) == before
    assert masker.mask(f"{before}|canary-\r\n5511|{after}") == f"{before}|{MASK}\n|{after}"


def test_where_a_long_text_was_shortened_no_half_of_a_secret_is_left() -> None:
    """The cut in the middle of a long message falls into the secret at some length of what stands before."""
    secret = "canary-0123456789-abcdefghij"
    for before in range(TEXT_LIMIT // 2 - 80, TEXT_LIMIT // 2 + 10):
        text = cut("x" * before + secret + "y" * TEXT_LIMIT)
        masked = Masker([secret]).mask(text)
        assert not any(secret[: at + 15] in masked for at in range(4)), before
    for after in range(TEXT_LIMIT // 2 - 80, TEXT_LIMIT // 2 + 10):
        text = cut("x" * TEXT_LIMIT + secret + "y" * after)
        assert secret[-15:] not in Masker([secret]).mask(text), after


def test_every_text_of_an_event_is_masked_and_nothing_that_the_server_reads() -> None:
    """Message, data and names go through; ids and words of the protocol stay, even when a password is called like one."""
    out: list[Event] = []
    emit = masking(out.append, Masker(["paid", "hunter22"]))
    step = {"number": 1, "iteration": 1, "kind": "action", "element_id": "paid", "target": "paid", "at_seconds": 0.0}
    emit(StepFinished(**step, name="pay", verdict="passed", message="is hunter22", data={"hunter22": ["a hunter22", 1, None]}))
    emit(LogWritten(message="the first half is hunt", step=1))
    emit(LogWritten(message="er22, the second", step=1))
    emit(RunFinished(verdict="passed", reason="exit", message="hunter22"))
    first, *log, last = out
    assert isinstance(first, StepFinished) and isinstance(last, RunFinished)
    assert (first.element_id, first.target, first.message) == ("paid", "paid", "is ***")
    assert first.data == {"***": ["a ***", 1, None]}
    assert [line.message for line in log if isinstance(line, LogWritten)] == ["the first half is hunt", "***, the second"]
    assert last.message == "***"


def test_files_are_masked_by_what_they_are() -> None:
    """Text is masked, an archive inside, other bytes keep their length; a broken archive is not kept."""
    masker = Masker(["hunter22"])
    assert masked_content(masker, b'{"password": "hunter22"}') == b'{"password": "***"}'
    assert masked_content(masker, b"\xff\xfehunter22\x00") == b"\xff\xfe********\x00"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("trace.network", "Authorization: Basic " + base64.b64encode(b"me:hunter22").decode())
        archive.writestr("page.png", random.Random(1).randbytes(4000))
    with zipfile.ZipFile(io.BytesIO(masked_content(masker, file.getvalue()))) as archive:
        assert b"***" in archive.read("trace.network")
        assert archive.read("page.png") == random.Random(1).randbytes(4000)
    assert b"not kept" in masked_content(masker, file.getvalue()[:60])
    assert masked_content(Masker(), b"hunter22") == b"hunter22"


def test_secrets_are_those_of_connections_and_of_variables_that_are_called_so() -> None:
    """Every field that the server seals counts, at any depth; a short value does not."""
    till = {"username": "till", "password": "hunter22", "secret_headers": {"X-Key": "k-123456"}, "token": "abc"}
    sut = {"connections": [till, {"url": "https://me:p%40ss-1@till.example.org/"}]}
    environment = {"SHOP_PASSWORD": "s3cret!", "GITHUB_TOKEN": "ghp_1", "PATH": "/usr/bin"}
    beside = {"TOKEN_URL": "http://x/token", "PASSWORD_FILE": "/run/secrets/x", "USE_TOKEN": "true"}
    assert secrets_of(sut, environment | beside) == {"hunter22", "k-123456", "s3cret!", "ghp_1", "p%40ss-1", "p@ss-1"}


def test_agents_mask_what_the_server_seals() -> None:
    """The fields whose values the server seals, of all types of connection, are those that an agent masks."""
    assert {name for spec in SPECS.values() for name, field in spec.items() if field.secret} == SECRET_FIELDS


@pytest.mark.parametrize("text", ["", "plain", "line\r\nline\n"])
def test_without_secrets_nothing_is_touched(text: str) -> None:
    """A masker that knows nothing costs nothing and changes nothing."""
    masker = Masker()
    assert masker.mask(text) is text and MaskedStream(masker).feed(text) is text and not masker
