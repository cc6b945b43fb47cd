"""Keeps what action code, the libraries under it and its child processes print, so that it can be shown with its step.

File descriptors 1 and 2 point to two temporary files while the capture is open, and `sys.stdout` and `sys.stderr` write through
them at once, so nothing is lost when the process is killed in the middle of a line. Secrets are masked before anything is left out.
"""

import os
import sys
import tempfile
from contextlib import suppress
from typing import BinaryIO, Self, TextIO

from melanzana.protocol.events import TEXT_LIMIT
from melanzana.runner.failures import cut
from melanzana.runner.masking import MaskedStream, Masker


class _Stream:
    """One of the two descriptors."""

    def __init__(self, descriptor: int, name: str, masker: Masker) -> None:
        self._descriptor, self._name = descriptor, name
        self._shown, self._margin = MaskedStream(masker), 4 * masker.longest
        self._file: BinaryIO = tempfile.TemporaryFile(mode="a+b", buffering=0)  # noqa: SIM115 - closed by `close`
        self._saved_descriptor = os.dup(descriptor)
        self._saved_stream: TextIO = getattr(sys, name)
        with suppress(ValueError, OSError):
            self._saved_stream.flush()
        os.dup2(self._file.fileno(), descriptor)
        writer = open(os.dup(descriptor), "w", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115, PTH123
        writer.reconfigure(write_through=True)
        self._stream = writer
        setattr(sys, name, writer)

    def take(self) -> str:
        """What was written since the last call, its middle left out when it is long."""
        with suppress(ValueError, OSError):
            self._stream.flush()
        size = self._file.seek(0, os.SEEK_END)
        text = self._shown.feed(self._read(0, size)) if size <= 4 * TEXT_LIMIT else self._ends(size)
        os.ftruncate(self._file.fileno(), 0)
        return cut(text)

    def close(self) -> None:
        with suppress(ValueError, OSError):
            self._stream.flush()
        setattr(sys, self._name, self._saved_stream)
        os.dup2(self._saved_descriptor, self._descriptor)
        os.close(self._saved_descriptor)
        with suppress(ValueError, OSError):
            self._stream.close()
        self._file.close()

    def _ends(self, size: int) -> str:
        half = TEXT_LIMIT // 2
        head = self._shown.feed(self._read(0, half + self._margin))[:half]
        start = max(0, size - half - self._margin)
        tail = self._shown.feed(self._read(start, size - start))[-half:]
        return f"{head}\n… {size - 2 * half} bytes left out …\n{tail}"

    def _read(self, start: int, count: int) -> str:
        self._file.seek(start)
        return self._file.read(count).decode("utf-8", "replace")


class Capture:
    """Captures from its making until `close`."""

    def __init__(self, masker: Masker | None = None) -> None:
        known = masker or Masker()
        self._out, self._err = _Stream(1, "stdout", known), _Stream(2, "stderr", known)

    def take(self) -> tuple[str, str]:
        """Standard output and standard error since the last call."""
        return self._out.take(), self._err.take()

    def close(self) -> None:
        """Put everything back."""
        self._err.close()
        self._out.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
