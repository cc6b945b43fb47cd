"""What a client's settings may say, and whether an address is among those allowed. Pure.

`service.py` checks every new or changed setting here before it stores it, and asks `admits` at each grant and each request.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from melanzana.access.permissions import SCOPES_OF, Scope
from melanzana.access.records import PrincipalKind
from melanzana.clients.public_keys import checked_keys
from melanzana.clients.records import ClientSettings
from melanzana.errors import RequestError

LONGEST_NAME, LONGEST_DESCRIPTION = 200, 2_000
MOST_ADDRESSES = 50
_MAPPED = IPv6Network("::ffff:0:0/96")


def checked(settings: ClientSettings, kind: PrincipalKind) -> ClientSettings:
    """The settings, with networks and keys in their one spelling.

    Errors: RequestError with the field that is wrong.
    """
    _check_text("name", settings.name, LONGEST_NAME)
    if settings.description:
        _check_text("description", settings.description, LONGEST_DESCRIPTION)
    if settings.scopes is not None:
        _check_scopes(settings.scopes, kind)
    keys = None if settings.public_keys is None else checked_keys(settings.public_keys)
    return replace(settings, allowed_addresses=read_networks(settings.allowed_addresses), public_keys=keys)


def check_expiry(expires_at: datetime | None, now: datetime) -> None:
    """Errors: RequestError when it lies in the past or has no time zone."""
    if expires_at is None:
        return
    if expires_at.tzinfo is None:
        raise RequestError("expires_at needs a time zone, for example 2027-01-31T00:00:00Z", field="expires_at")
    if expires_at <= now:
        raise RequestError("expires_at lies in the past; name a later date, or revoke the client to end it now", field="expires_at")


def read_networks(texts: Iterable[str]) -> tuple[str, ...]:
    """Networks in CIDR form, each once, in the order given; a single address becomes a network of one.

    Errors: RequestError.
    """
    found = tuple(dict.fromkeys(str(_network(text.strip())) for text in texts))
    if len(found) > MOST_ADDRESSES:
        raise RequestError(f"allowed_addresses has at most {MOST_ADDRESSES} networks; name larger ones", field="allowed_addresses")
    return found


def admits(allowed_addresses: tuple[str, ...], address: str) -> bool:
    """Whether a request from this address is let in: without a list every one, with a list no address that cannot be read."""
    if not allowed_addresses:
        return True
    try:
        caller = ip_address(address)
    except ValueError:
        return False
    if isinstance(caller, IPv6Address):
        caller = caller.ipv4_mapped or caller  # an IPv4 caller at a socket that listens on both
    return any(_holds(network, caller) for network in _networks(allowed_addresses))


@lru_cache(maxsize=1024)
def _networks(texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)


def _holds(network: IPv4Network | IPv6Network, address: IPv4Address | IPv6Address) -> bool:
    return network.version == address.version and address in network


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        message = f"{text[:60]!r} is no network; write an address such as 192.0.2.7 or a network such as 192.0.2.0/24"
        raise RequestError(message, field="allowed_addresses") from None
    if "/" in text and network.network_address != ip_address(text.partition("/")[0]):
        raise RequestError(f"{text} names an address inside the network {network}; write {network}", field="allowed_addresses")
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        raise RequestError(f"{text} is an IPv4 network in IPv6 form; write it as IPv4", field="allowed_addresses")
    return network


def _check_text(field: str, text: str, longest: int) -> None:
    if len(text) > longest or not text.strip() or not text.isprintable():
        raise RequestError(f"{field} has 1 to {longest} characters, not all of them blank, on one line", field=field)


def _check_scopes(scopes: frozenset[str], kind: PrincipalKind) -> None:
    if kind is PrincipalKind.API_CLIENT and Scope.CLIENTS_MANAGE in scopes:
        raise RequestError("API clients cannot manage API clients: leave out clients:manage", field="scopes")
    if not scopes:
        raise RequestError("name at least one permission, or leave the field out for all", field="scopes")
    if unknown := sorted(scopes - SCOPES_OF[kind]):
        known = ", ".join(sorted(SCOPES_OF[kind]))
        raise RequestError(f"{unknown[0][:60]!r} is no permission of a client; there are {known}", field="scopes")
