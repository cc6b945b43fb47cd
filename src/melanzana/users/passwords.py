"""Passwords of people: which are taken, and argon2id in a few threads of its own.

A person's password can be guessed, so each check costs memory and time on purpose. That cost is bounded: so many threads compute,
so many logins wait, one more is told to come again, and whatever needs no password never waits behind them. The parameters stand in
each hash, so raising them is safe: a hash made with others is made anew at the person's next login.
"""

import asyncio
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from secrets import token_bytes
from threading import BoundedSemaphore
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from melanzana.errors import RequestError, UnavailableError
from melanzana.users.names import name_key
from melanzana.users.records import HashingLimits
from melanzana.users.weak_passwords import is_weak

T = TypeVar("T")
SHORTEST, LONGEST = 12, 256
#: Nothing longer is even normalised.
_LONGEST_INPUT = 4 * LONGEST
_SALT_BYTES, _HASH_BYTES = 16, 32


def checked_password(password: str, username: str) -> str:
    """A new password in the form that is hashed. Errors: RequestError with the reason."""
    normal = normalised(password)
    if normal is None or not normal.isprintable():
        raise RequestError(f"password has {SHORTEST} to {LONGEST} printable characters", field="password")
    if name_key(normal) == name_key(username):
        raise RequestError("the password must not be the username", field="password")
    if is_weak(normal):
        raise RequestError("the password is one of the first that somebody would try; choose another one", field="password")
    return normal


def normalised(password: str) -> str | None:
    """One form for what looks the same on every keyboard; None for what no password can be."""
    if len(password) > _LONGEST_INPUT:
        return None
    normal = unicodedata.normalize("NFKC", password)
    return normal if SHORTEST <= len(normal) <= LONGEST else None


class PasswordHashing:
    """Makes and compares hashes off the event loop."""

    def __init__(self, limits: HashingLimits) -> None:
        self._argon2 = PasswordHasher(
            time_cost=limits.passes,
            memory_cost=limits.memory_kib,
            parallelism=limits.lanes,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
            type=Type.ID,
        )
        self._threads = ThreadPoolExecutor(limits.workers, thread_name_prefix="melanzana-password")
        self._room = BoundedSemaphore(limits.workers + limits.queue)
        self._nobody = _hash_of_nobody(limits)
        #: Hashes computed; for metrics and tests.
        self.computed = 0

    async def make(self, password: str) -> str:
        """A hash to store. Errors: UnavailableError when too many wait."""
        return await self._run(lambda: self._argon2.hash(_encoded(password)))

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether the password is the one of the hash; without a hash the answer costs the same and is no.

        Errors: UnavailableError when too many wait.
        """
        return await self._run(lambda: self._compare(stored or self._nobody, password)) and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether it was made with other parameters than these."""
        return self._argon2.check_needs_rehash(stored)

    def close(self) -> None:
        self._threads.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._room.acquire(blocking=False):
            raise UnavailableError("too many logins wait; try again in a moment", retry_after=2)
        try:
            future = self._threads.submit(work)
        except BaseException:
            self._room.release()
            raise
        # The room is taken until the thread is done, not until the caller goes away.
        future.add_done_callback(lambda _: self._room.release())
        self.computed += 1
        return await asyncio.wrap_future(future)

    def _compare(self, stored: str, password: str) -> bool:
        try:
            return self._argon2.verify(stored, _encoded(password))
        except (VerificationError, InvalidHashError):
            return False


def _hash_of_nobody(limits: HashingLimits) -> str:
    """A hash with these parameters that no password has: comparing with it costs what comparing with a real one costs."""
    salt, digest = (b64encode(token_bytes(size)).rstrip(b"=").decode() for size in (_SALT_BYTES, _HASH_BYTES))
    return f"$argon2id$v=19$m={limits.memory_kib},t={limits.passes},p={limits.lanes}${salt}${digest}"


def _encoded(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
