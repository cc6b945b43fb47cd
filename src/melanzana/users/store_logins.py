"""All SQL of login attempts and one-time links.

An attempt is counted as a failure before its password is looked at, in one transaction with the question whether it may be looked
at; success takes it back. So guesses that arrive together are counted exactly, in every process, and a restart forgets none.
"""

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from melanzana.users import delays
from melanzana.users.delays import AttemptKeys, Level
from melanzana.users.records import LinkPurpose, OneTimeLink
from melanzana.users.tables import login_delays, one_time_links, users


def claim_attempt(tx: Connection, keys: AttemptKeys, now: datetime) -> float:
    """Count the attempt and give 0; or give the seconds to wait, and count nothing."""
    pair, name, address = _level(tx, keys.pair), _level(tx, keys.name), _level(tx, keys.address)
    besieged = delays.current(name, delays.NAME, now) >= delays.BESIEGED
    rule = delays.PAIR_BESIEGED if besieged else delays.PAIR
    wait = max(delays.wait_seconds(pair, rule, now), delays.wait_seconds(address, delays.ADDRESS, now))
    if wait == 0.0:
        tx.execute(delete(login_delays).where(login_delays.c.counted_at < now - delays.FORGOTTEN_AFTER))
        _set(tx, keys.pair, delays.current(pair, delays.PAIR, now) + 1, now)
        _set(tx, keys.name, delays.current(name, delays.NAME, now) + 1, now)
        _set(tx, keys.address, delays.current(address, delays.ADDRESS, now) + 1, now)
    return wait


def forgive(tx: Connection, keys: AttemptKeys) -> None:
    """The password was right: the name begins anew. The address only gets this attempt back, or one account would free it."""
    tx.execute(delete(login_delays).where(login_delays.c.key.in_((keys.pair, keys.name))))
    _lower(tx, keys.address)


def uncount(tx: Connection, keys: AttemptKeys) -> None:
    """The password was not looked at."""
    for key in (keys.pair, keys.name, keys.address):
        _lower(tx, key)


def _level(tx: Connection, key: bytes) -> Level | None:
    row = tx.execute(select(login_delays).where(login_delays.c.key == key)).one_or_none()
    return None if row is None else Level(height=row.level, counted_at=row.counted_at)


def _set(tx: Connection, key: bytes, height: float, now: datetime) -> None:
    values = {"level": height, "counted_at": now}
    if not tx.execute(update(login_delays).where(login_delays.c.key == key).values(values)).rowcount:
        tx.execute(login_delays.insert().values(key=key, **values))


def _lower(tx: Connection, key: bytes) -> None:
    tx.execute(update(login_delays).where(login_delays.c.key == key).values(level=login_delays.c.level - 1))


def add_link(tx: Connection, digest: bytes, link: OneTimeLink) -> None:
    """Add it; an older one for the same purpose and person ends."""
    same = one_time_links.c.user_id.is_(None) if link.user_id is None else one_time_links.c.user_id == link.user_id
    tx.execute(
        delete(one_time_links).where(one_time_links.c.realm == link.realm, one_time_links.c.purpose == link.purpose.value, same)
    )
    values = {name: getattr(link, name) for name in link.__slots__}
    tx.execute(one_time_links.insert().values({**values, "purpose": link.purpose.value, "digest": digest}))


def link(tx: Connection, digest: bytes, purpose: LinkPurpose, now: datetime) -> OneTimeLink | None:
    """The link, unless it is unknown, used, over, or its person is disabled."""
    question = (
        select(one_time_links, users.c.enabled)
        .outerjoin(users, users.c.id == one_time_links.c.user_id)
        .where(one_time_links.c.digest == digest, one_time_links.c.purpose == purpose.value)
    )
    row = tx.execute(question).mappings().one_or_none()
    if row is None or row["enabled"] is False or (row["expires_at"] is not None and row["expires_at"] <= now):
        return None
    values = {name: row[name] for name in OneTimeLink.__slots__}
    return OneTimeLink(**{**values, "purpose": LinkPurpose(row["purpose"])})


def use_link(tx: Connection, digest: bytes) -> None:
    tx.execute(delete(one_time_links).where(one_time_links.c.digest == digest))


def end_links_of(tx: Connection, user_id: str) -> None:
    tx.execute(delete(one_time_links).where(one_time_links.c.user_id == user_id))
