"""An agent that a server started ends with that server, however it ended. The server says so in the environment."""

import asyncio
import os
from collections.abc import Callable

PARENT = "MELANZANA_PARENT"


async def stop_with_parent(stop: Callable[[], None]) -> None:
    """Call `stop` when the process that the environment names is our parent no more; without such a name, nothing happens."""
    parent = os.environ.get(PARENT, "")
    if not parent.isdigit():
        return
    while os.getppid() == int(parent):  # noqa: ASYNC110 - there is nothing to be woken by
        await asyncio.sleep(1.0)
    stop()
