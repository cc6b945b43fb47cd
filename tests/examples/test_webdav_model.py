"""The WebDAV model performed against the real server: it passes when the server is healthy and finds every planted fault."""

from collections.abc import Iterator

import pytest

from melanzana.generation.step import StepKind, Verdict
from melanzana.runner.suite import Suite
from support_suite import loaded
from support_walking import read, walk_through
from support_webdav import WEBDAV, running_webdav

pytestmark = pytest.mark.slow
EXPRESSION = "weighted(transition_coverage(100) or actions(400))"
MODEL = WEBDAV / "webdav.yaml"


@pytest.fixture
def suite(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Suite]:
    """The example's action code, speaking to a server with the fault that the parameter names, if any."""
    monkeypatch.syspath_prepend(str(WEBDAV / "suite"))
    with running_webdav(getattr(request, "param", None)) as url:
        monkeypatch.setenv("WEBDAV_URL", url)
        with loaded(WEBDAV / "suite") as suite:
            yield suite


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_healthy_server_passes(suite: Suite, seed: int) -> None:
    """Whatever the seed, a healthy server passes, and the run tidies up after itself."""
    walked = walk_through(read(MODEL), EXPRESSION, seed, suite)
    assert walked.outcome.verdict is Verdict.PASSED, walked.outcome.message
    assert walked.steps[-1].name == "Cleanup"
    assert walked.teardown == ()
    assert walked.walk.coverage.report().transitions.ratio > 0.9


@pytest.mark.parametrize("case", [case.name for case in read(MODEL).test_cases])
def test_the_test_cases_pass(suite: Suite, case: str) -> None:
    """Every test case of the model passes against a healthy server."""
    walked = walk_through(read(MODEL), f'directed("{case}")', 1, suite)
    assert walked.outcome.verdict is Verdict.PASSED, walked.outcome.message


@pytest.mark.parametrize(
    "suite",
    [
        "lost-overwrite",
        "stale-etag",
        "copy-drops-content",
        "move-leaves-source",
        "forgetful-delete",
        "short-listing",
        "ignored-lock",
        "sticky-lock",
        "blind-update",
    ],
    indirect=True,
)
def test_a_planted_fault_is_found(suite: Suite) -> None:
    """A walk over the model fails on every fault, and the failing step names the rule that the server broke."""
    walked = walk_through(read(MODEL), EXPRESSION, 7, suite)
    assert walked.outcome.verdict is Verdict.FAILED
    assert "RFC" in walked.outcome.message or "bytes, expected" in walked.outcome.message
    assert any(step.kind is StepKind.STATE and step.name == "Error" for step in walked.steps)
