"""Test configurations and their task instances, over real executions."""

from dataclasses import replace

import pytest

from melanzana.configurations.records import (
    Filter,
    StartWish,
    StepKind,
    StepStatus,
    StopWish,
    TaskFilter,
    TaskState,
)
from melanzana.errors import ConflictError, KeyReusedError, NotFoundError, RequestError, UnavailableError
from melanzana.executions.records import ExecutionFilter, LifecycleState
from support_configurations import Desk, draft, explore, open_desk, step_id
from support_executions import CLIENT, REALM

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk() -> Desk:
    return await open_desk()


async def test_steps_run_in_order_and_the_worst_decides(desk: Desk) -> None:
    """One after another; a failed one does not stop the others, and the task has failed."""
    instance = await desk.started(draft(explore(1), explore(2), explore(3)))
    instance = await desk.perform(instance, "passed", "failed", "passed")
    assert [step.status.value for step in instance.steps] == ["Passed", "Failed", "Passed"]
    assert (instance.state, instance.steps[1].message) == (TaskState.FAILED, "it failed")
    runs = [step.attempts[0].run_id for step in instance.steps]
    assert runs == sorted(runs)


async def test_a_step_is_tried_again_and_its_pass_is_flaky(desk: Desk) -> None:
    """Each try is an execution of its own and stays visible."""
    instance = await desk.perform(await desk.started(draft(retries=2)), "failed", "error", "passed")
    (step,) = instance.steps
    assert (instance.state, instance.flaky) == (TaskState.PASSED, True)
    assert [attempt.status.value for attempt in step.attempts] == ["Failed", "Error", "Passed"]
    assert len({attempt.execution_id for attempt in step.attempts}) == 3


async def test_parallel_steps_are_at_work_together(desk: Desk) -> None:
    """As many as the configuration says, and no more."""
    instance = await desk.advance(await desk.started(draft(*(explore(number) for number in range(5)), parallelism=3)))
    assert [step.status.value for step in instance.steps] == ["Running"] * 3 + ["Pending"] * 2


async def test_stop_on_failure_leaves_the_rest_untested(desk: Desk) -> None:
    """What was not reached says why."""
    instance = await desk.perform(await desk.started(draft(explore(1), explore(2), stop_on_failure=True)), "failed")
    assert [(step.status.value, step.message) for step in instance.steps][1] == ("Untested", "an earlier step did not pass")


async def test_an_abort_ends_what_is_at_work_and_leaves_out_the_rest(desk: Desk) -> None:
    """The execution is aborted, later steps are untested, the task is cancelled; again is no error, afterwards too."""
    instance = await desk.advance(await desk.started(draft(explore(1), explore(2))))
    for _ in range(2):
        assert (await desk.service.abort(REALM, instance.id)).state is TaskState.ABORTING
    for _ in range(3):
        instance = await desk.advance(instance)
    assert [step.status.value for step in instance.steps] == ["Cancelled", "Untested"]
    assert instance.state is TaskState.CANCELLED
    assert (await desk.service.abort(REALM, instance.id)).state is TaskState.CANCELLED
    assert (await desk.world.executions.get(REALM, str(instance.steps[0].attempts[0].execution_id))).state == "aborted"


async def test_a_task_that_has_passed_cannot_be_aborted(desk: Desk) -> None:
    """409 names how it ended."""
    instance = await desk.perform(await desk.started(draft()))
    with pytest.raises(ConflictError, match="Passed"):
        await desk.service.abort(REALM, instance.id)


async def test_two_servers_start_every_step_once(desk: Desk) -> None:
    """Both advance the same task at every moment: still one execution for each step."""
    other = desk.another_server()
    instance = await desk.started(draft(*(explore(number) for number in range(3))))
    for _ in range(20):
        for server in (desk, other, desk):
            instance = await server.advance(instance)
        if instance.ended_at is not None:
            break
        await desk.end_next("passed")
    assert instance.state is TaskState.PASSED
    page = await desk.world.executions.list(REALM, ExecutionFilter(limit=100))
    assert page.total == 3


