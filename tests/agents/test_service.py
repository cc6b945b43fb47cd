"""Agents: identity, presence, credentials. Sessions and reports are held by `tests/protocol/peer_conformance.py`."""

import asyncio
import configparser
from dataclasses import replace
from pathlib import Path

import pytest

from melanzana.agents.records import AgentChange
from melanzana.agents.service import AgentService
from melanzana.errors import (
    AgentDrainedError,
    ConflictError,
    InsufficientScopeError,
    NotFoundError,
    RequestError,
    SessionReplacedError,
)
from melanzana.protocol.events import RunFinished
from melanzana.protocol.peer import PROTOCOL_VERSION, Hello
from support_agents import SOMEBODY, Clients, agent_service, new_agent, principal_of
from support_executions import CLIENT, REALM, World, open_world, report

pytestmark = pytest.mark.anyio
HELLO = Hello(capabilities=frozenset({"python", "chrome"}), host="rack", version="1", instance="one")


@pytest.fixture
async def world() -> World:
    return await open_world()


@pytest.fixture
def clients() -> Clients:
    return Clients()


@pytest.fixture
def agents(world: World, clients: Clients, tmp_path: Path) -> AgentService:
    return agent_service(world, tmp_path, clients)


@pytest.mark.parametrize("name", ["", "a b", "12", "any", "DEFAULT", "a]", "a\n", "x" * 101, "-a"])
async def test_a_bad_name_is_refused(agents: AgentService, name: str) -> None:
    """A name has no spaces, is no number and no word that means something else; the field is named."""
    with pytest.raises(RequestError) as caught:
        await agents.create(REALM, name)
    assert caught.value.detail["field"] == "name"


async def test_fields_of_the_original_are_kept(agents: AgentService) -> None:
    """What an environment is made with comes back; an update writes only what it gives."""
    made = await agents.create(REALM, "lab", {"recordpath": "", "epphost": "h1", "suite": "/s"})
    changed = await agents.update(REALM, made.agent.id, AgentChange(name="lab-2", config={"epphost": "h2"}))
    assert changed.agent.name == "lab-2"
    assert changed.agent.config == {"recordpath": "", "epphost": "h2", "suite": "/s"}
    await agents.create(REALM, "lab")
    with pytest.raises(ConflictError):
        await agents.update(REALM, made.agent.id, AgentChange(name="lab"))
    assert (await agents.update(REALM, made.agent.id, AgentChange(name="lab-2"))).agent.name == "lab-2"


async def test_realms_do_not_see_each_other(agents: AgentService) -> None:
    """The same name in two realms is two agents, and neither is found from the other."""
    here, there = await agents.create(REALM, "lab"), await agents.create("other", "lab")
    assert here.agent.id != there.agent.id
    assert await agents.id_of(REALM, "lab") == here.agent.id
    with pytest.raises(NotFoundError):
        await agents.get(REALM, there.agent.id)
    with pytest.raises(NotFoundError):
        await agents.register(principal_of(there.agent.id, REALM), HELLO)


async def test_status_follows_what_the_agent_does(world: World, agents: AgentService, tmp_path: Path) -> None:
    """Disconnected until it registers, Connected after, Busy with a lease, Disconnected when silent; also after a restart."""
    principal = await new_agent(agents, "rack")
    agent_id = principal.agent_id or 0

    async def status(service: AgentService = agents) -> str:
        return (await service.get(REALM, agent_id)).status

    assert await status() == "Disconnected"
    session = await agents.register(principal, HELLO)
    assert await status() == "Connected"
    assert await agents.lease(principal, session.session, 0.0) is None
    world.clock.advance(34)
    assert await status() == "Connected"
    await world.start()
    lease = await agents.lease(principal, session.session, 0.0)
    assert lease is not None
    assert await status() == "Busy"
    restarted = agent_service(world, tmp_path)
    assert await status(restarted) == "Busy"
    await agents.report(principal, session.session, report(lease, 1, [RunFinished(verdict="passed", reason="exit")]))
    world.clock.advance(36)
    assert await status() == "Disconnected"
    assert await status(restarted) == "Disconnected"


async def test_registration_is_remembered(agents: AgentService) -> None:
    """Capabilities, host and version are those that the newest process told; a new process counts the session on."""
    principal = await new_agent(agents, "rack")
    first = await agents.register(principal, HELLO)
    second = await agents.register(principal, Hello(capabilities=frozenset({"dry"}), host="other", instance="two"))
    assert (first.session, second.session) == (1, 2)
    agent = (await agents.get(REALM, principal.agent_id or 0)).agent
    assert (agent.capabilities, agent.host) == (frozenset({"dry"}), "other")
    assert (first.heartbeat_seconds, first.lease_seconds, first.kill_seconds, first.poll_seconds) == (5, 20, 5, 25)


