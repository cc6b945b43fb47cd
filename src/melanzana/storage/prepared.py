"""Statements of the hot paths: written in SQLAlchemy's words once, compiled to text once an engine, run on the driver itself.

SQLAlchemy looks a statement up and wraps its rows at every execution, which costs ten times what SQLite needs to carry it out. A
`Prepared` does that once: afterwards an execution is one call of the driver with the types' own conversions of values and columns.
It runs inside the caller's transaction like any other, and its errors are the same classes. A `store.py` keeps its few hot
statements in this form (ADR 0035); all others stay as they are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

Convert = Callable[[Any], Any] | None


class _Statement(Protocol):
    """What SELECT, INSERT, UPDATE and DELETE have in common here."""

    def compile(self, **options: Any) -> Any: ...

    @property
    def exported_columns(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement as one engine takes it."""

    text: str
    binds: tuple[tuple[str, Convert], ...]  #: in the order of the text on SQLite, by name on PostgreSQL
    by_name: bool
    fixed: Mapping[str, Any]  #: values that the statement brought along
    columns: tuple[tuple[str, Convert], ...]

    def values(self, given: Mapping[str, Any]) -> Any:
        """The parameters as the driver takes them."""
        known = {**self.fixed, **given} if self.fixed else given
        if self.by_name:
            return {name: known[name] if convert is None else convert(known[name]) for name, convert in self.binds}
        return [known[name] if convert is None else convert(known[name]) for name, convert in self.binds]

    def row(self, found: Sequence[Any]) -> dict[str, Any]:
        """Column names and values as the room knows them."""
        return {
            name: value if convert is None else convert(value) for (name, convert), value in zip(self.columns, found, strict=True)
        }


class Prepared:
    """One statement. `written`: names of the columns that an INSERT or UPDATE without values of its own writes."""

    def __init__(self, statement: Any, written: Iterable[str] | None = None) -> None:
        self._statement = cast(_Statement, statement)
        self._written = None if written is None else list(written)
        self._forms: dict[str, _Form] = {}

    def first(self, tx: Connection, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """The first row, by column name; None when there is none."""
        form = self._form(tx)
        found = _execute(tx, form.text, form.values(values)).fetchone()
        return None if found is None else form.row(found)

    def all(self, tx: Connection, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every row, by column name."""
        form = self._form(tx)
        return [form.row(found) for found in _execute(tx, form.text, form.values(values)).fetchall()]

    def run(self, tx: Connection, values: Mapping[str, Any]) -> int:
        """How many rows it changed."""
        form = self._form(tx)
        return int(_execute(tx, form.text, form.values(values)).rowcount)

    def many(self, tx: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Once for each of `rows`, on PostgreSQL without waiting between them."""
        form = self._form(tx)
        if values := [form.values(row) for row in rows]:
            _execute(tx, form.text, values, many=True)

    def many_returning(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The one row that each of `rows` gives back, in their order; on PostgreSQL without waiting between them."""
        form = self._form(tx)
        if not form.by_name or len(rows) == 1:
            found = [_execute(tx, form.text, form.values(row)).fetchone() for row in rows]
        else:
            cursor = _execute(tx, form.text, [form.values(row) for row in rows], many=True, returning=True)
            found = [result.fetchone() for result in cursor.results()]
        return [form.row(row) for row in found]

    def _form(self, tx: Connection) -> _Form:
        form = self._forms.get(tx.dialect.name)
        if form is None:
            form = self._forms[tx.dialect.name] = _formed(self._statement, self._written, tx.dialect)
        return form


def _formed(statement: _Statement, written: list[str] | None, dialect: Dialect) -> _Form:
    compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=written)
    by_name = not compiled.positional
    names = list(compiled.binds) if by_name else list(compiled.positiontup or ())
    exported = getattr(statement, "exported_columns", ())
    return _Form(
        text=str(compiled),
        binds=tuple((name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names),
        by_name=by_name,
        fixed={name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required},
        columns=tuple(
            (name, column.type.dialect_impl(dialect).result_processor(dialect, None))
            for name, column in (exported.items() if exported else ())
        ),
    )


def _execute(tx: Connection, text: str, values: Any, *, many: bool = False, **options: bool) -> Any:
    if not tx.in_transaction():
        tx.begin()  # all statements of one question see one snapshot
    driver: Any = tx.connection.dbapi_connection
    try:
        cursor = driver.cursor()
        if many:
            cursor.executemany(text, values, **options)
        else:
            cursor.execute(text, values)
    except Exception as error:
        raise _translated(tx, text, error) from error
    return cursor


def _translated(tx: Connection, text: str, error: Exception) -> BaseException:
    """The error as SQLAlchemy would have raised it; what is no error of the driver stays."""
    dialect = tx.dialect
    assert dialect.dbapi is not None
    kinds: Any = dialect.dbapi
    if not isinstance(error, kinds.Error):
        return error
    lost = bool(dialect.is_disconnect(error, cast(Any, tx.connection.dbapi_connection), None))
    if lost:
        tx.invalidate(error)
    told: BaseException = DBAPIError.instance(text, None, error, kinds.Error, connection_invalidated=lost, dialect=dialect)
    return told
