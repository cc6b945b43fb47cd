"""The list of hostile inputs that the server is held against, by number, and where each one is a test.

A test that carries its number in its name (`test_input_17_…`) speaks for itself. The table names the others: tests of many cases,
or of rules that are older than the list. The table of attacks on tokens and logins is `tests/auth/test_security_list.py`.
"""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LIST = {
    1: "no token at any route",
    2: "a token that is expired, not valid yet, of another issuer or audience",
    3: "alg none, a public key as secret, unknown kid, keys and addresses in the header, unknown crit",
    4: "one bit flipped",
    5: "a token of another kind",
    6: "a live token of a revoked client",
    7: "tokens of a key that was rotated or removed",
    8: "a grant that is not offered",
    9: "a secret in the query",
    10: "guessing a secret",
    11: "an unknown client and a wrong secret look alike",
    12: "secrets at rest",
    13: "a scope that is missing",
    14: "an id of another tenant",
    15: "an agent at another agent's execution, or with an older attempt",
    16: "an API client at administration",
    17: "fields that nobody asked for",
    18: "answers with nothing but their documented fields",
    19: "counting ids",
    20: "a body over the limit",
    21: "a body without end",
    22: "a head that is too large",
    23: "an encoded body",
    24: "a page size that is none",
    25: "too many starts",
    26: "a full queue",
    27: "too many held requests",
    28: "attacks in parameters",
    29: "JSON that is hostile",
    30: "bombs in uploads",
    31: "a page or picture with script as attachment",
    32: "other methods",
    33: "other media types",
    34: "requests with two ends",
    35: "other hosts",
    36: "other origins",
    37: "forged forms and cookies",
    38: "an Idempotency-Key again",
    39: "aborting again",
    40: "addresses that lead inside",
    41: "errors tell nothing of the inside",
    42: "forged log lines",
    43: "formulas in exports",
    44: "headers of pages",
    45: "insides of the server",
    46: "routes and their document",
    47: "a lying agent",
    48: "a disk or database that fails",
    49: "the audit trail of refusals and changes",
    50: "the first start",
}
TOKENS = "auth/test_tokens.py::test_hostile_token_is_refused"
#: Number → tests of that input under other names; all must be there.
ELSEWHERE: dict[int, tuple[str, ...]] = {
    2: (TOKENS, "auth/test_tokens.py::test_expiry"),
    3: (TOKENS, "auth/test_external.py::test_4_keys_in_the_token_are_not_looked_at"),
    4: (TOKENS,),
    5: (TOKENS, "auth/test_gate.py::test_token_elsewhere"),
    6: (
        "auth/test_service.py::test_revoked_client",
        "journeys/test_several_servers.py::test_a_revocation_is_obeyed_by_all_at_once",
    ),
    7: (
        "auth/test_service.py::test_rotated_key",
        "journeys/test_several_servers.py::test_a_new_key_is_used_and_shown_by_all_at_once",
    ),
    8: ("auth/test_api.py::test_bad_request",),
    9: ("auth/test_raw_socket.py::test_32_a_post_with_the_credentials_in_the_address_is_400",),
    10: ("auth/test_api.py::test_guessing_is_slowed_down", "auth/test_throttle.py::test_other_clients_and_addresses_do_not_wait"),
    11: ("auth/test_api.py::test_refusals_are_one", "auth/test_service.py::test_refusals_cost_the_same"),
    12: (
        "auth/test_service.py::test_database_holds_no_secret",
        "journeys/test_canary.py::test_41_no_secret_is_in_any_file_of_the_data_folder",
    ),
    13: ("auth/test_gate.py::test_missing_permission",),
    14: (
        "realms/test_isolation.py::test_every_route_is_asked",
        "realms/test_isolation.py::test_things_of_another_realm_are_not_there",
    ),
    16: ("auth/test_gate.py::test_missing_permission", "contracts/test_schemathesis.py"),
    18: ("contracts/test_schemathesis.py", "suts/test_api.py::test_a_secret_is_in_no_answer_and_not_in_the_database"),
    21: ("auth/test_raw_socket.py::test_33_bodies_that_dribble_in_are_cut_after_the_timeout_and_hold_nobody_up",),
    31: ("reports/test_files_api.py::test_untrusted_files_are_never_run",),
    37: (
        "users/test_sessions.py::test_61_the_cookie",
        "auth/test_login_pages.py::test_59_form_from_another_site",
        "clients/test_pages.py::test_forged_forms",
    ),
    38: (
        "executions/test_start.py::test_twenty_starts_at_once_make_one_execution",
        "executions/test_api.py::test_an_idempotency_key",
    ),
    39: ("executions/test_api.py::test_abort_and_continue",),
    40: ("auth/test_external.py::test_addresses_that_are_trusted", "auth/test_external.py::test_nothing_is_fetched_for_strangers"),
    41: ("server/test_problems.py::test_an_unexpected_error_tells_a_request_id_and_nothing_else",),
    43: ("reports/files/test_writers.py::test_hostile_text_stays_text", "audit/test_export.py"),
    44: ("web/test_every_page.py::test_62_every_page_carries_the_security_headers",),
    46: ("reports/test_reference.py", "contracts/test_schemathesis.py"),
    49: ("auth/test_login.py::test_74_login_and_grants_are_recorded", "suts/test_api.py::test_every_change_is_in_the_audit_trail"),
    50: ("users/test_setup_journey.py::test_66_each_start_shows_a_new_setup_address_until_there_is_an_administrator",),
}

_NUMBERED = re.compile(r"test_input_(\d+)_")


def every_test() -> set[str]:
    """Every file with tests, and every test function as `folder/file.py::name`."""
    found = set()
    for file in TESTS.rglob("test_*.py"):
        name, text = file.relative_to(TESTS).as_posix(), file.read_text("utf-8")
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        tests = {f"{name}::{node.name}" for node in nodes if node.name.startswith("test_")}
        found |= tests | ({name} if tests or "TestCase" in text else set())
    return found


EVERY_TEST = every_test()
NUMBERED = {int(match.group(1)) for name in EVERY_TEST if (match := _NUMBERED.match(name.rpartition("::")[2]))}


@pytest.mark.parametrize("number", LIST)
def test_every_input_of_the_list_is_a_test(number: int) -> None:
    """Under its number, or under another name that is there."""
    assert number in NUMBERED or number in ELSEWHERE, LIST[number]
    assert not set(ELSEWHERE.get(number, ())) - EVERY_TEST


def test_no_number_is_beyond_the_list() -> None:
    """A misspelt number would count for nothing."""
    assert NUMBERED | set(ELSEWHERE) == set(LIST)
