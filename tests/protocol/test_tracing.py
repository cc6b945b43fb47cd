"""Where a run stands in a distributed trace."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melanzana.protocol.tracing import place_of, valid_traceparent

GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "lamp",
        GOOD.upper(),
        GOOD + "-more",
        GOOD.replace("00-", "ff-", 1),
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        GOOD + " " * 600,
    ],
)
def test_what_means_nothing_is_ignored(text: str | None) -> None:
    """As the standard asks of every receiver."""
    assert valid_traceparent(text) == ""


def test_a_version_to_come_is_understood_as_far_as_it_is_known() -> None:
    """More may follow in it."""
    later = GOOD.replace("00-", "01-", 1) + "-more"
    assert valid_traceparent(later) == later
    assert place_of("x", later).trace_id == "0af7651916cd43dd8448eb211c80319c"


@given(execution=st.uuids(version=4))
def test_agent_and_server_come_to_the_same_place(execution: uuid.UUID) -> None:
    """From the execution alone; what is handed on is of the standard's form, and a child of the caller keeps its sampling."""
    name = str(execution)
    assert place_of(name) == place_of(name)
    assert valid_traceparent(place_of(name).traceparent) == place_of(name).traceparent
    child = place_of(name, GOOD)
    assert (child.trace_id, child.parent_id, child.flags) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 0)
    assert child.span_id == place_of(name).span_id
