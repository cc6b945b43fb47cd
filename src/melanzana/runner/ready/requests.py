"""The fixture `http`: an httpx client for the run whose requests and answers are kept with the step that made them.

Relative addresses begin at the system under test (`address.py`). Headers and cookies that let somebody in are masked, long bodies
are cut.
"""

from collections.abc import Iterator, Mapping

import httpx

from melanzana.runner.authoring import attach
from melanzana.runner.ready.address import base_url

#: Characters kept of a body.
MOST = 64_000
SECONDS = 30.0
_SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})
_TEXTS = ("text/", "application/json", "application/xml", "application/problem+json", "application/x-www-form-urlencoded")


def http() -> Iterator[httpx.Client]:
    """The client; it is closed when the run ends."""
    numbers = iter(range(1, 10**9))
    hooks = {"response": [lambda answer: _keep(next(numbers), answer)]}
    with httpx.Client(base_url=base_url(), event_hooks=hooks, timeout=SECONDS, follow_redirects=False) as client:
        yield client


def _keep(number: int, answer: httpx.Response) -> None:
    """Attach the request and its answer as one text."""
    answer.read()
    sent = answer.request
    begin = f"{sent.method} {sent.url}\n{_headers(sent.headers)}\n\n{_body(sent.headers, sent.read())}"
    end = f"{answer.status_code} {answer.reason_phrase}\n{_headers(answer.headers)}\n\n{_body(answer.headers, answer.content)}"
    attach(f"{number:03d} {sent.method} {sent.url.path} {answer.status_code}.txt", f"{begin}\n\n{end}\n", "text/plain")


def _headers(headers: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {'(masked)' if name.lower() in _SECRET else value}" for name, value in headers.items())


def _body(headers: Mapping[str, str], content: bytes) -> str:
    kind = headers.get("content-type", "")
    if not kind.startswith(_TEXTS):
        return f"({len(content)} bytes{f' of {kind}' if kind else ''})" if content else ""
    text = content.decode("utf-8", "replace")
    return text if len(text) <= MOST else f"{text[:MOST]}\n({len(text) - MOST} more characters)"
