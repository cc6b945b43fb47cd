"""The examples as the product sees them: their models are valid, every step finds its code, and runs come out as they should."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from melanzana.generation.step import Verdict
from melanzana.graph.validation import validate
from support_suite import loaded
from support_walking import read, walk_through

EXAMPLES = Path(__file__).parents[2] / "examples"
SHOP, WEBDAV = EXAMPLES / "first" / "shop.yaml", EXAMPLES / "webdav" / "webdav.yaml"
WEBSHOP = EXAMPLES / "webshop" / "webshop.yaml"
ENOUGH = "weighted(transition_coverage(100) or actions(1000))"


@pytest.fixture(autouse=True)
def import_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Loading a suite puts its folder on the import path; each test begins and ends without it."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield


@pytest.mark.parametrize("file", [SHOP, WEBDAV, WEBSHOP], ids=lambda file: file.stem)
def test_the_models_are_valid_without_a_remark(file: Path) -> None:
    """Validation has nothing to say about the models of the examples, not even a hint."""
    assert validate(read(file)) == ()


@pytest.mark.parametrize("file", [SHOP, WEBDAV], ids=lambda file: file.stem)
def test_every_action_names_a_requirement_unless_it_only_moves(file: Path) -> None:
    """An action with code says which requirement it is about."""
    actions = [action for _, action in read(file).actions()]
    assert [action.name for action in actions if action.snippets and not action.requirements] == []


@pytest.mark.parametrize("file", [SHOP, WEBDAV, WEBSHOP], ids=lambda file: file.stem)
def test_every_element_can_be_reached(file: Path) -> None:
    """A long dry run covers every state, action and transition of the model."""
    report = walk_through(read(file), ENOUGH, seed=3).walk.coverage.report()
    measures = (report.states, report.actions, report.transitions)
    assert [measure.covered for measure in measures] == [measure.total for measure in measures]


@pytest.mark.parametrize("seed", range(5))
def test_the_shop_passes(seed: int) -> None:
    """The tutorial's model, performed, covers the shop and passes."""
    with loaded(SHOP.parent / "suite") as suite:
        walked = walk_through(read(SHOP), ENOUGH, seed, suite)
    assert walked.outcome.verdict is Verdict.PASSED, walked.outcome.message
    assert walked.teardown == ()
    assert walked.walk.coverage.report().transitions.ratio == 1


def test_the_bug_of_the_shop_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its bug the shop fails where the tutorial says: the basket is not empty after signing out."""
    monkeypatch.setenv("SHOP_BUG", "1")
    with loaded(SHOP.parent / "suite") as suite:
        walked = walk_through(read(SHOP), ENOUGH, 1, suite)
    assert walked.outcome.verdict is Verdict.FAILED
    assert "the basket holds" in walked.outcome.message
    assert "expected 0" in walked.outcome.message


@pytest.mark.parametrize("file", [SHOP, WEBDAV], ids=lambda file: file.stem)
def test_the_test_cases_can_be_walked(file: Path) -> None:
    """Each test case is possible from the start of the model, and has a tag to choose it by."""
    model = read(file)
    for case in model.test_cases:
        assert case.tags
        assert walk_through(model, f'directed("{case.name}")', seed=1).outcome.verdict is Verdict.PASSED