async def test_a_server_that_dies_between_intention_and_start_leaves_nothing_double_and_nothing_lost(desk: Desk) -> None:
    """Killed before or after the execution was made: the next one finds the intention and starts the same attempt once."""
    instance = await desk.started(draft())
    real = desk.world.executions.start

    async def dies_before(*arguments: object, **named: object) -> object:
        raise KeyboardInterrupt

    async def dies_after(*arguments: object, **named: object) -> object:
        await real(*arguments, **named)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    for dies in (dies_before, dies_after, dies_after):
        desk.world.executions.start = dies  # type: ignore[method-assign,assignment]
        with pytest.raises(KeyboardInterrupt):
            await desk.advance(instance)
    desk.world.executions.start = real  # type: ignore[method-assign]
    instance = await desk.perform(instance)
    assert (instance.state, len(instance.steps[0].attempts)) == (TaskState.PASSED, 1)
    assert (await desk.world.executions.list(REALM, ExecutionFilter())).total == 1


async def test_an_abort_overtakes_an_attempt_that_is_only_intended(desk: Desk) -> None:
    """The attempt is started under its key and ended at once: no execution of an ended task stays at work."""
    instance = await desk.started(draft())
    real = desk.world.executions.start

    async def dies_after(*arguments: object, **named: object) -> object:
        await real(*arguments, **named)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    desk.world.executions.start = dies_after  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyboardInterrupt):
        await desk.advance(instance)
    desk.world.executions.start = real  # type: ignore[method-assign]
    await desk.service.abort(REALM, instance.id)
    for _ in range(3):
        instance = await desk.advance(instance)
    assert instance.state is TaskState.CANCELLED
    page = await desk.world.executions.list(REALM, ExecutionFilter())
    assert [run.state for run in page.items] == [LifecycleState.ABORTED]


async def test_a_full_queue_delays_and_fails_nothing(desk: Desk) -> None:
    """While the server cannot start it the step waits; as soon as it can, it does."""
    instance = await desk.started(draft())
    real = desk.world.executions.start

    async def full(*arguments: object, **named: object) -> object:
        raise UnavailableError("the queue is full", retry_after=5)

    desk.world.executions.start = full  # type: ignore[method-assign,assignment]
    waiting = await desk.advance(instance)
    assert (waiting.state, waiting.steps[0].status) == (TaskState.RUNNING, StepStatus.RUNNING)
    desk.world.executions.start = real  # type: ignore[method-assign]
    assert (await desk.perform(instance)).state is TaskState.PASSED


async def test_a_model_that_is_gone_makes_its_step_an_error(desk: Desk) -> None:
    """What cannot be started says why, and the next step has its turn."""
    instance = await desk.started(draft(explore(1), explore(2)))
    await desk.world.catalog.delete(REALM, desk.world.model_uuid, "ada")
    instance = await desk.advance(instance)
    instance = await desk.advance(instance)
    assert {step.status for step in instance.steps} == {StepStatus.ERROR}
    assert "could not be started" in instance.steps[0].message


async def test_only_what_failed_last_time_is_started_again(desk: Desk) -> None:
    """The newest task that has ended is asked, or the one that is named; a filter that leaves nothing is refused."""
    first = await desk.perform(await desk.started(draft(explore(1), explore(2), explore(3))), "passed", "failed", "error")
    again = StartWish(filter=Filter(status_include=frozenset({StepStatus.FAILED, StepStatus.ERROR})))
    second = await desk.service.start(CLIENT, first.configuration_id, again)
    assert second.previous == first.id
    assert [step.status.value for step in second.steps] == ["Untested", "Pending", "Pending"]
    second = await desk.perform(second)
    assert second.state is TaskState.PASSED
    with pytest.raises(RequestError, match="nothing to run"):
        await desk.service.start(CLIENT, first.configuration_id, again)
    third = await desk.service.start(CLIENT, first.configuration_id, replace(again, previous=first.id))
    assert [step.status.value for step in third.steps] == ["Untested", "Pending", "Pending"]


