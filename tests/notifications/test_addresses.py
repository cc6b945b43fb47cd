"""Where webhooks may go."""

import pytest

from melanzana.errors import RequestError
from melanzana.notifications.addresses import allowed_address, check_url, is_public

PRIVATE = (
    *("127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1"),
    *("::1", "::", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "2002:7f00:1::", "fe80::1%eth0"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_told_from_public_ones(address: str) -> None:
    """Loopback, private, link-local, shared, multicast, and each of them wrapped in IPv6."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_public(address: str) -> None:
    """Also when IPv6 wraps one."""
    assert is_public(address)


@pytest.mark.anyio
async def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    """A name that leads to several addresses is as good as its worst; allowed, the first is taken."""

    async def find(_host: str, _port: int) -> list[str]:
        return ["8.8.8.8", "10.0.0.1"]

    with pytest.raises(RequestError, match="private address"):
        await allowed_address("https://hooks.example.org/ci", find, private=False)
    assert await allowed_address("https://hooks.example.org/ci", find, private=True) == "8.8.8.8"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "file:///etc/passwd",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "http://[x",
        "http://x:99999",
        "h" * 9_000,
    ],
)
def test_what_is_no_address_of_a_webhook_is_refused(url: str) -> None:
    """The field is named."""
    with pytest.raises(RequestError) as caught:
        check_url(url)
    assert caught.value.detail["field"] == "url"
