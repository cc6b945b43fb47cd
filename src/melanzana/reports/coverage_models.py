"""Coverage models: names for how deep coverage is looked at. They change what reports show and never how a run walks.

Four are built in, with the names of the original product; a realm adds its own. `coverage_models_api.py` and the pages ask.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from melanzana.clock import Clock
from melanzana.errors import ConflictError, NotFoundError, RequestError
from melanzana.generation.kinds import MAX_PATH_DEPTH, MAX_VARIABLE_DEPTH
from melanzana.reports import store_coverage_models as store
from melanzana.storage.database import Database

LONGEST_NAME = 200
MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageModel:
    """One of them. `id` is unique within a realm."""

    id: int
    name: str
    path_depth: int  #: transitions in a row
    variable_depth: int  #: variables together
    active: bool = True  #: do pages offer it?
    built_in: bool = False
    created_at: datetime | None = None
    created_by: str = ""


BUILT_IN = tuple(
    CoverageModel(id=number, name=name, path_depth=depth, variable_depth=1, built_in=True)
    for number, (name, depth) in enumerate(
        (("All nodes", 1), ("All pairs", 2), ("Extended", 3), ("Full exploratory", MAX_PATH_DEPTH)), 1
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a person or a client wants one to be; None: as it is."""

    name: str | None = None
    path_depth: int | None = None
    variable_depth: int | None = None
    active: bool | None = None


class CoverageModels:
    """The coverage models of a realm."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def list(self, realm: str) -> tuple[CoverageModel, ...]:
        """The built-in ones first, then the realm's own, the oldest first."""
        return BUILT_IN + await self._database.read(lambda tx: _own(tx, realm))

    async def get(self, realm: str, number: int) -> CoverageModel:
        """Raises NotFoundError."""
        for one in await self.list(realm):
            if one.id == number:
                return one
        raise NotFoundError(f"there is no coverage model {number}", field="coverage_model_id")

    async def add(self, realm: str, draft: Draft, by: str) -> CoverageModel:
        """Raises RequestError, ConflictError when the name is taken."""
        fresh = _checked(draft, CoverageModel(id=0, name="", path_depth=1, variable_depth=1))
        fresh = replace(fresh, created_at=self._clock.now(), created_by=by)

        def change(tx: Connection) -> CoverageModel:
            known = _own(tx, realm)
            if len(known) >= MOST:
                raise ConflictError(f"a realm has at most {MOST} coverage models of its own: delete one")
            _require_free(fresh.name, known, 0)
            number = store.add(tx, {"realm": realm, **_columns(fresh), "created_at": fresh.created_at, "created_by": by})
            return replace(fresh, id=number + len(BUILT_IN))

        return await self._database.write(change)

    async def change(self, realm: str, number: int, draft: Draft) -> CoverageModel:
        """Raises NotFoundError, RequestError, ConflictError: the name is taken, or it is built in."""

        def change(tx: Connection) -> CoverageModel:
            known = _own(tx, realm)
            changed = _checked(draft, _existing(known, number))
            _require_free(changed.name, known, number)
            store.change(tx, realm, number - len(BUILT_IN), _columns(changed))
            return changed

        return await self._database.write(change)

    async def delete(self, realm: str, number: int) -> None:
        """Raises NotFoundError, ConflictError when it is built in."""

        def change(tx: Connection) -> None:
            _existing(_own(tx, realm), number)
            store.remove(tx, realm, number - len(BUILT_IN))

        await self._database.write(change)


def _own(tx: Connection, realm: str) -> tuple[CoverageModel, ...]:
    rows = store.every(tx, realm)
    same = [{name: value for name, value in row.items() if name not in {"realm", "id"}} for row in rows]
    ids = [int(str(row["id"])) + len(BUILT_IN) for row in rows]
    return tuple(CoverageModel(id=number, **row) for number, row in zip(ids, same, strict=True))  # type: ignore[arg-type]


def _existing(known: tuple[CoverageModel, ...], number: int) -> CoverageModel:
    if 1 <= number <= len(BUILT_IN):
        raise ConflictError(f"coverage model {number} is built in: add one of your own instead", field="coverage_model_id")
    for one in known:
        if one.id == number:
            return one
    raise NotFoundError(f"there is no coverage model {number}", field="coverage_model_id")


def _require_free(name: str, known: tuple[CoverageModel, ...], number: int) -> None:
    if any(one.name.casefold() == name.casefold() and one.id != number for one in (*BUILT_IN, *known)):
        raise ConflictError(f"there is a coverage model {name!r} already: choose another name", field="name")


def _checked(draft: Draft, before: CoverageModel) -> CoverageModel:
    said = {name: getattr(draft, name) for name in ("name", "path_depth", "variable_depth", "active")}
    after = replace(before, **{name: value for name, value in said.items() if value is not None})
    after = replace(after, name=after.name.strip())
    if not 1 <= len(after.name) <= LONGEST_NAME:
        raise RequestError(f"a name has 1 to {LONGEST_NAME} characters", field="name")
    for field, most in (("path_depth", MAX_PATH_DEPTH), ("variable_depth", MAX_VARIABLE_DEPTH)):
        if not 1 <= getattr(after, field) <= most:
            raise RequestError(f"{field} is a whole number from 1 to {most}", field=field)
    return after


def _columns(one: CoverageModel) -> dict[str, object]:
    return {name: getattr(one, name) for name in ("name", "path_depth", "variable_depth", "active")}
