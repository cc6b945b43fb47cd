"""The SQL of test configurations and task instances. Only `configurations/service.py` and `advancing.py` open it.

A task instance changes only under its revision: whoever read an older one writes nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from melanzana.configurations import documents
from melanzana.configurations.records import (
    UNFINISHED,
    Attempt,
    StepStatus,
    TaskFilter,
    TaskInstance,
    TaskState,
    TaskStep,
    TestConfiguration,
)
from melanzana.configurations.tables import task_attempts, task_instances, task_steps, test_configurations
from melanzana.errors import ConflictError, NotFoundError

_CONFIGURATION = ("id", "realm", "revision", "created_at", "created_by", "updated_at", "updated_by")
_INSTANCE = (
    *("id", "realm", "configuration_id", "retries", "trigger", "revision", "created_at", "created_by", "ended_at", "previous"),
    "message",
)


# --- configurations ---------------------------------------------------------------------------------------------------------------


def all_of(tx: Connection, realm: str, name: str | None = None) -> tuple[TestConfiguration, ...]:
    """Those of the realm, by name; with `name` the one that has it."""
    question = select(test_configurations).where(test_configurations.c.realm == realm)
    if name is not None:
        question = question.where(test_configurations.c.name == name)
    return tuple(_configuration(row) for row in tx.execute(question.order_by(test_configurations.c.name)).mappings())


def find(tx: Connection, realm: str, configuration_id: str) -> TestConfiguration:
    """Raises NotFoundError."""
    question = select(test_configurations).where(
        test_configurations.c.realm == realm, test_configurations.c.id == configuration_id.lower()
    )
    row = tx.execute(question).mappings().first()
    if row is None:
        raise NotFoundError(f"there is no test configuration {configuration_id}", field="test_config_id")
    return _configuration(row)


def add(tx: Connection, configuration: TestConfiguration) -> None:
    """Raises ConflictError when the name is taken."""
    _require_free(tx, configuration)
    tx.execute(insert(test_configurations).values(_columns(configuration)))


def change(tx: Connection, after: TestConfiguration, seen_revision: int) -> None:
    """Raises ConflictError when the name is taken or the revision is another by now."""
    _require_free(tx, after)
    which = (test_configurations.c.id == after.id, test_configurations.c.revision == seen_revision)
    if tx.execute(update(test_configurations).where(*which).values(_columns(after))).rowcount == 0:
        raise _changed(after.id)


def remove(tx: Connection, configuration_id: str) -> None:
    tx.execute(delete(test_configurations).where(test_configurations.c.id == configuration_id))


def _require_free(tx: Connection, configuration: TestConfiguration) -> None:
    if any(other.id != configuration.id for other in all_of(tx, configuration.realm, configuration.name)):
        raise ConflictError(f"there is a test configuration {configuration.name!r} already; choose another name", field="name")


def _changed(configuration_id: str) -> ConflictError:
    return ConflictError(
        f"test configuration {configuration_id} was changed meanwhile; read it again and repeat the change", field="If-Match"
    )


def _columns(configuration: TestConfiguration) -> dict[str, Any]:
    values = {name: getattr(configuration, name) for name in _CONFIGURATION}
    return {**values, "name": configuration.name, "document": documents.draft_to_json(configuration.draft)}


def _configuration(row: RowMapping) -> TestConfiguration:
    return TestConfiguration(**{name: row[name] for name in _CONFIGURATION}, draft=documents.draft_from_json(row["document"]))


# --- task instances ---------------------------------------------------------------------------------------------------------------


def add_instance(tx: Connection, instance: TaskInstance, key: str | None, mark: str) -> None:
    values = {name: getattr(instance, name) for name in _INSTANCE}
    tx.execute(
        insert(task_instances).values(
            **values,
            draft=documents.draft_to_json(instance.draft),
            state=instance.state.value,
            start_key=key,
            start_mark=None if key is None else mark,
        )
    )
    _write_steps(tx, instance.id, instance.steps, ())


def find_key(tx: Connection, realm: str, by: str, key: str) -> tuple[str, str] | None:
    """The mark and the id of the task instance that was started under this key."""
    question = select(task_instances.c.start_mark, task_instances.c.id).where(
        task_instances.c.realm == realm, task_instances.c.created_by == by, task_instances.c.start_key == key
    )
    row = tx.execute(question).first()
    return None if row is None else (row.start_mark, row.id)


def find_instance(tx: Connection, realm: str, task_id: str) -> TaskInstance:
    """Raises NotFoundError."""
    question = select(task_instances).where(task_instances.c.realm == realm, task_instances.c.id == task_id.lower())
    rows = tx.execute(question).mappings().all()
    if not rows:
        raise NotFoundError(f"there is no task instance {task_id}", field="task_instance_id")
    return _instances(tx, rows)[0]


def newest_ended(tx: Connection, realm: str, configuration_id: str) -> str | None:
    """The id of the newest task instance of the configuration that has ended."""
    unfinished = [state.value for state in UNFINISHED]
    question = (
        select(task_instances.c.id)
        .where(task_instances.c.realm == realm, task_instances.c.configuration_id == configuration_id)
        .where(task_instances.c.state.not_in(unfinished))
        .order_by(task_instances.c.created_at.desc(), task_instances.c.id)
        .limit(1)
    )
    return tx.execute(question).scalar_one_or_none()


def page(tx: Connection, realm: str, wanted: TaskFilter) -> tuple[tuple[TaskInstance, ...], int]:
    """One page of task instances, newest first, and how many there are on all pages."""
    which = [task_instances.c.realm == realm]
    if wanted.configuration_id is not None:
        which.append(task_instances.c.configuration_id == wanted.configuration_id.lower())
    if wanted.states:
        which.append(task_instances.c.state.in_([state.value for state in wanted.states]))
    total = tx.execute(select(func.count()).select_from(task_instances).where(*which)).scalar_one()
    newest = select(task_instances).where(*which).order_by(task_instances.c.created_at.desc(), task_instances.c.id)
    rows = tx.execute(newest.offset(wanted.offset).limit(wanted.limit)).mappings().all()
    return _instances(tx, rows), total


def unfinished(tx: Connection, most: int) -> tuple[tuple[str, str], ...]:
    """Realm and id of task instances that have not ended, oldest first."""
    states = [state.value for state in UNFINISHED]
    question = select(task_instances.c.realm, task_instances.c.id).where(task_instances.c.state.in_(states))
    return tuple((row.realm, row.id) for row in tx.execute(question.order_by(task_instances.c.created_at).limit(most)))


def write_instance(tx: Connection, before: TaskInstance, after: TaskInstance) -> bool:
    """Store what has changed, unless somebody else stored something since `before` was read; whether it was stored."""
    which = (task_instances.c.id == before.id, task_instances.c.revision == before.revision)
    values = {"state": after.state.value, "ended_at": after.ended_at, "message": after.message, "revision": before.revision + 1}
    if tx.execute(update(task_instances).where(*which).values(values)).rowcount == 0:
        return False
    _write_steps(tx, after.id, after.steps, before.steps)
    return True


def _write_steps(tx: Connection, task_id: str, steps: Sequence[TaskStep], before: Sequence[TaskStep]) -> None:
    for step, old in zip(steps, before or (None,) * len(steps), strict=True):
        if step == old:
            continue
        key = {"task_id": task_id, "position": step.position}
        values = {"status": step.status.value, "message": step.message}
        if old is None:
            tx.execute(insert(task_steps).values(**key, plan=documents.plan_to_json(step.plan), **values))
        else:
            tx.execute(update(task_steps).where(*(task_steps.c[name] == value for name, value in key.items())).values(values))
        for attempt in step.attempts:
            if old is None or attempt not in old.attempts:
                _write_attempt(tx, key, attempt)


def _write_attempt(tx: Connection, key: dict[str, Any], attempt: Attempt) -> None:
    values = {**asdict(attempt), "status": attempt.status.value}
    which = [*(task_attempts.c[name] == value for name, value in key.items()), task_attempts.c.number == attempt.number]
    if tx.execute(update(task_attempts).where(*which).values(values)).rowcount == 0:
        tx.execute(insert(task_attempts).values(**key, **values))


def _instances(tx: Connection, rows: Sequence[RowMapping]) -> tuple[TaskInstance, ...]:
    ids = [row["id"] for row in rows]
    steps = _steps(tx, ids)
    return tuple(
        TaskInstance(
            **{name: row[name] for name in _INSTANCE},
            draft=documents.draft_from_json(row["draft"]),
            state=TaskState(row["state"]),
            steps=tuple(steps[row["id"]]),
        )
        for row in rows
    )


def _steps(tx: Connection, ids: Sequence[str]) -> dict[str, list[TaskStep]]:
    attempts = _attempts(tx, ids)
    steps: dict[str, list[TaskStep]] = defaultdict(list)
    question = select(task_steps).where(task_steps.c.task_id.in_(ids)).order_by(task_steps.c.task_id, task_steps.c.position)
    for row in tx.execute(question).mappings():
        steps[row["task_id"]].append(
            TaskStep(
                position=row["position"],
                plan=documents.plan_from_json(row["plan"]),
                status=StepStatus(row["status"]),
                message=row["message"],
                attempts=tuple(attempts[row["task_id"], row["position"]]),
            )
        )
    return steps


def _attempts(tx: Connection, ids: Sequence[str]) -> dict[tuple[str, int], list[Attempt]]:
    found: dict[tuple[str, int], list[Attempt]] = defaultdict(list)
    question = select(task_attempts).where(task_attempts.c.task_id.in_(ids)).order_by(task_attempts.c.number)
    for row in tx.execute(question).mappings():
        values = {name: row[name] for name in Attempt.__dataclass_fields__}
        found[row["task_id"], row["position"]].append(Attempt(**{**values, "status": StepStatus(row["status"])}))
    return found