async def test_processes_without_an_instance_are_always_new(agents: AgentService) -> None:
    """An agent that tells no instance gets a new session each time: nothing says that it is the same process."""
    principal = await new_agent(agents, "rack")
    sessions = [await agents.register(principal, Hello(capabilities=frozenset())) for _ in range(2)]
    assert [session.session for session in sessions] == [1, 2]


async def test_a_protocol_that_is_not_spoken(agents: AgentService) -> None:
    """A version too far away is refused with what to do; the one before is served."""
    principal = await new_agent(agents, "rack")
    with pytest.raises(RequestError, match="at most one apart"):
        await agents.register(principal, Hello(capabilities=frozenset(), protocol=PROTOCOL_VERSION + 1))


async def test_a_client_is_no_agent(agents: AgentService) -> None:
    """Credentials that belong to no agent cannot speak the agent protocol."""
    with pytest.raises(InsufficientScopeError):
        await agents.peer_for(CLIENT).register(HELLO)


async def test_a_replaced_process_hears_of_it_while_it_waits(world: World, agents: AgentService) -> None:
    """A held lease of an old session gives no work to it, however soon work comes."""
    principal = await new_agent(agents, "rack")
    old = await agents.register(principal, HELLO)
    held = asyncio.create_task(agents.lease(principal, old.session, 25))
    await asyncio.sleep(0)
    new = await agents.register(principal, Hello(capabilities=HELLO.capabilities, instance="two"))
    execution = await world.start()
    with pytest.raises(SessionReplacedError):
        await held
    lease = await agents.lease(principal, new.session, 0.0)
    assert lease is not None
    assert lease.execution_id == execution.id


async def test_keys_come_as_an_ini_file(agents: AgentService, clients: Clients) -> None:
    """One section named like the agent; addresses begin with what was asked for; new keys replace old ones of the same client."""
    made = await agents.create(REALM, "lab-1")
    texts = [await agents.ini_text(REALM, [made.agent.id], "https://tests.example.org:8443/", actor=SOMEBODY) for _ in range(2)]
    sections = []
    for text in texts:
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(text)
        assert parser.sections() == ["lab-1"]
        sections.append(dict(parser["lab-1"]))
    first, second = sections
    assert first["dai_host_url"] == "https://tests.example.org:8443"
    assert first["token_url"] == "https://tests.example.org:8443/auth/realms/eggplant/protocol/openid-connect/token"
    assert first["environment_id"] == str(made.agent.id)
    assert first["client_id"] == second["client_id"]
    assert clients.secrets == {second["client_id"]: second["client_secret"]}
    assert first["client_secret"] != second["client_secret"]


@pytest.mark.parametrize("address", ["tests.example.org", "ftp://x", "http://x\nclient_id = evil", "http://x y", "http://x?a"])
async def test_a_bad_address_is_refused(agents: AgentService, address: str) -> None:
    """What is no web address, or would write lines of its own into the file, is refused, and no keys are made."""
    made = await agents.create(REALM, "lab")
    with pytest.raises(RequestError) as caught:
        await agents.ini_text(REALM, [made.agent.id], address, actor=SOMEBODY)
    assert caught.value.detail["field"] == "host_url"


async def test_a_revoked_client_is_replaced_by_a_new_one(agents: AgentService, clients: Clients) -> None:
    """Keys can be made again after somebody revoked the agent's client by hand."""
    made = await agents.create(REALM, "lab")
    await agents.ini_text(REALM, [made.agent.id], actor=SOMEBODY)
    (first,) = clients.secrets
    await clients.revoke_client(REALM, first, actor=SOMEBODY)
    await agents.ini_text(REALM, [made.agent.id], actor=SOMEBODY)
    assert len(clients.secrets) == 2
    assert (await agents.get(REALM, made.agent.id)).agent.client_id != first


async def test_a_deleted_agent_is_gone_with_its_keys(world: World, agents: AgentService, clients: Clients) -> None:
    """Its client is revoked, its process must stop, and its name is free; its id is never used again."""
    principal = await new_agent(agents, "rack")
    session = await agents.register(principal, HELLO)
    await agents.ini_text(REALM, ["rack"], actor=SOMEBODY)
    await agents.delete(REALM, "rack", actor=SOMEBODY)
    assert clients.revoked == set(clients.secrets)
    with pytest.raises(SessionReplacedError, match="deleted"):
        await agents.lease(principal, session.session, 0.0)
    again = await agents.create(REALM, "rack")
    assert again.agent.id > (principal.agent_id or 0)


async def test_agents_of_the_server(agents: AgentService) -> None:
    """A hosted agent is made once and listed; an internal one is made once and in no list, but reports know its name."""
    for _ in range(2):
        for name, internal in (("local", False), ("dry-run", True)):
            text = await agents.hosted_ini(REALM, name, internal=internal, base_url="http://127.0.0.1:8000")
            assert f"[{name}]" in text
    (only,) = await agents.list(REALM)
    assert (only.agent.name, only.agent.hosted) == ("local", True)
    with pytest.raises(NotFoundError):
        await agents.get(REALM, "dry-run")
    assert await agents.names(REALM, [1, 2, 99]) == {1: "local", 2: "dry-run"}


