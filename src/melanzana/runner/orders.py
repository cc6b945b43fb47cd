"""What passes between an agent and its worker besides the job: orders one way, events the other, one JSON object a line.

The pipes are descriptors of their own, so nothing that action code prints can be taken for an event. In the worker, `OrderReader`
and `EventWriter` each own a thread; the main thread belongs to the walk.
"""

import json
import os
import threading
from collections import deque

from melanzana.protocol.events import Event, event_to_json

ABORT, RESUME, PAUSE = {"order": "abort"}, {"order": "resume"}, {"order": "pause"}
#: Events are written when so many wait, or when the first has waited so long.
FLUSH_EVENTS, FLUSH_SECONDS = 100, 0.1
#: More waiting events than this make the walk wait.
QUEUE_EVENTS = 1_000


class OrderReader:
    """Reads orders from a pipe and answers the walk's questions about them."""

    def __init__(self, descriptor: int) -> None:
        self._changed = threading.Condition()
        self._aborted = False
        self._resumed = False
        self._standing = False
        self._descriptor = descriptor
        threading.Thread(target=self._read, name="orders", daemon=True).start()

    @property
    def aborted(self) -> bool:
        return self._aborted

    def abort(self) -> None:
        """As if the agent had said so. A signal handler may call it: the lock is re-entrant."""
        with self._changed:
            self._aborted = True
            self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._aborted, timeout=seconds)

    def open_pause(self) -> None:
        with self._changed:
            self._resumed = False

    def take_pause(self) -> bool:
        with self._changed:
            wanted, self._standing = self._standing, False
            self._resumed = self._resumed and not wanted
            return wanted

    def wait_for_resume(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._aborted or self._resumed)
            return not self._aborted

    def _read(self) -> None:
        with os.fdopen(self._descriptor, "r", encoding="utf-8") as lines:
            for line in lines:
                order = json.loads(line)
                if order == ABORT:
                    self.abort()
                elif order in (RESUME, PAUSE):
                    with self._changed:
                        self._resumed, self._standing = order == RESUME, order == PAUSE
                        self._changed.notify_all()


class EventWriter:
    """Writes events to a pipe in batches; `emit` waits while too many are under way."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._closing = False
        self._broken = False
        self._thread = threading.Thread(target=self._write_all, name="events", daemon=True)
        self._thread.start()

    def emit(self, event: Event) -> None:
        """Hand over one event. Raises BrokenPipeError when nobody reads any more."""
        line = json.dumps(event_to_json(event), separators=(",", ":")).encode() + b"\n"
        with self._changed:
            self._changed.wait_for(lambda: len(self._lines) < QUEUE_EVENTS or self._broken)
            if self._broken:
                raise BrokenPipeError("the agent does not read events any more")
            self._lines.append(line)
            if len(self._lines) in (1, FLUSH_EVENTS):
                self._changed.notify_all()

    def flush(self) -> None:
        """Write what waits, on the calling thread: before code that may bring the process down."""
        self._write_batch()

    def close(self) -> None:
        """Write what is left."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _write_all(self) -> None:
        while not self._broken:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._lines) or self._closing)
                if not self._lines:
                    return
                self._changed.wait_for(lambda: len(self._lines) >= FLUSH_EVENTS or self._closing, timeout=FLUSH_SECONDS)
            self._write_batch()

    def _write_batch(self) -> None:
        with self._writing:
            with self._changed:
                batch = b"".join(self._lines)
                self._lines.clear()
                self._changed.notify_all()
            try:
                _write(self._descriptor, batch)
            except OSError:
                with self._changed:
                    self._broken = True
                    self._changed.notify_all()


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
