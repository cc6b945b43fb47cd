"""Messages over real sockets: an HTTP receiver and a mail server in this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from melanzana.notifications.records import MailSettings
from melanzana.notifications.sending import HttpMessage, NetworkSender, SendingFailed
from support_server import free_port

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def receiver(status: str) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Listens on a free port of loopback and answers every request with this status."""
    received: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        received.append(head)
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:1/\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], received
    finally:
        server.close()
        await server.wait_closed()


def message(port: int) -> HttpMessage:
    return HttpMessage(url=f"http://hooks.test:{port}/ci?x=1", method="POST", headers={"X-A": "1"}, body=b"{}")


def sender(*, private: bool) -> NetworkSender:
    async def find(host: str, _port: int) -> list[str]:
        assert host == "hooks.test"
        return ["127.0.0.1"]

    return NetworkSender(private=private, find=find)


async def test_a_webhook_goes_to_the_address_that_was_looked_at() -> None:
    """The connection is made to that address, and the receiver sees the name in `Host`."""
    async with receiver("204 No Content") as (port, received):
        await sender(private=True).post(message(port))
    assert received[0].startswith(b"POST /ci?x=1 HTTP/1.1\r\n")
    assert f"host: hooks.test:{port}".encode() in received[0].lower()


@pytest.mark.parametrize("status", ["302 Found", "400 Bad Request", "500 Internal Server Error"])
async def test_anything_but_2xx_is_a_failure_and_nothing_is_followed(status: str) -> None:
    """A redirect could lead to where a webhook may not go."""
    async with receiver(status) as (port, received):
        with pytest.raises(SendingFailed, match=f"answered {status[:3]}"):
            await sender(private=True).post(message(port))
    assert len(received) == 1


async def test_a_private_address_gets_no_connection() -> None:
    """Unless the operator allows it."""
    async with receiver("204 No Content") as (port, received):
        with pytest.raises(SendingFailed, match="private address"):
            await sender(private=False).post(message(port))
    assert received == []


async def test_a_receiver_that_is_not_there_is_a_failure() -> None:
    """Said in one sentence."""
    async with receiver("204 No Content") as (port, _):
        pass
    with pytest.raises(SendingFailed, match="does not answer"):
        await sender(private=True).post(message(port))


class _Mailbox:
    def __init__(self) -> None:
        self.envelopes: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.envelopes.append(envelope)
        return "250 taken"


async def test_an_email_goes_through_the_mail_server() -> None:
    """Sender, recipients and text arrive; a server that is not there is a failure."""
    mailbox = _Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings = MailSettings(host="127.0.0.1", port=controller.port, security="none", sender="m@x.org")
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "m@x.org", "ada@x.org, bob@x.org", "Failed: nightly"
    mail.set_content("the lamp is off")
    try:
        await sender(private=True).mail(settings, mail)
    finally:
        controller.stop()
    (envelope,) = mailbox.envelopes
    assert envelope.rcpt_tos == ["ada@x.org", "bob@x.org"]
    assert b"the lamp is off" in envelope.content
    with pytest.raises(SendingFailed, match="did not take"):
        await sender(private=True).mail(settings, mail)
