"""Sessions: the server holds them, the browser holds a token."""

from datetime import timedelta

import pytest
from fastapi import Request
from starlette.responses import Response

from melanzana.access.records import Actor, Visitor
from melanzana.errors import LoginRefusedError, NotFoundError
from melanzana.realms.records import RealmChange
from melanzana.users.cookies import clear_session_cookie, session_token, set_session_cookie
from melanzana.users.records import NewUser, OpenedSession, UserChange
from melanzana.users.rules import operator
from support_auth import BASE_URL, SOMEBODY
from support_people import HOME, OPERATOR, PASSWORD, People
from support_storage import rows

pytestmark = pytest.mark.anyio


def request(token: str | None) -> Request:
    headers = [(b"cookie", f"__Host-melanzana={token}".encode())] if token is not None else []
    return Request({"type": "http", "headers": headers, "client": (HOME, 1), "method": "GET", "path": "/"})


async def opened(people: People, username: str = "ada", **more: str) -> OpenedSession:
    person = await people.service.accounts.by_name("eggplant", username)
    return await people.service.open_session(person, HOME, "a browser", **more)


async def visitor(people: People, session: OpenedSession) -> Visitor | None:
    return await people.service.recognise(request(session.token))


async def test_the_cookie_names_the_person(people: People) -> None:
    """What the gate gets: the person, the permissions of the role as it is now, and the token of the forms."""
    person = await people.add()
    session = await opened(people)
    found = await visitor(people, session)
    assert found is not None
    assert (found.principal.subject, found.session_id, found.csrf_token) == (person.id, session.session.id, session.csrf_token)
    assert "users:manage" not in found.principal.scopes


@pytest.mark.parametrize("token", [None, "", "nonsense", "x" * 300, "é"])
async def test_other_cookies_name_nobody(people: People, token: str | None) -> None:
    """None, empty, unknown, long and not ASCII."""
    assert await people.service.recognise(request(token)) is None


async def test_60_a_login_changes_the_token_and_ends_the_old_one(people: People) -> None:
    """Each login has another token; the one that the browser had before is dead; logging out kills the session on the server."""
    await people.add()
    first = await opened(people)
    second = await opened(people, replacing=first.token)
    assert first.token != second.token and first.csrf_token != second.csrf_token
    assert await visitor(people, first) is None
    found = await visitor(people, second)
    assert found is not None
    await people.service.end_session(second.session.id, found.principal.actor)
    assert await visitor(people, second) is None
    assert (await people.entries())[0].action == "logout"
    await people.service.end_session(second.session.id, found.principal.actor)


async def test_60_a_token_that_somebody_planted_is_nobodys(people: People) -> None:
    """A value set before the login never becomes a session."""
    await people.add()
    await opened(people, replacing="planted")
    assert await people.service.recognise(request("planted")) is None


async def test_61_the_cookie(people: People) -> None:
    """`__Host-`, Secure, HttpOnly, SameSite=Lax, Path=/ and no Domain on https; the plain name on http."""
    answer = Response()
    set_session_cookie(answer, "token", BASE_URL)
    parts = answer.headers["set-cookie"].split("; ")
    assert set(parts) == {"__Host-melanzana=token", "HttpOnly", "Path=/", "SameSite=lax", "Secure"}
    plain = Response()
    set_session_cookie(plain, "token", "http://localhost:8000")
    assert set(plain.headers["set-cookie"].split("; ")) == {"melanzana=token", "HttpOnly", "Path=/", "SameSite=lax"}
    clear_session_cookie(plain, "http://localhost:8000")
    assert "Max-Age=0" in plain.headers.getlist("set-cookie")[1]
    assert session_token(request("token"), BASE_URL) == "token"
    assert session_token(request("token"), "http://localhost:8000") is None


async def test_61_idle_and_absolute_limits_are_the_servers(people: People) -> None:
    """Eight hours without a request, or 24 hours, and the session is over, whatever the browser keeps."""
    await people.add()
    idle = await opened(people)
    people.auth.clock.move(8 * 3600 - 1)
    assert await visitor(people, idle) is not None
    people.auth.clock.move(8 * 3600)
    assert await visitor(people, idle) is None
    busy = await opened(people)
    for _ in range(23):
        people.auth.clock.move(3600)
        assert await visitor(people, busy) is not None
    people.auth.clock.move(3600)
    assert await visitor(people, busy) is None
    assert await people.service.live_session("eggplant", busy.session.id) is None


async def test_seeing_somebody_is_written_once_a_minute(people: People) -> None:
    """Requests in between only read."""
    await people.add()
    session = await opened(people)
    seen = rows("SELECT last_seen_at FROM sessions")
    times = []
    for _ in range(4):
        people.auth.clock.move(30)
        await visitor(people, session)
        times += await people.auth.database.read(seen)
    assert len(set(times)) == 3
    assert times[0] == times[2] - 60_000_000 and times[1] == times[2]


