"""`melanzana diff` as people and pipelines see it."""

import json

import pytest
from typer.testing import CliRunner

from melanzana.cli.main import app

OLD = """model: Shop
start: Home
variables:
  basket: {type: integer, initial: 0, range: [0, 5]}
states:
  Home: {actions: {search: Results}}
  Results: {actions: {add: {to: Home, set: {basket: basket + 1}}, back: Home}}
"""


@pytest.fixture
def files(tmp_path):
    """Writes a model's text under a name."""

    def write(name, text):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return str(path)

    return write


def run(*arguments):
    return CliRunner().invoke(app, ["diff", *arguments], env={"COLUMNS": "80"})


def test_the_same_logic_ends_with_0(files):
    """Blanks and remarks are no difference."""
    result = run(files("old.yaml", OLD), files("new.yaml", OLD.replace("basket + 1", "(basket)  +  1") + "# end\n"))
    assert (result.exit_code, result.stdout) == (0, "no difference\n")


def test_changes_are_lines_that_fit_and_end_with_1(files):
    """A sign, a sentence; what it comes to at the end."""
    new = OLD.replace("Results", "Hits").replace(
        ", back: Home", ", leave: {to: Home, when: basket > 0 && basket < 4 && basket != 2}"
    )
    result = run(files("old.yaml", OLD), files("new.yaml", new))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "> state 'Results' is now called 'Hits'",
        "> action 'back' of 'Results' is now called 'leave'",
        "~ action 'leave' of 'Hits': guard was none, is `basket > 0 && basket < 4 &&",
        "    basket != 2`",
        "",
        "3 changes: 2 renamed, 1 changed",
    ]


def test_json_is_one_document(files):
    """With ids of both sides."""
    result = run(files("old.yaml", OLD), files("new.yaml", OLD.replace("back: Home", "back: {to: Home, weight: 5}")), "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["same"], told["count"]["changed"]) == (1, False, 1)
    (change,) = told["changes"]
    assert change["aspect"] == "weight"
    assert change["old_id"] == change["new_id"]
    assert change["sentence"] == "action 'back' of 'Results': weight was 100, is 5"


def test_an_order_that_matters_to_seeds_is_a_note(files):
    """Not a difference."""
    turned = OLD.replace(
        "{add: {to: Home, set: {basket: basket + 1}}, back: Home}", "{back: Home, add: {to: Home, set: {basket: basket + 1}}}"
    )
    result = run(files("old.yaml", OLD), files("new.yaml", turned))
    assert result.exit_code == 0
    assert result.stdout.startswith("note: states, actions or targets stand in another order")
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_files_that_are_missing_or_no_models_are_named(files):
    """2 for a missing one, 1 for one that cannot be read."""
    good = files("old.yaml", OLD)
    missing = run(good, "nowhere.yaml")
    assert (missing.exit_code, "cannot read nowhere.yaml" in missing.stderr) == (2, True)
    broken = run(good, files("broken.yaml", "model: [\n"))
    assert (broken.exit_code, "broken.yaml" in broken.stderr) == (1, True)
