"""Where a webhook may go: to the public internet, and to private addresses only where an operator allows them.

A name is looked up once, and the connection is made to the address that was looked at: a second look-up cannot lead elsewhere.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from melanzana.errors import RequestError

_LIMIT = 2_048
#: Addresses of a host name.
LookUp = Callable[[str, int], Awaitable[list[str]]]


async def look_up(host: str, port: int) -> list[str]:
    """By the operating system. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def check_url(url: str) -> None:
    """Raises RequestError for what is no address of a webhook."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or len(url) > _LIMIT or urlsplit(url).scheme not in {"http", "https"}:
        raise RequestError("url must be an address like https://hooks.example.org/ci", field="url")
    if urlsplit(url).username is not None:
        raise RequestError("url has a user name in it; put credentials into headers, which are kept sealed", field="url")


async def allowed_address(url: str, find: LookUp, *, private: bool) -> str:
    """The address to connect to. Raises RequestError when the name leads nowhere, or to a private address that is not allowed."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        found = await find(host, parts.port or (443 if parts.scheme == "https" else 80))
    except OSError:
        raise RequestError(f"{host} has no address", field="url") from None
    for text in found:
        if not private and not is_public(text):
            raise RequestError(f"{host} is a private address, and this server calls none (setting webhook_private)", field="url")
    if not found:
        raise RequestError(f"{host} has no address", field="url")
    return found[0]


def is_public(text: str) -> bool:
    """Whether an address is on the public internet, also when IPv6 wraps an IPv4 one."""
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return inner.is_global
    return address.is_global and not address.is_multicast
