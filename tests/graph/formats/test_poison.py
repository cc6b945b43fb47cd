"""Hostile and broken files: each ends in an error that has a name, or in a bounded result, and soon."""

import json
import time

import pytest

from melanzana.errors import FormatError, LimitError, ModelError
from melanzana.graph.formats.reading import read_model
from melanzana.graph.formats.yaml_source import PARSERS, parse_yaml

SOON_SECONDS = 20  #: far above what any of these takes on a busy machine, far below a hang


def _dai(elements: str) -> bytes:
    return f'{{"elements": [{{"id": 0, "type": "Root", "name": "m"}}, {elements}]}}'.encode()


def _numbered(letter: str, count: int, value: str = "") -> bytes:
    return ", ".join(f"{letter}{number}: {value}" for number in range(count)).encode()


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"[" * 200_000, LimitError, "nested more than 64"),
        (b"[" * 200_000 + b"]" * 200_000, LimitError, "nested more than 64"),
        (b'{"a":' * 200_000, LimitError, "nested more than 64"),
        (b"{a: " * 200_000, LimitError, "nested more than 64"),
        (b"- " * 200_000, LimitError, "nested more than 64"),
        (b"? " * 200_000, FormatError, "a key must be text"),
        (b"a: &a [1]\nb: [*a, *a]\n", FormatError, "anchors"),
        (b"!!python/object/apply:os.system ['id']", FormatError, "tags"),
        (b"model: m\nstart: a\nstates: {a: {}, a: {}}", FormatError, "written twice"),
        (b'{"elements": [], "elements": []}', FormatError, "written twice"),
        (b'{"elements": [NaN]}', FormatError, "NaN is not a finite number"),
        (b'{"elements": [-Infinity]}', FormatError, "not a finite number"),
        (b'{"elements": [1e400]}', FormatError, "not a finite number"),
        (b'{"elements": [' + b"9" * 10_000 + b"]}", FormatError, "too long"),
        (b'{"elements": ["\\ud800"]}', FormatError, "surrogate"),
        (b'{"elements": [', FormatError, "not JSON"),
        (b'{"elements": [1] trailing', FormatError, "not JSON"),
        (b'{"' + b'\\"' * 500_000, FormatError, "not JSON"),
        (b"\xef\xbb\xbfmodel: m", FormatError, "byte order mark"),
        ("model: m".encode("utf-16"), FormatError, "UTF-16"),
        ("model: m".encode("utf-16-be"), FormatError, "UTF-16"),
        ("model: m".encode("utf-32"), FormatError, "UTF-16 or UTF-32"),
        (b"model: caf\xe9\n", FormatError, "not UTF-8"),
        (b"model: a\x00b\n", FormatError, "not YAML"),
        (b"", FormatError, "empty"),
        (b"\n\n  \n", FormatError, "empty"),
        (b"hello", FormatError, "this is no model"),
        (b"[1, 2]", FormatError, "this is no model"),
        (b"{}", FormatError, "this is no model"),
        (b"x" * (2 * 1024 * 1024 + 1), LimitError, "bytes"),
        (b"- 1\n" * 260_000, LimitError, "more than 250,000 values"),
        (b"[" + b"1," * 300_000 + b"1]", LimitError, "more than 250,000 values"),
        (b'{"elements":[' + b"1," * 300_000 + b"1]}", LimitError, "more than 250,000 values"),
        (b"model: m\nstart: s0\nstates: {" + _numbered("s", 10_001) + b"}", LimitError, "10,001 states"),
        (b"model: m\nstart: a\nstates: {a: {actions: {" + _numbered("x", 50_001) + b"}}}", LimitError, "50,001 actions"),
        (b"model: m\nstart: a\nstates: {a: }\nvariables: {" + _numbered("v", 257, "text") + b"}", LimitError, "257 variables"),
        (_dai('{"id": 1, "type": "State"}, {"id": 1, "type": "State"}'), FormatError, "the id 1"),
        (_dai('{"id": 99999999999999999999, "type": "State"}'), FormatError, "does not fit 64 bits"),
        (_dai('{"id": 2, "type": "Action", "parentId": 9, "name": "a"}'), FormatError, "belongs to 9"),
        (b'{"models": []}', FormatError, "at least one model"),
        (b'{"models": [{"vertices": 7}]}', FormatError, "must be a list"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_poison_is_refused_by_name(data: bytes, error: type[ModelError], words: str) -> None:
    """Each hostile file is refused with an error of its kind that says what is wrong, long before anybody would call it a hang."""
    started = time.monotonic()
    with pytest.raises(error, match=words):
        read_model(data, "poison")
    assert time.monotonic() - started < SOON_SECONDS


@pytest.mark.parametrize("parser", PARSERS)
def test_deep_yaml_is_refused_by_both_parsers(parser: str) -> None:
    """Neither the pure parser nor libyaml follows deep nesting."""
    with pytest.raises(LimitError):
        parse_yaml("[" * 5_000, parser=parser)


@pytest.mark.parametrize(
    "name", ["__proto__", "constructor", "../../etc/passwd", "=cmd()", "<script>", "a" * 200, "Ünïcödé", "你好", "🍆"]
)
def test_odd_names_are_only_names(name: str) -> None:
    """Names that trick other programs are plain names here, in every format."""
    text = json.dumps({"model": name, "start": name, "states": {name: {}}}).encode()
    assert read_model(text).model.states[0].name == name


@pytest.mark.parametrize("data", [b"\x80", b"{", b"models: 1", b"elements: {}", b"model:\n", b"definition: 1", b"definition:"])
def test_any_nonsense_is_a_model_error(data: bytes) -> None:
    """Small nonsense of each format is an error of a kind that callers expect."""
    with pytest.raises(ModelError):
        read_model(data)
