"""The list of attacks that the authorization server is held against, by number, and where each one is a test.

A test that carries its number in its name (`test_17_…`) speaks for itself. The table names the others: tests of many cases, or of
rules that are older than the list.
"""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LAST = 75
TOKENS = "auth/test_tokens.py::test_hostile_token_is_refused"
#: Number → a test of that attack under another name.
ELSEWHERE = {
    1: TOKENS,
    2: TOKENS,
    3: TOKENS,
    4: TOKENS,
    5: TOKENS,
    6: TOKENS,
    7: TOKENS,
    8: TOKENS,
    9: TOKENS,
    10: TOKENS,
    11: "auth/test_tokens.py::test_token_of_one_realm_in_another",
    12: TOKENS,
    14: "auth/test_gate.py::test_token_elsewhere",
    15: "server/test_problems.py::test_a_missing_token_gets_a_bare_challenge_and_a_bad_one_gets_its_error",
    27: "auth/test_api.py::test_unreadable_basic_header",
    28: "auth/test_api.py::test_basic_authentication",
    30: "auth/test_api.py::test_empty_parameters_count_as_absent",
    31: "auth/test_api.py::test_other_content_types",
    34: "auth/test_api.py::test_bad_request",
    35: "auth/test_api.py::test_refusals_are_one",
    36: "auth/test_api.py::test_bad_request",
    37: "auth/test_api.py::test_bad_request",
    40: "auth/test_api.py::test_bad_request",
}
#: Number → why it does not apply.
NOT_HERE = {71: "no token is bound to a client certificate, and no header that names one is believed"}

_NUMBERED = re.compile(r"test_(?:no_)?((?:\d+_)+)")


def by_number() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for name in every_test():
        match = _NUMBERED.match(name.rpartition("::")[2])
        for number in match.group(1).rstrip("_").split("_") if match else ():
            found.setdefault(int(number), []).append(name)
    return found


def every_test() -> set[str]:
    """Every test function, as `folder/file.py::name`."""
    return {
        f"{file.relative_to(TESTS).as_posix()}::{node.name}"
        for file in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


NUMBERED, EVERY_TEST = by_number(), every_test()


@pytest.mark.parametrize("number", range(1, LAST + 1))
def test_every_attack_of_the_list_is_a_test(number: int) -> None:
    """Under its number, under another name, or it is said why there is none."""
    assert number in NUMBERED or number in ELSEWHERE or number in NOT_HERE


def test_the_table_names_tests_that_are_there() -> None:
    """A test that is renamed or removed is missed here."""
    assert not set(ELSEWHERE.values()) - EVERY_TEST


def test_no_number_is_beyond_the_list() -> None:
    """A misspelt number would count for nothing."""
    assert max(NUMBERED) <= LAST
    assert not set(NOT_HERE) & (set(NUMBERED) | set(ELSEWHERE))
