"""All SQL of browser sessions."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from melanzana.users.records import Session, User
from melanzana.users.store import read_user
from melanzana.users.tables import realms, sessions, users

_SESSION_COLUMNS = [sessions.c[name].label(f"session_{name}") for name in Session.__slots__]
#: A session whose person and realm are enabled: asked once a request, by an index.
_LIVE = (
    select(users, *_SESSION_COLUMNS)
    .join(sessions, sessions.c.user_id == users.c.id)
    .join(realms, realms.c.name == sessions.c.realm)
    .where(users.c.enabled, realms.c.enabled)
)
_BY_TOKEN = _LIVE.where(sessions.c.token_digest == bindparam("digest"))
_BY_ID = _LIVE.where(sessions.c.id == bindparam("session_id"), sessions.c.realm == bindparam("realm"))


def by_token(tx: Connection, digest: bytes) -> tuple[User, Session] | None:
    return _pair(tx.execute(_BY_TOKEN, {"digest": digest}).mappings().one_or_none())


def by_id(tx: Connection, realm: str, session_id: str) -> tuple[User, Session] | None:
    return _pair(tx.execute(_BY_ID, {"session_id": session_id, "realm": realm}).mappings().one_or_none())


def stored(tx: Connection, session_id: str) -> Session | None:
    """The session, whether its person is enabled or not."""
    row = tx.execute(select(sessions).where(sessions.c.id == session_id)).mappings().one_or_none()
    return None if row is None else _session(row)


def of_user(tx: Connection, user_id: str) -> list[Session]:
    """The newest first."""
    question = select(sessions).where(sessions.c.user_id == user_id).order_by(sessions.c.created_at.desc(), sessions.c.id)
    return [_session(row) for row in tx.execute(question).mappings()]


def add(tx: Connection, opened: Session, digest: bytes) -> None:
    """Add it, and forget the ones that are long over."""
    tx.execute(delete(sessions).where(sessions.c.expires_at < opened.created_at))
    values = {name: getattr(opened, name) for name in opened.__slots__}
    tx.execute(sessions.insert().values(token_digest=digest, **values))


def seen(tx: Connection, session_id: str, now: datetime) -> None:
    tx.execute(update(sessions).where(sessions.c.id == session_id, sessions.c.last_seen_at < now).values(last_seen_at=now))


def remove(tx: Connection, session_id: str) -> bool:
    """Whether there was one."""
    return bool(tx.execute(delete(sessions).where(sessions.c.id == session_id)).rowcount)


def remove_of_user(tx: Connection, user_id: str, but: str | None) -> int:
    """End all sessions of a person, except one that is named. Gives how many."""
    change = delete(sessions).where(sessions.c.user_id == user_id)
    if but is not None:
        change = change.where(sessions.c.id != but)
    return tx.execute(change).rowcount


def _pair(row: RowMapping | None) -> tuple[User, Session] | None:
    if row is None:
        return None
    return read_user(row), Session(**{name: row[f"session_{name}"] for name in Session.__slots__})


def _session(row: RowMapping) -> Session:
    return Session(**{name: row[name] for name in Session.__slots__})