async def test_values_of_the_start_count_over_the_step_and_the_configuration(desk: Desk) -> None:
    """Each execution gets them; one that no model has is refused by name."""
    made = draft(explore(1, parameters={"tries": 2}), explore(2), parameters={"tries": 1, "mode": "night"})
    instance = await desk.started(made, StartWish(parameters={"mode": "day"}))
    assert [dict(step.plan.parameters) for step in instance.steps] == [{"tries": 2, "mode": "day"}, {"tries": 1, "mode": "day"}]
    instance = await desk.advance(instance)
    run = await desk.world.executions.get(REALM, str(instance.steps[0].attempts[0].execution_id))
    assert run.snapshot.parameters == {"tries": 2, "mode": "day"}
    with pytest.raises(RequestError, match="no step has a variable 'colour'"):
        await desk.service.start(CLIENT, instance.configuration_id, StartWish(parameters={"colour": "red"}))


async def test_the_same_start_under_the_same_key_is_one_start(desk: Desk) -> None:
    """Also when the configuration has changed meanwhile; other words under the key are refused."""
    first = await desk.started(draft(), key="build-7")
    same = await desk.service.start(CLIENT, first.configuration_id, StartWish(), "build-7")
    assert same.id == first.id
    with pytest.raises(KeyReusedError):
        await desk.service.start(CLIENT, first.configuration_id, StartWish(retries=1), "build-7")


async def test_a_reference_that_leads_nowhere_is_refused_by_step(desk: Desk) -> None:
    """Saving looks up every model, test case and stop condition."""
    wrong = {
        "steps.1.model_id": explore(2, model="nobody"),
        "steps.1.test_case_id": explore(2, kind=StepKind.DIRECTED, test_case="nothing"),
        "steps.1": explore(2, stop=StopWish(expression="no_condition(7)")),
        "steps.1.parameters.colour": explore(2, parameters={"colour": "red"}),
        "steps.1.id": explore(1),
        "steps.1.script": explore(2, kind=StepKind.SCRIPT, model=None),
    }
    for field, step in wrong.items():
        with pytest.raises(RequestError) as caught:
            await desk.service.create(CLIENT, draft(explore(1), step))
        assert str(caught.value.detail["field"]).startswith(field), (field, caught.value)
    assert await desk.service.list(REALM) == ()


async def test_a_configuration_is_changed_as_a_whole_and_under_its_revision(desk: Desk) -> None:
    """The revision grows; a past one is refused; a taken name too; what was started keeps its steps."""
    instance = await desk.started(draft(explore(1)))
    before = await desk.service.get(REALM, instance.configuration_id)
    after = await desk.service.replace(CLIENT, before.id, draft(explore(1), explore(2)), before.revision)
    assert (after.revision, len(after.draft.steps)) == (2, 2)
    with pytest.raises(ConflictError):
        await desk.service.replace(CLIENT, before.id, draft(), before.revision)
    with pytest.raises(ConflictError, match="already"):
        await desk.service.create(CLIENT, draft())
    assert len((await desk.service.instance(REALM, instance.id)).steps) == 1
    with pytest.raises(ConflictError, match="at work"):
        await desk.service.delete(CLIENT, before.id)
    await desk.perform(instance)
    await desk.service.delete(CLIENT, before.id)
    with pytest.raises(NotFoundError):
        await desk.service.get(REALM, before.id)
    found, total = await desk.service.instances(REALM, TaskFilter(configuration_id=before.id))
    assert (total, found[0].id) == (1, instance.id)


async def test_what_ended_is_told_in_the_transaction_of_the_end(desk: Desk) -> None:
    """Once for each task, also with two servers."""
    told: list[str] = []
    other = desk.another_server()
    for server in (desk, other):
        server.service.tell(lambda _tx, ended: told.append(ended.id))
    instance = await desk.advance(await desk.started(draft()))
    await desk.end_next("passed")
    for server in (other, desk, other):
        await server.advance(instance)
    assert told == [instance.id]


async def test_agents_take_turns(desk: Desk) -> None:
    """Steps are shared out over the agents of the configuration, and a second try goes to the next one."""
    instance = await desk.started(draft(explore(1), explore(2), agents=(7, 8), parallelism=2, retries=1))
    instance = await desk.advance(instance)
    wanted = [
        (await desk.world.executions.get(REALM, str(step.attempts[-1].execution_id))).requested_agent_id for step in instance.steps
    ]
    assert wanted == [7, 8]
    assert step_id(1) == instance.steps[0].plan.step.id