async def test_a_disabled_person_is_out_at_the_next_request(people: People) -> None:
    """Cookie and tokens of the session alike, and also after the account is enabled again."""
    person = await people.add()
    session = await opened(people)
    assert await people.service.live_session("eggplant", session.session.id) is not None
    for enabled in (False, True):
        await people.service.accounts.change("eggplant", person.id, UserChange(enabled=enabled), OPERATOR)
        assert await visitor(people, session) is None
        assert await people.service.live_session("eggplant", session.session.id) is None


async def test_a_new_password_ends_the_other_sessions(people: People) -> None:
    """The person's own change keeps the session it was made in; an administrator's ends all."""
    person = await people.add()
    here, there = await opened(people), await opened(people)
    change = UserChange(password="another long password")
    with pytest.raises(LoginRefusedError):
        await people.service.change_own(person, change, HOME, here.session.id, "not the old one")
    await people.service.change_own(person, change, HOME, here.session.id, PASSWORD)
    assert await visitor(people, here) is not None
    assert await visitor(people, there) is None
    await people.service.accounts.change("eggplant", person.id, UserChange(password="a third long password"), OPERATOR)
    assert await visitor(people, here) is None


async def test_people_change_nothing_but_name_address_and_password_of_themselves(people: People) -> None:
    """A role that somebody gives themselves is dropped."""
    person = await people.add()
    session = await opened(people)
    wish = UserChange(role="dai:admin", username="root", name="Ada L.", email="ada@example.org")  # type: ignore[arg-type]
    changed = await people.service.change_own(person, wish, HOME, session.session.id)
    assert (changed.role, changed.username, changed.name, changed.email) == (person.role, "ada", "Ada L.", "ada@example.org")


async def test_a_disabled_realm_has_no_sessions(people: People) -> None:
    """At the next request."""
    await people.auth.realms.create_realm("other", SOMEBODY)
    eve = await people.service.accounts.create("other", NewUser(username="eve", password=PASSWORD), OPERATOR)
    session = await people.service.open_session(eve, HOME, "")
    assert await visitor(people, session) is not None
    await people.auth.realms.change_realm("other", RealmChange(enabled=False), SOMEBODY)
    assert await visitor(people, session) is None


async def test_sessions_are_listed_and_revoked(people: People) -> None:
    """The newest first; only the person's own can be revoked under the person's name."""
    person, other = await people.add(), await people.add("eve")
    first = await opened(people)
    people.auth.clock.move(1)
    second = await opened(people)
    assert [session.id for session in await people.service.sessions.list(person.id)] == [second.session.id, first.session.id]
    with pytest.raises(NotFoundError):
        await people.service.sessions.revoke(other, first.session.id, SOMEBODY)
    await people.service.sessions.revoke(person, first.session.id, SOMEBODY)
    assert [session.id for session in await people.service.sessions.list(person.id)] == [second.session.id]
    entry = (await people.entries())[0]
    assert (entry.action, entry.subject, entry.actor.id) == ("session.revoke", person.id, "tests")
    assert await people.service.sessions.revoke_all(person, SOMEBODY) == 1


async def test_the_token_is_stored_nowhere(people: People) -> None:
    """A copy of the database opens no session, and the form token does not give the cookie's token away."""
    await people.add()
    session = await opened(people)
    dump = await people.auth.database.read(lambda tx: "\n".join(map(str, tx.connection.driver_connection.iterdump())))  # type: ignore[union-attr]
    for secret in (session.token, session.csrf_token, session.token.encode().hex().upper(), PASSWORD):
        assert secret not in dump
    assert session.token not in repr(session) and session.csrf_token not in repr(session)
    assert session.csrf_token not in session.token and session.token not in session.csrf_token


async def test_nobody_gets_a_session_who_was_disabled_meanwhile(people: People) -> None:
    """Between the password and the session."""
    person = await people.add()
    await people.service.accounts.change("eggplant", person.id, UserChange(enabled=False), OPERATOR)
    with pytest.raises(LoginRefusedError):
        await people.service.open_session(person, HOME, "")


async def test_a_browser_says_anything_about_itself(people: People) -> None:
    """Long and unprintable names of browsers are cut and cleaned."""
    person = await people.add()
    session = await people.service.open_session(person, HOME, "evil\r\nbrowser" + "x" * 1_000)
    assert session.session.user_agent.startswith("evil  browser") and len(session.session.user_agent) == 200


async def test_old_sessions_are_forgotten(people: People) -> None:
    """A new login removes the rows of those that are over."""
    await people.add()
    await opened(people)
    people.auth.clock.move(timedelta(hours=25).total_seconds())
    await opened(people)
    assert len(await people.auth.database.read(rows("SELECT id FROM sessions"))) == 1


async def test_ending_a_session_of_somebody_else_is_recorded_with_both_names(people: People) -> None:
    """Who did it and whose it was."""
    person = await people.add()
    await opened(people)
    boss = operator(Actor(kind="user", id="boss", name="Boss", address=HOME))
    await people.service.sessions.revoke_all(person, boss.actor)
    entry = (await people.entries())[0]
    assert (entry.actor.name, entry.subject, entry.detail["user"]) == ("Boss", person.id, "ada")
