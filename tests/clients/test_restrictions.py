"""What a client's settings may say."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.access.permissions import SCOPES_OF, Scope
from melanzana.access.records import PrincipalKind
from melanzana.clients.records import ClientSettings
from melanzana.clients.restrictions import admits, check_expiry, checked, read_networks
from melanzana.errors import RequestError

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        (" 2001:DB8::/32 ", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1/128"),
    ],
)
def test_networks_have_one_spelling(written: str, kept: str) -> None:
    """Addresses become networks of one, in lower case, each once."""
    assert read_networks([written, written]) == (kept,)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("build.example.org", "no network"),
        ("192.0.2.0/33", "no network"),
        ("", "no network"),
        ("192.0.2.7/24", "write 192.0.2.0/24"),
        ("::ffff:192.0.2.0/120", "write it as IPv4"),
    ],
)
def test_bad_networks_say_what_to_write(written: str, says: str) -> None:
    """What is no network, or means another than it says, is refused with the fix."""
    with pytest.raises(RequestError, match=says) as caught:
        read_networks([written])
    assert caught.value.detail["field"] == "allowed_addresses"


def test_too_many_networks() -> None:
    """The list is bounded."""
    with pytest.raises(RequestError, match="at most 50"):
        read_networks(f"192.0.{number}.0/24" for number in range(51))


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_an_address_is_admitted_exactly_when_its_network_is_listed(address: IPv4Address, length: int) -> None:
    """Whatever the length of the network, its own addresses come in, also in IPv6 form, and the one after its last does not."""
    network = ip_network(f"{address}/{length}", strict=False)
    allowed = (str(network),)
    assert admits(allowed, str(address))
    assert admits(allowed, f"::ffff:{address}")
    beyond = int(network.broadcast_address) + 1
    assert beyond > 2**32 - 1 or not admits(allowed, str(IPv4Address(beyond)))


@given(st.ip_addresses(v=6))
def test_ipv6_is_held_to_ipv6_networks(address: IPv6Address) -> None:
    """An IPv6 caller needs an IPv6 network."""
    assert admits((f"{address}/128",), str(address)) == (address.ipv4_mapped is None)
    assert admits(("::/0",), str(address)) == (address.ipv4_mapped is None)


@pytest.mark.parametrize("address", ["", "testclient", "192.0.2.7.", "192.0.2.7:80", "@"])
def test_unreadable_addresses_are_not_admitted_where_there_is_a_list(address: str) -> None:
    """A caller behind something that hides its address is let in only where everybody is."""
    assert not admits(("0.0.0.0/0", "::/0"), address)
    assert admits((), address)


def test_no_scope_can_be_given_that_no_client_may_have() -> None:
    """Managing clients, an agent's work, unknown words and an empty list are refused; each permission of the kind is taken."""
    kind = PrincipalKind.API_CLIENT
    for words in ({"clients:manage"}, {"agents:work"}, {"models:read", "nonsense"}, set()):
        with pytest.raises(RequestError) as caught:
            checked(ClientSettings(name="ci", scopes=frozenset(words)), kind)
        assert caught.value.detail["field"] == "scopes"
    with pytest.raises(RequestError, match="API clients cannot manage API clients"):
        checked(ClientSettings(name="ci", scopes=frozenset({Scope.CLIENTS_MANAGE})), kind)
    assert checked(ClientSettings(name="ci", scopes=SCOPES_OF[kind]), kind).scopes == SCOPES_OF[kind]


def test_expiry_lies_ahead() -> None:
    """A date in the past or without a time zone is refused; none at all is no limit."""
    check_expiry(None, NOW)
    check_expiry(NOW + timedelta(seconds=1), NOW)
    for bad in (NOW, NOW - timedelta(days=1), datetime(2030, 1, 1)):  # noqa: DTZ001
        with pytest.raises(RequestError) as caught:
            check_expiry(bad, NOW)
        assert caught.value.detail["field"] == "expires_at"
