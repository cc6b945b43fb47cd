"""Guessing waits; nobody else does."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from melanzana.access.throttle import Throttle, ThrottleLimits
from support_auth import StillClock

LIMITS = ThrottleLimits(window_seconds=60, failures_per_client_and_address=3, failures_per_address=6, remembered=50)


def test_pair_waits_until_its_oldest_failure_is_forgotten() -> None:
    """Three failures 10 s apart: the wait ends 60 s after the first, and whole seconds are told."""
    clock = StillClock()
    throttle = Throttle(clock, LIMITS)
    for _ in range(3):
        assert throttle.wait_seconds("a", "x") == 0
        throttle.failed("a", "x")
        clock.move(10)
    assert throttle.wait_seconds("a", "x") == 30
    clock.move(29.5)
    assert throttle.wait_seconds("a", "x") == 1
    clock.move(0.5)
    assert throttle.wait_seconds("a", "x") == 0


def test_other_clients_and_addresses_do_not_wait() -> None:
    """The blocked client at another address and another client at the same address go on."""
    throttle = Throttle(StillClock(), LIMITS)
    for _ in range(3):
        throttle.failed("a", "x")
    assert throttle.wait_seconds("a", "x") == 60
    assert throttle.wait_seconds("a", "y") == 0
    assert throttle.wait_seconds("b", "x") == 0


def test_address_waits_after_many_clients() -> None:
    """Failures for many clients, unknown ones too, add up at their address."""
    throttle = Throttle(StillClock(), LIMITS)
    for number in range(6):
        throttle.failed(f"client {number}", "x")
    assert throttle.wait_seconds("anybody", "x") == 60
    assert throttle.wait_seconds("anybody", "y") == 0


def test_memory_is_bounded() -> None:
    """However many clients and addresses fail, a bounded number is remembered, the latest among them."""
    throttle = Throttle(StillClock(), LIMITS)
    for number in range(1_000):
        for _ in range(3):
            throttle.failed("c" * 10_000 + str(number), f"192.0.2.{number}")
    assert len(throttle._failures) <= LIMITS.remembered
    assert throttle.wait_seconds("c" * 10_000 + "999", "192.0.2.999") == 60


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.floats(0, 40)), max_size=60))
def test_agrees_with_a_plain_count(events: list[tuple[str, str, float]]) -> None:
    """A pair waits exactly when it, or its address, has its limit of failures within the last minute."""
    clock = StillClock()
    throttle = Throttle(clock, LIMITS)
    failures: deque[tuple[str, str, float]] = deque()
    for client, address, pause in events:
        clock.move(pause)
        now = clock.monotonic()
        recent = [(c, a) for c, a, at in failures if at > now - 60]
        blocked = recent.count((client, address)) >= 3 or sum(a == address for _, a in recent) >= 6
        assert (throttle.wait_seconds(client, address) > 0) == blocked
        if not blocked:
            throttle.failed(client, address)
            failures.append((client, address, now))
