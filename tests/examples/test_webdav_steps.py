"""The step functions of the WebDAV example, performed against the real server without Melanzana in between.

`Tour` is the smallest thing that performs steps as the product does: arguments by name out of the variables, returned values back
into them. The tour below visits every function of the suite once, so it is also the proof that each works.
"""

import inspect
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from support_webdav import WEBDAV, running_webdav

MODULES = ("webdav_steps", "lock_steps", "collection_steps")
#: Every step of the tour, with the assignments that the model makes beside it.
TOUR: tuple[str | dict[str, Any], ...] = (
    "nothing_there",
    "read_missing",
    "create_if_absent",
    {"version": 1},
    "file_there",
    "read",
    "create_again",
    "read_if_changed",
    "overwrite",
    {"version": 2},
    "file_there",
    "update_if_match",
    {"version": 3},
    "file_there",
    "update_with_old_etag",
    "update_with_foreign_etag",
    "file_there",
    "make_again",
    "copy",
    {"copy_version": 3},
    "copy_without_overwrite",
    "overwrite",
    {"version": 4},
    "read_copy",
    {"place": "Present"},
    "look_around",
    "move_away",
    "file_at_new_place",
    "move_onto_copy",
    "move_back",
    "file_there",
    "lock",
    "locked_file_there",
    "lock_again",
    "refresh_lock",
    "write_without_token",
    "write_with_foreign_token",
    "delete_without_token",
    "move_without_token",
    "write_with_token",
    {"version": 5},
    "locked_file_there",
    "copy_locked",
    {"copy_version": 5},
    "unlock_with_foreign_token",
    "unlock",
    "file_there",
    "overwrite",
    {"version": 6},
    "delete_copy",
    {"copy_version": -1},
    "move_away",
    "delete_moved",
    {"version": 0},
    "nothing_there",
    "create",
    {"version": 1},
    "file_there",
    "delete",
    {"version": 0},
    "nothing_there",
    "lock_unmapped",
    "locked_file_there",
    "delete_with_token",
    "nothing_there",
    "make_collection",
    "collection_there",
    "make_again",
    "make_without_parent",
    "put_without_parent",
    "put_over_collection",
    "put_inside",
    {"members": 1},
    "put_inside",
    {"members": 2},
    "collection_there",
    "delete_member",
    {"members": 1},
    "lock_collection",
    "locked_collection_there",
    "put_inside_without_token",
    "put_inside_with_token",
    {"members": 2},
    "locked_collection_there",
    "unlock_collection",
    {"place": "Collection"},
    "look_around",
    "keep_evidence",
    "delete_collection",
    {"members": 0},
    "nothing_there",
    "remove_everything",
)


class Tour:
    """Performs named step functions on one session; `performed` lists them."""

    def __init__(self, modules: tuple[ModuleType, ...], content: str, session: Any) -> None:
        self._functions = dict(_functions(modules))
        self._values: dict[str, Any] = {"content": content, "version": 0, "copy_version": -1, "members": 0, "dav": session}
        self.performed: list[str] = []

    def go(self, *steps: str | dict[str, Any]) -> None:
        for step in steps:
            if isinstance(step, dict):
                self._values |= step
            else:
                self.performed.append(step)
                function = self._functions[step]
                arguments = {name: self._values[name] for name in inspect.signature(function).parameters}
                self._values |= function(**arguments) or {}


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ...]:
    """The suite's modules, imported from its folder as the runner does."""
    monkeypatch.syspath_prepend(str(WEBDAV / "suite"))
    loaded = tuple(import_module(name) for name in MODULES)
    monkeypatch.setattr(loaded[0], "attach", lambda *_: None)
    return loaded


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a running server; `indirect` parametrization plants a fault."""
    with running_webdav(getattr(request, "param", None)) as url:
        yield url


@pytest.mark.slow
@pytest.mark.parametrize("content", ["plain", "unicode", "binary", "large"])
def test_every_step_works_against_a_healthy_server(modules: tuple[ModuleType, ...], server: str, content: str) -> None:
    """A tour over all step functions passes, whatever the content, and leaves the server empty."""
    with modules[0].Session(server) as session:
        tour = Tour(modules, content, session)
        tour.go(*TOUR)
        assert session.names() == set()
    assert set(tour.performed) == {name for name, _ in _functions(modules)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("server", "found_by"),
    [
        ("lost-overwrite", "overwrite"),
        ("stale-etag", "overwrite"),
        ("copy-drops-content", "copy"),
        ("move-leaves-source", "file_at_new_place"),
        ("forgetful-delete", "delete_copy"),
        ("short-listing", "look_around"),
        ("ignored-lock", "write_without_token"),
        ("sticky-lock", "unlock"),
        ("blind-update", "create_again"),
    ],
    indirect=["server"],
)
def test_each_fault_is_found(modules: tuple[ModuleType, ...], server: str, found_by: str) -> None:
    """Every planted fault makes a step fail, and the message says which request broke the rule."""
    session = modules[0].Session(server)
    session.__enter__()
    tour = Tour(modules, "plain", session)
    with closing(session), pytest.raises(AssertionError, match=r"RFC|bytes, expected"):
        tour.go(*TOUR)
    assert tour.performed[-1] == found_by


@pytest.mark.slow
def test_the_server_lists_its_faults() -> None:
    """`--list-faults` names each fault with what it does, and every fault has a test above."""
    command = [sys.executable, str(WEBDAV / "server.py"), "--list-faults"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    (tested,) = ({fault for fault, _ in mark.args[1]} for mark in test_each_fault_is_found.pytestmark if mark.name == "parametrize")
    assert {line.split()[0] for line in lines} == tested


def _functions(modules: tuple[ModuleType, ...]) -> Iterator[tuple[str, Any]]:
    """The step functions: public ones defined in a step module that are no fixture and need no argument the model cannot give."""
    known = {"dav", "content", "version", "copy_version", "members", "etag", "old_etag", "token", "place"}
    for module in modules:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            parameters = set(inspect.signature(function).parameters)
            if function.__module__ == module.__name__ and not name.startswith("_") and name != "dav" and parameters <= known:
                yield name, function
