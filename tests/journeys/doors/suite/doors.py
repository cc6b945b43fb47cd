"""Action code of the doors model: one action waits until the test says go, one always fails."""

import os
import time
from pathlib import Path


def open_door(opened: int) -> None:
    print(f"door opened {opened} times before")


def in_room(opened: int) -> None:
    assert opened > 0


def wait_for_go(folder: str) -> None:
    Path(folder, "waiting").write_text(str(os.getpid()))
    while not Path(folder, "go").exists():
        time.sleep(0.01)


def break_it() -> None:
    raise AssertionError("the door fell out of its frame")
