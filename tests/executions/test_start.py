"""Starting: what is frozen, what is refused, and what a second start under the same key gives."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from melanzana.errors import InvalidModelError, KeyReusedError, NotFoundError, PathExpressionError, QueueFullError, RequestError
from melanzana.executions.figures import LeaseFigures
from melanzana.executions.records import ExecutionFilter, LifecycleState, StartRequest
from melanzana.generation.history import read_history
from melanzana.graph.formats.text import read_text
from melanzana.graph.model import Model
from melanzana.protocol.events import RunFinished, StepFinished
from melanzana.storage.database import SqliteDatabase
from support_executions import AGENT, CLIENT, MODEL_TEXT, REALM, World, doors, open_world, report

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> World:
    return await open_world()


async def test_a_plain_start_explores_and_performs_nothing(world: World) -> None:
    """With only a model: default limits, a random seed of the documented range, a dry run, queued with its first log line."""
    execution = await world.executions.start(StartRequest(model=world.model_uuid), CLIENT)
    assert execution.state is LifecycleState.QUEUED
    assert execution.path == "weighted(iterations(1) or actions(10000))"
    assert 1 <= execution.seed <= 999_999
    assert not execution.perform
    assert (execution.model_version, execution.model_name, execution.created_by) == (1, "Doors", "client:ci")
    (line,) = await world.log(execution)
    assert (line.seq, line.type, line.agent_seq) == (1, "ExecutionQueued", None)


async def test_the_snapshot_is_the_whole_plan(world: World) -> None:
    """What the request says stands in the snapshot; a later version of the model changes nothing of it."""
    execution = await world.start(
        path="random(steps(5))", seed=7, parameters={"tries": "3", "mode": "night"}, on_error="continue", suite="/suite"
    )
    snapshot = execution.snapshot
    assert (snapshot.path, snapshot.seed, snapshot.on_error, snapshot.suite) == ("random(steps(5))", 7, "continue", "/suite")
    assert snapshot.parameters == {"tries": 3, "mode": "night"}
    version = await world.catalog.add_model(REALM, None, None, replace(doors(), parameters=()), MODEL_TEXT)
    assert version.version == 2
    assert (await world.executions.get(REALM, execution.id)).snapshot == snapshot
    assert snapshot.model_version == 1


@pytest.mark.parametrize("by_integer", [True, False])
async def test_a_test_case_gives_a_directed_path(world: World, by_integer: bool) -> None:
    """A test case is named by its integer id or its uuid; the path refers to its id in the model."""
    (case,) = await world.catalog.list_test_cases(REALM, world.model_uuid)
    execution = await world.start(test_case=case.id if by_integer else case.uuid)
    assert execution.path == f'directed("{case.uuid}")'
    assert execution.test_case == case.uuid


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"iterations": 3}, "weighted(iterations(3) or actions(10000))"),
        ({"max_actions": 50}, "weighted(iterations(1) or actions(50))"),
        ({"stop_condition": "state_coverage(100)"}, "weighted(state_coverage(100))"),
    ],
)
async def test_limits_and_conditions_make_the_path(world: World, fields: dict[str, object], path: str) -> None:
    """Iterations, actions and a stop condition each turn into a path expression."""
    assert (await world.start(**fields)).path == path


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"model": None}, "model_id"),
        ({"script": "Login.script"}, "script"),
        ({"path": "random(steps(1))", "iterations": 2}, "path"),
        ({"stop_condition": "steps(1)", "test_case": 1}, "stop_condition"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"on_error": "shrug"}, "onerror"),
        ({"step_pause_seconds": -1.0}, "step_pause_time"),
        ({"parameters": {"height": 1}}, "parameters.height"),
        ({"parameters": {"tries": "many"}}, "parameters.tries"),
        ({"parameters": {"tries": 1.5}}, "parameters.tries"),
        ({"parameters": {"mode": "dusk"}}, "parameters.mode"),
    ],
)
async def test_a_wrong_request_names_its_field(world: World, fields: dict[str, object], field: str) -> None:
    """Nothing is queued, and the error names the field."""
    with pytest.raises(RequestError) as caught:
        await world.start(**fields)
    assert caught.value.detail["field"] == field
    assert (await world.executions.list(REALM)).total == 0


@pytest.mark.parametrize(
    "fields", [{"model": "6b1c1c3e-0000-0000-0000-000000000000"}, {"model_version": 9}, {"test_case": "nope"}, {"rerun_of": 99}]
)
async def test_an_unknown_thing_is_not_found(world: World, fields: dict[str, object]) -> None:
    """A model, version, test case or run that does not exist is a NotFoundError."""
    with pytest.raises(NotFoundError):
        await world.start(**fields)


async def test_a_wrong_path_is_refused_at_once(world: World) -> None:
    """A path expression that names a state the model lacks is refused with its position."""
    with pytest.raises(PathExpressionError) as caught:
        await world.start(path="random(reached(Cellar))")
    assert "position" in caught.value.detail


async def test_another_realm_sees_nothing(world: World) -> None:
    """Models and executions of one realm are not found from another."""
    execution = await world.start()
    with pytest.raises(NotFoundError):
        await world.executions.get("other", execution.id)
    with pytest.raises(NotFoundError):
        await world.executions.abort("other", execution.id)
    with pytest.raises(NotFoundError):
        await world.executions.start(StartRequest(model=world.model_uuid), replace(CLIENT, realm="other"))


async def test_a_rerun_repeats_the_snapshot(world: World) -> None:
    """A rerun has the same model version, path, seed and data, unless it says otherwise."""
    first = await world.start(path="random(steps(5))", seed=7, parameters={"tries": 2})
    again = await world.executions.start(StartRequest(rerun_of=first.run_id), CLIENT)
    assert again.snapshot == first.snapshot
    assert again.id != first.id
    other = await world.executions.start(StartRequest(rerun_of=first.run_id, seed=8, iterations=2, perform=False), CLIENT)
    assert (other.seed, other.path, other.perform) == (8, "weighted(iterations(2) or actions(10000))", False)
    assert other.snapshot.parameters == {"tries": 2}


async def test_the_same_key_gives_the_same_execution(world: World) -> None:
    """Sent again with its key, a start queues nothing more; with another body, or after its model is gone, it stays what it was."""
    first = await world.start("key", seed=None, tags=("smoke",))
    await world.catalog.delete(REALM, world.model_uuid, "ci")
    again = await world.start("key", seed=None, tags=("smoke",))
    assert again.id == first.id
    assert again.seed == first.seed
    with pytest.raises(KeyReusedError):
        await world.start("key", tags=("other",))
    assert (await world.executions.list(REALM)).total == 1


async def test_a_key_belongs_to_its_client(world: World) -> None:
    """Two clients may choose the same key."""
    request = StartRequest(model=world.model_uuid)
    first = await world.executions.start(request, CLIENT, "key")
    other = await world.executions.start(request, replace(CLIENT, client_id="client:other"), "key")
    assert first.id != other.id


async def test_twenty_starts_at_once_make_one_execution(tmp_path: Path) -> None:
    """Concurrent starts under one key, on a real database file, queue one execution and all get it."""
    world = await open_world(database=SqliteDatabase.open(tmp_path / "test.db"))
    started = await asyncio.gather(*(world.start("key") for _ in range(20)))
    assert len({execution.id for execution in started}) == 1
    assert (await world.executions.list(REALM)).total == 1
    await world.database.close()


async def test_a_full_queue_refuses(world: World) -> None:
    """At the bound a start is refused, and nothing is queued; a repeated key is still answered."""
    world.figures = LeaseFigures(queue_bound=2)
    world.restart()
    first = await world.start("key")
    await world.start()
    with pytest.raises(QueueFullError, match="2 executions are queued"):
        await world.start()
    assert (await world.start("key")).id == first.id
    assert (await world.executions.list(REALM)).total == 2


async def test_ignored_fields_are_named_in_the_log(world: World) -> None:
    """Fields that meant nothing stand in the record and, as a warning, in the log."""
    execution = await world.start(ignored_fields=("covertarget", "sut.criteria"))
    assert execution.ignored_fields == ("covertarget", "sut.criteria")
    _queued, warning = await world.log(execution)
    assert (warning.type, warning.body["severity"]) == ("LogWritten", "WARNING")
    assert "covertarget, sut.criteria" in warning.body["message"]


async def test_lists_are_filtered_and_paged(world: World) -> None:
    """By state, tag and model; newest first; the total counts every page."""
    for number in range(5):
        await world.start(tags=("even",) if number % 2 == 0 else ("odd",))
    await world.executions.abort(REALM, 1)
    page = await world.executions.list(REALM, ExecutionFilter(tag="even", limit=2))
    assert ([item.run_id for item in page.items], page.total) == ([5, 3], 3)
    page = await world.executions.list(REALM, ExecutionFilter(states=frozenset({LifecycleState.ABORTED})))
    assert [item.run_id for item in page.items] == [1]
    assert (await world.executions.list(REALM, ExecutionFilter(model_id="other"))).total == 0
    page = await world.executions.list(REALM, ExecutionFilter(limit=2, offset=3))
    assert ([item.run_id for item in page.items], page.total) == ([2, 1], 5)


async def test_a_start_freezes_the_models_that_are_walked_inside(world: World) -> None:
    """Sub-models are found by name or uuid at any depth, and stand in the snapshot and in that of a rerun."""
    inner = await world.catalog.add_model(REALM, None, None, _calling("Inner", world.model_uuid))
    outer = await world.catalog.add_model(REALM, None, None, _calling("Outer", "Inner"))
    execution = await world.executions.start(StartRequest(model=outer.uuid), CLIENT)
    assert list(execution.snapshot.sub_models) == [inner.uuid, world.model_uuid]
    again = await world.executions.start(StartRequest(rerun_of=execution.run_id), CLIENT)
    assert again.snapshot.sub_models == execution.snapshot.sub_models


async def test_a_start_whose_sub_model_is_missing_or_endless_is_refused(world: World) -> None:
    """The message names the action and the model."""
    outer = await world.catalog.add_model(REALM, None, None, _calling("Outer", "Inner"))
    with pytest.raises(RequestError, match="action 'go' of model 'Outer' has the sub-model 'Inner'"):
        await world.executions.start(StartRequest(model=outer.uuid), CLIENT)
    await world.catalog.add_model(REALM, None, None, _calling("Inner", "Outer"))
    with pytest.raises(InvalidModelError, match="walked inside itself"):
        await world.executions.start(StartRequest(model=outer.uuid), CLIENT)


def _calling(name: str, inner: str) -> Model:
    return read_text(f"model: {name}\nstart: A\nstates:\n  A:\n    actions:\n      go: {{to: exit, sub models: {inner}}}\n")


async def test_a_run_that_explores_knows_what_the_last_runs_have_seen(world: World) -> None:
    """By value in its snapshot; other paths know nothing, and a repeated run knows what the first one knew."""
    assert (await world.start(path="explore(steps(5))")).snapshot.history == {}
    lease = await world.claimed()
    action = next(action for _, action in doors().actions())
    steps = [
        StepFinished(number=1, iteration=1, kind="action", element_id=action.id, name="a", verdict="failed", at_seconds=0.0),
        RunFinished(verdict="failed", reason="step_not_passed", at_seconds=1.0),
    ]
    await world.executions.report(AGENT, report(lease, events=steps))
    explorer = await world.start(path="explore(steps(5), path_depth(3))")
    assert read_history(explorer.snapshot.history).failures == {(action.id, None): 1}
    assert (await world.start(path="random(steps(5))")).snapshot.history == {}
    again = await world.executions.start(StartRequest(rerun_of=explorer.run_id), CLIENT)
    assert again.snapshot == explorer.snapshot
