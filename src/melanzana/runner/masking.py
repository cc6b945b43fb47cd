"""Takes secrets out of what a run shows, however they are encoded and wherever they were cut in two.

The worker masks its events, its captured output and its attachments with one `Masker`; the agent masks a worker's last words. Line
breaks do not count, so a secret is found that was wrapped into lines. Of a long secret its beginning is enough. Where a text was
shortened, and where a stream goes on later (`MaskedStream`), more than half of a secret is taken for all of it.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from melanzana.runner.disguises import SHORTEST, break_spans, disguises, without_breaks

MASK = "***"
#: So much of a long form is looked for; what follows is masked as far as it agrees.
_LEAST, _MOST = 16, 32
#: Where `failures.cut` and `capture.py` left something out.
_LEFT_OUT = re.compile(r"\n… \d+ (?:characters|bytes) left out …\n")
#: Raw characters kept of a stream, for each of the longest form: every second one may be a line break of two.
_KEPT = 4
_Span = tuple[int, int]


class Masker:
    """Knows the secrets of one run. Without any, everything is given back as it is."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.secrets = frozenset(secrets)
        forms = {form for secret in self.secrets for form in disguises(secret)}
        self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))
        self.longest = max(map(len, self._forms), default=0)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def mask(self, text: str) -> str:
        """`text` without secrets."""
        if not self._forms:
            return text
        pieces, at = [], 0
        for gap in _LEFT_OUT.finditer(text):
            pieces += [self._masked(text[at : gap.start()], at > 0, is_cut=True), gap.group()]
            at = gap.end()
        return "".join([*pieces, self._masked(text[at:], at > 0, is_cut=False)])

    def value(self, value: Any) -> Any:
        """A JSON value without secrets, in the names of its fields neither."""
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, dict):
            return {self.mask(name): self.value(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(inner) for inner in value]
        return MASK if str(value) in self.secrets else value

    def spans(self, text: str, *, opens: bool = False, ends: bool = False) -> list[_Span]:
        """Where secrets are in `text`, in order. `opens`, `ends`: it may begin, or end, in the middle of one."""
        flat = without_breaks(text)
        found = [span for form in self._forms for span in _occurrences(flat, form)]
        if opens:
            found += [(0, length) for form in self._forms if (length := _agreeing_tail(flat, form))]
        if ends:
            found += [(len(flat) - length, len(flat)) for form in self._forms if (length := _agreeing_head(flat, form))]
        return _in_original(text, _merged(found)) if found else []

    def _masked(self, text: str, is_rest: bool, *, is_cut: bool) -> str:
        return redact(text, self.spans(text, opens=is_rest, ends=is_cut))


class MaskedStream:
    """A text that comes in pieces and is shown piece by piece: no secret is shown that lies across them."""

    def __init__(self, masker: Masker) -> None:
        self._masker, self._before = masker, ""

    def feed(self, text: str) -> str:
        """The next piece, masked."""
        if not self._masker or not text:
            return text
        whole, start = self._before + text, len(self._before)
        spans = [(max(0, left - start), right - start) for left, right in self._masker.spans(whole, ends=True) if right > start]
        self._before = whole[-_KEPT * self._masker.longest :]
        return redact(text, spans)


def redact(text: str, spans: Iterable[_Span]) -> str:
    """`text` with a mask at each span; line ends inside a span stay."""
    pieces, at = [], 0
    for start, end in spans:
        pieces += [text[at:start], MASK, "\n" * text.count("\n", start, end)]
        at = end
    return "".join([*pieces, text[at:]])


def _needed(form: str) -> int:
    """How much of a form, from its beginning, is taken for all of it."""
    return len(form) if len(form) <= _LEAST else min(max(_LEAST, len(form) // 2), _MOST)


def _occurrences(flat: str, form: str) -> Iterator[_Span]:
    anchor = form[: _needed(form)]
    start = flat.find(anchor)
    while start >= 0:
        end = start + len(anchor)
        while end - start < len(form) and end < len(flat) and flat[end] == form[end - start]:
            end += 1
        yield start, end
        start = flat.find(anchor, end)


def _least(form: str) -> int:
    """The better half of a form."""
    return min(_needed(form), max(SHORTEST, len(form) // 2 + 1))


def _agreeing_head(flat: str, form: str) -> int:
    """How much of the beginning of `form` stands at the end of `flat`; 0 when that is not most of it."""
    beginning = form[: _least(form)]
    start = flat.find(beginning, max(0, len(flat) - len(form)))
    while start >= 0:
        if form.startswith(flat[start:]):
            return len(flat) - start
        start = flat.find(beginning, start + 1)
    return 0


def _agreeing_tail(flat: str, form: str) -> int:
    """How much of the end of `form` stands at the beginning of `flat`; 0 when that is not most of it."""
    ending = form[-_least(form) :]
    start = flat.rfind(ending, 0, len(form))
    while start >= 0:
        if form.endswith(flat[: start + len(ending)]):
            return start + len(ending)
        start = flat.rfind(ending, 0, start + len(ending) - 1)
    return 0


def _merged(spans: list[_Span]) -> list[_Span]:
    merged: list[_Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _in_original(text: str, spans: list[_Span]) -> list[_Span]:
    """Spans of the text without line breaks, as spans of the text itself."""
    breaks = list(break_spans(text))
    if not breaks:
        return spans
    places: list[int] = []
    at = 0
    for start, end in breaks:
        places.extend(range(at, start))
        at = end
    places.extend(range(at, len(text)))
    return [(places[start], places[end - 1] + 1) for start, end in spans]
