"""A program that runs beside ours and is gone when we are: own process group, output in a file, stopped whatever happens.

`demo.py` runs the server and the system under test in it.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self, TypeVar

Answer = TypeVar("Answer")
#: From SIGTERM to SIGKILL, in seconds: the server lets its agents finish cleaning up.
STOP_SECONDS = 15.0


class ChildFailedError(RuntimeError):
    """The program ended early or was not ready in time; the message ends with the last lines it wrote."""


class ChildProcess:
    """`with ChildProcess(…) as child:` runs the command; leaving the block stops it and everything in its process group."""

    def __init__(self, name: str, command: list[str], output: Path, environment: Mapping[str, str] | None = None) -> None:
        self._name = name
        self._command = command
        self._output = output
        self._environment = environment  #: None: ours
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the stopping
        try:
            self._stop(self._process)
        finally:
            signal.signal(signal.SIGINT, before)

    def wait_for(self, question: Callable[[], Answer | None], what: str, seconds: float = 60.0) -> Answer:
        """The first answer that is not None. Raises ChildFailedError when the program ends before, or after `seconds`."""
        deadline = time.monotonic() + seconds
        while (answer := question()) is None:
            assert self._process is not None
            if self._process.poll() is not None:
                raise self._error(f"ended with exit code {self._process.returncode} before {what}")
            if time.monotonic() > deadline:
                raise self._error(f"waited {seconds:.0f} s for {what}")
            time.sleep(0.05)
        return answer

    def last_lines(self, count: int = 20) -> str:
        """The end of what the program wrote."""
        return "\n".join(self._output.read_text("utf-8", errors="replace").splitlines()[-count:])

    def _error(self, what: str) -> ChildFailedError:
        return ChildFailedError(f"{self._name}: {what}\n{self.last_lines()}".rstrip())

    @staticmethod
    def _stop(process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
