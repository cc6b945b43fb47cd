"""Making, changing and removing people, and who may."""

import asyncio

import pytest

from melanzana.access.permissions import Role
from melanzana.errors import ConflictError, InsufficientScopeError, LoginRefusedError, NotFoundError, RequestError
from melanzana.users.records import GroupChange, NewUser, UserChange
from support_people import HOME, OPERATOR, PASSWORD, SCRIPT, People

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("username", ["", " ", "-ada", "a" * 101, "ada lovelace", "ada/../..", "<script>", "ada\n", "ada\x00"])
async def test_a_username_is_one_plain_word(people: People, username: str) -> None:
    """Letters, digits and . _ @ + -; line ends around it are dropped."""
    if username.strip() == "ada":
        assert (await people.add(username)).username == "ada"
        return
    with pytest.raises(RequestError) as refused:
        await people.add(username)
    assert refused.value.detail["field"] == "username"


async def test_names_that_differ_in_case_or_form_are_one(people: People) -> None:
    """Ada, ADA and its full-width form."""
    await people.add("Ada")
    for username in ("ada", "ADA", "Ａda"):
        with pytest.raises(ConflictError):
            await people.add(username)
    other = await people.add("eve")
    with pytest.raises(ConflictError):
        await people.service.accounts.change("eggplant", other.id, UserChange(username="ADA"), OPERATOR)


async def test_every_change_is_recorded_and_no_password_is(people: People) -> None:
    """What changed, from what to what."""
    person = await people.add()
    await people.service.accounts.change("eggplant", person.id, UserChange(name="Ada L.", role=Role.ADMIN), OPERATOR)
    await people.service.accounts.change("eggplant", person.id, UserChange(password="another long password"), OPERATOR)
    await people.add("eve", Role.ADMIN)
    await people.service.accounts.delete("eggplant", person.id, OPERATOR)
    entries = [entry for entry in reversed(await people.entries()) if entry.subject == person.id]
    assert [str(entry.action) for entry in entries] == ["user.create", "user.change", "password.change", "user.delete"]
    assert entries[1].detail == {"user": "ada", "name": "ada → Ada L.", "role": "dai:user → dai:admin"}
    assert "long" not in str(entries)


async def test_a_change_that_is_refused_leaves_no_trace(people: People) -> None:
    """Neither the new name nor its record, when the group does not exist."""
    person = await people.add()
    before = len(await people.entries())
    with pytest.raises(RequestError):
        await people.service.accounts.change("eggplant", person.id, UserChange(name="New", groups=("nowhere",)), OPERATOR)
    assert (await people.service.accounts.get("eggplant", person.id))[0].name == "ada"
    assert len(await people.entries()) == before


