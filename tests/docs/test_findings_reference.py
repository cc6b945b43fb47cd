"""The list of findings: every code that the code gives stands in it, with its words, and its examples give what it says."""

import re
from pathlib import Path

from melanzana.generation.checking.semantics import examine
from melanzana.graph.catalogue import CODES
from melanzana.graph.formats.text import read_text

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/reference/findings.md").read_text(encoding="utf-8")
ROOMS = ("graph", "generation/checking", "cli/checking")
FAMILIES = {f"limit-{unit}" for unit in ("states", "actions", "transitions")} | {"model_format", "model_limit"}


def _given() -> set[str]:
    files = [path for room in ROOMS for path in sorted((REPOSITORY / "src/melanzana" / room).rglob("*.py"))]
    source = "".join(path.read_text(encoding="utf-8") for path in files if path.name != "catalogue.py")
    given = set(re.findall(r'(?:\.(?:_)?(?:error|warning|info)|give|code=)\(?\s*"([a-z_-]+)"', source))
    given |= set(re.findall(r'"((?:dai|graphwalker|limit|test-case|name|input|suite)-[a-z-]+)"', source))
    return (given | {"exit-unreachable"}) - {"limit-", "convert-extension", "convert-loss"}


def test_every_code_is_in_the_catalogue() -> None:
    """And the catalogue has no code that nothing gives."""
    assert sorted(_given() - set(CODES)) == []
    assert sorted(set(CODES) - _given() - FAMILIES) == []


def test_the_page_says_what_the_catalogue_says() -> None:
    """Code, severity, meaning and mending, word by word and in the same order."""
    rows = re.findall(r"^\| `([a-z_-]+)` \| (error|warning|info) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    assert rows == [(name, str(code.severity), code.says, code.fix) for name, code in CODES.items()]


def test_the_example_has_the_findings_listed() -> None:
    """Each line of the table under the example is found in it, and nothing else is found."""
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    told = set(re.findall(r"^\| `([a-z-]+)` (?:on|in) `", PAGE, re.MULTILINE))
    assert {finding.code for finding in examine(read_text(example))} == told
