"""Which passwords are taken, and what a hash costs."""

import asyncio
import threading
import unicodedata

import pytest

from melanzana.errors import RequestError, UnavailableError
from melanzana.users.passwords import PasswordHashing, checked_password, normalised
from melanzana.users.records import HashingLimits
from support_people import CHEAP, PASSWORD

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "x" * 11,
        "x" * 257,
        "Administrator1",
        "ADMINISTRATOR",
        "123456789012",
        "abababababab",
        "lovelace-augusta",
        "tab	in the midst",
    ],
)
def test_what_somebody_would_try_first_is_no_password(password: str) -> None:
    """Too short, too long, commonest, a piece repeated, the username, or not printable."""
    with pytest.raises(RequestError) as refused:
        checked_password(password, "Lovelace-Augusta")
    assert refused.value.detail["field"] == "password"
    assert not password or password not in refused.value.message


@pytest.mark.parametrize("password", [PASSWORD, "x7" + "é" * 5 + "rhubarb", "пароль подлиннее", "correct horse battery"])
def test_other_passwords_are_taken(password: str) -> None:
    """Any script, with blanks."""
    assert checked_password(password, "ada") == unicodedata.normalize("NFKC", password)


def test_63_one_password_however_the_keyboard_writes_it() -> None:
    """Composed and decomposed letters are the same password; a megabyte is refused before it is looked at."""
    assert normalised("re\u0301sume\u0301 of a year") == normalised("r\u00e9sum\u00e9 of a year")
    assert normalised("x" * 2**20) is None


async def test_a_hash_is_argon2id_with_the_parameters_in_it() -> None:
    """OWASP's least, and never the same hash twice."""
    hashing = PasswordHashing(HashingLimits())
    one, other = await hashing.make(PASSWORD), await hashing.make(PASSWORD)
    assert one != other
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hashing.matches(one, PASSWORD)
    assert not await hashing.matches(one, PASSWORD + "x")
    assert not hashing.is_outdated(one)
    assert PasswordHashing(CHEAP).is_outdated(one)
    hashing.close()


async def test_no_hash_and_a_broken_hash_match_nothing() -> None:
    """Without an account the same work is done, and the answer is no."""
    hashing = PasswordHashing(CHEAP)
    assert not await hashing.matches(None, PASSWORD)
    assert not await hashing.matches("not a hash", PASSWORD)
    assert hashing.computed == 2
    hashing.close()


async def test_65_a_full_queue_says_so_at_once() -> None:
    """As many wait as the limits say; the next is told to come again, and room comes back when a thread is done."""
    hashing = PasswordHashing(HashingLimits(memory_kib=8, passes=1, workers=1, queue=2))
    free = threading.Event()
    waiting = [asyncio.create_task(hashing._run(free.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError) as refused:
        await hashing.make(PASSWORD)
    assert refused.value.detail["retry_after"] == 2
    free.set()
    await asyncio.gather(*waiting)
    assert await hashing.make(PASSWORD)
    hashing.close()