async def test_the_last_administrator_stays(people: People) -> None:
    """Neither disabled nor demoted nor removed, by nobody, also when two are taken away at once."""
    boss, deputy = await people.add("boss", Role.ADMIN), await people.add("deputy", Role.ADMIN)
    accounts = people.service.accounts
    outcomes = await asyncio.gather(
        accounts.change("eggplant", boss.id, UserChange(enabled=False), OPERATOR),
        accounts.change("eggplant", deputy.id, UserChange(role=Role.USER), OPERATOR),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ConflictError", "User"]
    [last] = [person for person, _ in await accounts.everybody("eggplant") if person.role is Role.ADMIN and person.enabled]
    for change in (UserChange(enabled=False), UserChange(role=Role.USER)):
        with pytest.raises(ConflictError):
            await accounts.change("eggplant", last.id, change, OPERATOR)
    with pytest.raises(ConflictError):
        await accounts.delete("eggplant", last.id, OPERATOR)
    await accounts.change("eggplant", last.id, UserChange(name="still here"), OPERATOR)


async def test_without_power_over_administrators(people: People) -> None:
    """Everybody else can be made, changed and removed; an administrator in no way, and nobody becomes one."""
    boss, accounts = await people.add("boss", Role.ADMIN), people.service.accounts
    before = people.service.hashing.computed
    for change in (
        UserChange(password=PASSWORD),
        UserChange(enabled=False),
        UserChange(role=Role.USER),
        UserChange(email="x@example.org"),
        UserChange(groups=()),
    ):
        with pytest.raises(InsufficientScopeError, match="administrator"):
            await accounts.change("eggplant", boss.id, change, SCRIPT)
    with pytest.raises(InsufficientScopeError):
        await accounts.delete("eggplant", boss.id, SCRIPT)
    with pytest.raises(InsufficientScopeError):
        await people.service.links.password_address("eggplant", boss.id, SCRIPT)
    with pytest.raises(InsufficientScopeError):
        await accounts.create("eggplant", NewUser(username="eve", role=Role.ADMIN, password=PASSWORD), SCRIPT)
    assert people.service.hashing.computed == before
    eve = await accounts.create("eggplant", NewUser(username="eve", password=PASSWORD), SCRIPT)
    with pytest.raises(InsufficientScopeError):
        await accounts.change("eggplant", eve.id, UserChange(role=Role.ADMIN), SCRIPT)
    await accounts.change("eggplant", eve.id, UserChange(password="another long password", enabled=False), SCRIPT)
    await accounts.delete("eggplant", eve.id, SCRIPT)


async def test_people_of_another_realm_do_not_exist(people: People) -> None:
    """Reading, changing and removing them is 404."""
    person = await people.add()
    for attempt in (
        people.service.accounts.get("other", person.id),
        people.service.accounts.change("other", person.id, UserChange(name="x"), OPERATOR),
        people.service.accounts.delete("other", person.id, OPERATOR),
        people.service.links.password_address("other", person.id, OPERATOR),
    ):
        with pytest.raises(NotFoundError):
            await attempt
    assert await people.service.accounts.everybody("other") == []


async def test_groups(people: People) -> None:
    """Made, filled from either side, renamed, removed; their people stay."""
    ada, eve = await people.add("ada"), await people.add("eve")
    groups, accounts = people.service.groups, people.service.accounts
    group = await groups.create("eggplant", "Checkout", GroupChange(description="the till", members=("ADA",)), OPERATOR)
    assert group.members == (ada.id,)
    with pytest.raises(ConflictError):
        await groups.create("eggplant", "checkout", GroupChange(), OPERATOR)
    with pytest.raises(RequestError):
        await groups.change("eggplant", group.id, GroupChange(members=("nobody",)), OPERATOR)
    with pytest.raises(RequestError):
        await groups.change("eggplant", group.id, GroupChange(name=" "), OPERATOR)
    await accounts.change("eggplant", eve.id, UserChange(groups=("checkout",)), OPERATOR)
    assert set((await groups.get("eggplant", group.id)).members) == {ada.id, eve.id}
    await groups.change("eggplant", group.id, GroupChange(name="Till", members=(eve.id,)), OPERATOR)
    assert [(person.username, [group.name for group in held]) for person, held in await accounts.everybody("eggplant")] == [
        ("ada", []),
        ("eve", ["Till"]),
    ]
    await groups.delete("eggplant", group.id, OPERATOR)
    assert await groups.everyone("eggplant") == []
    assert len(await accounts.everybody("eggplant")) == 2
    recorded = [entry.detail["what"] for entry in await people.entries() if entry.action == "group.change"]
    assert recorded == ["deleted", "changed", "created"]


async def test_removing_somebody_takes_all_that_hangs_on_them(people: People) -> None:
    """Sessions, memberships, links and identities; the name is free again."""
    person = await people.service.link_external("eggplant", "https://idp.example.org", "42", "Ada", "ada@example.org", Role.USER)
    await people.service.groups.create("eggplant", "all", GroupChange(members=(person.id,)), OPERATOR)
    await people.service.open_session(person, HOME, "")
    await people.service.links.password_address("eggplant", person.id, OPERATOR)
    await people.service.accounts.delete("eggplant", person.id, OPERATOR)
    again = await people.service.link_external("eggplant", "https://idp.example.org", "42", "Ada", "ada@example.org", Role.USER)
    assert again.id != person.id and again.username == person.username


async def test_a_person_from_elsewhere_is_known_by_issuer_and_subject(people: People) -> None:
    """Never by the e-mail address, which anybody may claim; name, address and role follow the issuer."""
    local = await people.add("ada@example.org", Role.ADMIN)
    link = people.service.link_external
    first = await link("eggplant", "https://idp.example.org", "42", "Ada", "ada@example.org", Role.USER)
    assert first.id != local.id and first.username == "ada@example.org-2" and first.role is Role.USER
    again = await link("eggplant", "https://idp.example.org", "42", "Ada Lovelace", "not an address", Role.ADMIN)
    assert (again.id, again.name, again.email, again.role) == (first.id, "Ada Lovelace", "", Role.ADMIN)
    other = await link("eggplant", "https://other.example.org", "42", "", "", Role.USER)
    assert other.id != first.id and other.username == "user"
    await people.service.accounts.change("eggplant", first.id, UserChange(enabled=False), OPERATOR)
    with pytest.raises(LoginRefusedError):
        await link("eggplant", "https://idp.example.org", "42", "Ada", "", Role.USER)
