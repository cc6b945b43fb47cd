"""The one file of credentials and the ticket that stands for it."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.access.records import Actor
from melanzana.clients.downloads import CSV_HEADER, LIFETIME, credentials_csv, file_name, formula_safe, open_ticket, sealed_ticket
from melanzana.clients.records import CreatedClient
from melanzana.errors import NotFoundError
from melanzana.realms.master_key import MasterKey
from support_auth import MASTER, SOMEBODY, Auth, StillClock
from support_clients import dump

CREATED = CreatedClient(client_id="client:x", client_secret="mlz_secret", token_url="https://tests.example.org/token", name="ci")


@given(st.text())
def test_no_cell_is_a_formula(text: str) -> None:
    """No cell starts with a character that a spreadsheet takes for a formula, and no other cell is changed."""
    cell = formula_safe(text)
    assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert cell.removeprefix("'") == text or cell == text


_PRINTED = st.text(st.characters(exclude_categories=["Cc", "Cs"]))


@given(_PRINTED, _PRINTED)
def test_the_file_has_a_header_and_one_row(client_id: str, url: str) -> None:
    """Any reader of CSV finds three columns and one row, whatever is printed in them."""
    text = credentials_csv(replace(CREATED, client_id=client_id, token_url=url))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == list(CSV_HEADER)
    assert text.startswith("client_id,client_secret,token_url\n")
    assert len(rows) == 2
    assert rows[1] == [formula_safe(client_id), "mlz_secret", formula_safe(url)]


@given(st.text())
def test_no_43_the_file_has_a_harmless_name(name: str) -> None:
    """Only letters, digits, - and _ of the client's name are in the file's, however it reads."""
    assert set(file_name(name).removesuffix(".csv")) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert 5 <= len(file_name(name)) <= 64
    assert file_name("=cmd|' /C calc'!A0\r\nX: y") == "cmd----C-calc--A0--X--y.csv"


def test_a_ticket_shows_nothing() -> None:
    """The secret is sealed in the ticket, and two tickets of the same file are not alike."""
    now = StillClock().now()
    first, second = (sealed_ticket(CREATED, "session", now, MASTER) for _ in range(2))
    assert "mlz_" not in first
    assert first != second
    opened = open_ticket(first, "session", MASTER)
    assert (opened.created, opened.expires_at) == (CREATED, now + LIFETIME)


@pytest.mark.parametrize("ticket", ["", "x", "é", "AAAA", "A" * 20_000, "\ud800"])
def test_what_is_no_ticket(ticket: str) -> None:
    """Garbage is no ticket."""
    with pytest.raises(NotFoundError):
        open_ticket(ticket, "session", MASTER)


def test_a_ticket_is_of_its_session_and_its_server() -> None:
    """Another session, another master key and a changed letter open nothing."""
    ticket = sealed_ticket(CREATED, "session", StillClock().now(), MASTER)
    changed = ("B" if ticket[40] == "A" else "A").join([ticket[:40], ticket[41:]])
    other = MasterKey(b"another master key of 32 bytes..")
    for tried, session, master in ((ticket, "another", MASTER), (ticket, "session", other), (changed, "session", MASTER)):
        with pytest.raises(NotFoundError):
            open_ticket(tried, session, master)


@pytest.mark.anyio
async def test_no_43_a_ticket_counts_once(auth: Auth) -> None:
    """The first use gives the file and is in the audit trail; the second and one after ten minutes give nothing."""
    actor = Actor(kind="user", id="u1", name="ada", address="192.0.2.9")
    created = await auth.clients.create_client("eggplant", "ci", actor=SOMEBODY)
    ticket, late = (auth.clients.ticket_for(created, "session") for _ in range(2))
    with pytest.raises(NotFoundError):
        await auth.clients.download("eggplant", "another session", ticket, actor=actor)
    assert await auth.clients.download("eggplant", "session", ticket, actor=actor) == created
    assert await auth.clients.download("eggplant", "session", ticket, actor=actor) is None
    auth.clock.move(LIFETIME / timedelta(seconds=1))
    assert await auth.clients.download("eggplant", "session", late, actor=actor) is None
    held = await dump(auth, "audit", "clients", "client_single_uses")
    assert held.count("client.download") == 1
    assert created.client_secret not in held