async def test_a_drained_agent_waits_and_a_resumed_one_works(world: World, agents: AgentService) -> None:
    """Draining answers a held lease, keeps work away for as long as it lasts, and survives a restart; a run goes on meanwhile."""
    principal = await new_agent(agents, "rack")
    session = await agents.register(principal, HELLO)
    await world.start()
    lease = await agents.lease(principal, session.session, 0.0)
    assert lease is not None
    waiting = asyncio.create_task(agents.lease(principal, session.session, 25.0))
    await asyncio.sleep(0)
    drained = await agents.update(REALM, "rack", AgentChange(draining=True))
    assert (drained.status, await waiting) == ("Draining", None)
    execution = await world.start()
    done = report(lease, 1, [RunFinished(verdict="passed", reason="exit")])
    assert (await agents.report(principal, session.session, done)).ended
    session = await agents.register(principal, replace(HELLO, instance="two"))
    waiting = asyncio.create_task(agents.lease(principal, session.session, 25.0))
    done_waiting, _ = await asyncio.wait({waiting}, timeout=0.2)
    assert not done_waiting and (await agents.get(REALM, "rack")).status == "Draining"
    await agents.update(REALM, "rack", AgentChange(draining=False))
    assert await waiting is None
    lease = await agents.lease(principal, session.session, 0.0)
    assert lease is not None and lease.execution_id == execution.id


async def test_a_label_given_on_the_server_brings_work_at_once(world: World, agents: AgentService) -> None:
    """A start that asks for a label waits until an agent has it, from its process or from an administrator."""
    principal = await new_agent(agents, "rack")
    session = await agents.register(principal, HELLO)
    await world.start(labels=("chrome", "windows-11"))
    assert await agents.lease(principal, session.session, 0.0) is None
    waiting = asyncio.create_task(agents.lease(principal, session.session, 25.0))
    await asyncio.sleep(0)
    await agents.update(REALM, "rack", AgentChange(labels=frozenset({"windows-11"})))
    assert await waiting is None
    assert await agents.lease(principal, session.session, 0.0) is not None
    for labels in ({""}, {" x"}, {str(number) for number in range(65)}):
        with pytest.raises(RequestError):
            await agents.update(REALM, "rack", AgentChange(labels=frozenset(labels)))


async def test_somebody_else_may_ask_a_process_to_end(agents: AgentService) -> None:
    """Without a session the newest process is meant; one that has said goodbye is disconnected at once and stays so."""
    principal = await new_agent(agents, "rack")
    assert (await agents.leave(principal, None, gone=False)).status == "Disconnected"
    session = await agents.register(principal, HELLO)
    assert (await agents.leave(principal, None, gone=False)).status == "Draining"
    with pytest.raises(AgentDrainedError):
        await agents.lease(principal, session.session, 0.0)
    assert (await agents.leave(principal, session.session, gone=True)).status == "Disconnected"
    assert (await agents.leave(principal, None, gone=False)).status == "Disconnected"
    await agents.register(principal, replace(HELLO, instance="two"))
    assert (await agents.get(REALM, "rack")).status == "Connected"
    with pytest.raises(SessionReplacedError):
        await agents.leave(principal, session.session, gone=True)


async def test_a_deleted_agent_is_told_at_once(world: World, agents: AgentService) -> None:
    """What its process waits for, work or news of its run, is refused the moment it is deleted."""
    principal = await new_agent(agents, "rack")
    session = (await agents.register(principal, HELLO)).session
    await world.start()
    lease = await agents.lease(principal, session, 0.0)
    assert lease is not None
    beat = replace(report(lease, 1, []), wait_seconds=25.0)
    waiting = [
        asyncio.create_task(agents.lease(principal, session, 25.0)),
        asyncio.create_task(agents.report(principal, session, beat)),
    ]
    await asyncio.wait(waiting, timeout=0.2)
    await agents.delete(REALM, "rack", actor=SOMEBODY)
    async with asyncio.timeout(3):
        told = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in told] == [SessionReplacedError, SessionReplacedError]


async def test_one_file_holds_the_keys_of_several(agents: AgentService) -> None:
    """A section for each, in the order asked for, each once; an agent that is not there leaves all keys as they were."""
    for name in ("one", "two"):
        await agents.create(REALM, name)
    text = await agents.ini_text(REALM, ["two", "one", "two"], actor=SOMEBODY)
    file = configparser.ConfigParser(interpolation=None)
    file.read_string(text)
    assert file.sections() == ["two", "one"]
    assert file["one"]["client_secret"] != file["two"]["client_secret"]
    with pytest.raises(NotFoundError):
        await agents.ini_text(REALM, ["one", "three"], actor=SOMEBODY)
