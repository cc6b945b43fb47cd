"""Takes secrets out of events on their way from the worker to its agent: the one gate that all of them pass."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from melanzana.protocol.events import TEXT_LIMIT, Event, LogWritten
from melanzana.runner.failures import cut
from melanzana.runner.masking import MaskedStream, Masker

#: What the server reads itself, and no action code writes.
_OURS = frozenset({"kind", "element_id", "verdict", "reason", "severity", "stage", "target", "sha256", "model", "media_type"})


def masking(emit: Callable[[Event], None], masker: Masker) -> Callable[[Event], None]:
    """`emit`, but masked first. Lines of the log are one stream: a secret may be written in two calls."""
    if not masker:
        return emit
    log = MaskedStream(masker)

    def masked(event: Event) -> None:
        if isinstance(event, LogWritten):
            streamed = log.feed(event.message + "\n")[:-1]
            emit(replace(event, message=cut(masker.mask(streamed))))
        else:
            emit(replace(event, **_changes(event, masker)))

    return masked


def _changes(event: Event, masker: Masker) -> dict[str, Any]:
    shown = {spec.name: getattr(event, spec.name) for spec in fields(event) if spec.name not in _OURS}
    return {name: _masked(value, masker) for name, value in shown.items() if isinstance(value, str | dict)}


def _masked(value: Any, masker: Masker) -> Any:
    return cut(masker.mask(value), TEXT_LIMIT) if isinstance(value, str) else masker.value(value)
