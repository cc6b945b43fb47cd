"""What an exception of user code looks like in a report: one line that ends in its place, and the traceback without our frames.

An `assert` without a message is shown with its source and the plain values it speaks of: `assert shown == count (count = 3)`.
"""

import ast
import contextlib
import linecache
import os
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

from melanzana.protocol.events import TEXT_LIMIT

_OURS = str(Path(__file__).parent) + os.sep
_VALUE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception, told."""

    message: str  #: `AssertionError: the basket is empty (shop_steps.py:12)`
    trace: str  #: the traceback, from the first frame of user code
    file: str | None = None
    line: int | None = None


def describe(error: BaseException, folder: Path | None = None) -> Failure:
    """Tell `error`; its place is the innermost frame inside `folder`, else the innermost of all."""
    user = _first_of_user(error.__traceback__)
    frames = [(frame, line) for frame, line in traceback.walk_tb(user) if not frame.f_code.co_filename.startswith("<frozen")]
    inside = [entry for entry in frames if folder is not None and _within(entry[0].f_code.co_filename, folder)]
    text = _text(error, frames[-1] if frames else None)
    trace = cut("".join(traceback.format_exception(type(error), error, user)))
    if not frames:
        return Failure(cut(text), trace)
    frame, line = (inside or frames)[-1]
    name = frame.f_code.co_filename
    if isinstance(error, SyntaxError) and error.filename:
        name, line = error.filename, error.lineno or 1
    file = _shown(name, folder)
    return Failure(f"{cut(text, TEXT_LIMIT - len(file) - 20)} ({file}:{line})", trace, file, line)


def cut(text: str, limit: int = TEXT_LIMIT) -> str:
    """`text`, with its middle left out when it is longer than `limit` characters."""
    text = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair cannot be stored or sent
    if len(text) <= limit:
        return text
    notice = f"\n… {len(text) - limit} characters left out …\n"
    keep = max(0, limit - len(notice) - 4)
    return text[: keep // 2] + notice + text[len(text) - (keep - keep // 2) :]


def _text(error: BaseException, innermost: tuple[FrameType, int | None] | None) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception as broken:  # user code writes __str__
        text = f"(its text cannot be shown: {type(broken).__name__})"
    if isinstance(error, AssertionError) and not text and innermost is not None:
        text = _assertion(*innermost)
    name = type(error).__qualname__
    return f"{name}: {text}" if text else name


def _assertion(frame: FrameType, line: int | None) -> str:
    source = linecache.getline(frame.f_code.co_filename, line or 0).strip()
    if not source.startswith("assert"):
        return ""
    values = ", ".join(f"{name} = {value}" for name, value in _plain_values(source, frame))
    return f"{source} ({values})" if values else source


def _plain_values(source: str, frame: FrameType) -> Iterator[tuple[str, str]]:
    """Names in the assertion whose values are numbers, text or None; nothing of the user's is called to show them."""
    with contextlib.suppress(SyntaxError):
        names = dict.fromkeys(node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
        for name in names:
            value = frame.f_locals.get(name)
            if type(value) in (int, float, bool, str) or (value is None and name in frame.f_locals):
                yield name, repr(value)[:_VALUE_CHARACTERS]


def _first_of_user(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is neither ours nor Python's way of importing and calling."""
    entry = trace
    while entry is not None and _is_ours(entry.tb_frame.f_code.co_filename):
        entry = entry.tb_next
    return entry or trace


def _is_ours(file: str) -> bool:
    between = file.startswith("<frozen importlib") or file.endswith((f"importlib{os.sep}__init__.py", "contextlib.py"))
    return file.startswith(_OURS) or between or f"{os.sep}asyncio{os.sep}" in file


def _within(file: str, folder: Path) -> bool:
    return Path(file).resolve().is_relative_to(folder)


def _shown(file: str, folder: Path | None) -> str:
    path = Path(file)
    if folder is not None and path.is_absolute() and path.resolve().is_relative_to(folder):
        return str(path.resolve().relative_to(folder))
    return path.name
