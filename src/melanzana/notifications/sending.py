"""Sends one notification: a webhook over HTTP, or an e-mail over SMTP. Every failure ends as `SendingFailed` with a sentence.

A webhook is not redirected, its answer is not read beyond the status, and neither may take longer than ten seconds.
"""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from melanzana.errors import RequestError
from melanzana.notifications.addresses import LookUp, allowed_address, look_up
from melanzana.notifications.records import MailSettings
from melanzana.version import __version__

TIMEOUT_SECONDS = 10.0


class SendingFailed(Exception):
    """Why a try failed, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpMessage:
    url: str
    method: str
    headers: dict[str, str]
    body: bytes


class Sender(Protocol):
    """What takes a message out of the house."""

    async def post(self, message: HttpMessage) -> None:
        """Raises SendingFailed unless the receiver answered 2xx."""
        ...

    async def mail(self, settings: MailSettings, message: EmailMessage) -> None:
        """Raises SendingFailed unless the mail server took it."""
        ...


class NetworkSender:
    """The real one."""

    def __init__(self, *, private: bool, find: LookUp = look_up, trust: ssl.SSLContext | None = None) -> None:
        """`private`: whether webhooks may go to private addresses; `trust`: None for the system's certificates."""
        self._private, self._find = private, find
        self._trust: ssl.SSLContext = trust or ssl.create_default_context()

    async def post(self, message: HttpMessage) -> None:
        parts = urlsplit(message.url)
        try:
            address = await allowed_address(message.url, self._find, private=self._private)
            host = f"[{address}]" if ":" in address else address
            place = parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}").geturl()
            headers = {**message.headers, "Host": parts.netloc, "User-Agent": f"melanzana/{__version__}"}
            async with (
                httpx.AsyncClient(verify=self._trust, trust_env=False, timeout=TIMEOUT_SECONDS) as http,
                http.stream(
                    message.method,
                    place,
                    headers=headers,
                    content=message.body,
                    extensions={"sni_hostname": parts.hostname or ""},
                ) as answer,
            ):
                status = answer.status_code
        except RequestError as error:
            raise SendingFailed(error.message) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SendingFailed(f"{parts.netloc} does not answer: {error or type(error).__name__}") from None
        if not 200 <= status < 300:
            raise SendingFailed(f"{parts.netloc} answered {status}")

    async def mail(self, settings: MailSettings, message: EmailMessage) -> None:
        try:
            await asyncio.to_thread(self._mail, settings, message)
        except (OSError, smtplib.SMTPException) as error:
            raise SendingFailed(f"{settings.host} did not take the e-mail: {error or type(error).__name__}") from None

    def _mail(self, settings: MailSettings, message: EmailMessage) -> None:
        with self._server(settings) as server:
            if settings.security == "starttls":
                server.starttls(context=self._trust)
            if settings.username:
                server.login(settings.username, settings.password)
            server.send_message(message)

    def _server(self, settings: MailSettings) -> smtplib.SMTP:
        if settings.security == "tls":
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=TIMEOUT_SECONDS, context=self._trust)
        return smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT_SECONDS)
