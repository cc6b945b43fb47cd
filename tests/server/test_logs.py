"""What is logged cannot forge or disguise a line."""

from melanzana.server.logs import printable


def test_control_characters_are_escaped() -> None:
    """Line breaks, escape sequences and bidirectional marks are made visible."""
    event = printable(None, "info", {"event": "named", "name": "a\r\nINFO forged\x1b[31m\u202eevil"})
    assert event["name"] == "a\\r\\nINFO forged\\x1b[31m\\u202eevil"


def test_a_traceback_keeps_its_lines() -> None:
    """Only the field `exception` may have line breaks."""
    event = printable(None, "error", {"event": "x", "exception": "Traceback\n  line\x00"})
    assert event["exception"] == "Traceback\n  line\\x00"
