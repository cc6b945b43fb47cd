"""A model as a Mermaid state diagram: for a README, a pull request or a job summary. Written only."""

from melanzana.graph.formats.arcs import Arc, arcs
from melanzana.graph.formats.written import Losses, Written
from melanzana.graph.model import Model, State, StateKind

_HELD = frozenset({"guard", "exit state"})
_LONGEST = 60


def write_mermaid(model: Model) -> Written:
    """The `stateDiagram-v2` and the notes on what it leaves out."""
    losses = Losses()
    losses.add_fields(model, held=_HELD)
    names = {state.id: f"s{number}" for number, state in enumerate(model.states)}
    start = next(state for state in model.states if state.kind is StateKind.START)
    lines = ["stateDiagram-v2"]
    lines += [f"    state {_text(state.name)} as {names[state.id]}" for state in model.states if not _is_end(state)]
    lines += [f"    [*] --> {names[start.id]}"]
    lines += [_line(arc, names) for arc in arcs(model)]
    return Written("\n".join(lines) + "\n", losses.notes())


def _line(arc: Arc, names: dict[str, str]) -> str:
    guard = f" [{arc.action.guard}]" if arc.action.guard else ""
    target = "[*]" if _is_end(arc.target) else names[arc.target.id]
    return f"    {names[arc.source.id]} --> {target}: {_plain(arc.action.name + guard)}"


def _is_end(state: State) -> bool:
    return state.kind is StateKind.EXIT


def _text(name: str) -> str:
    return f'"{_plain(name)}"'


def _plain(text: str) -> str:
    """Without the characters that would end a label there: the entity codes of Mermaid stand for them."""
    short = " ".join(text.split())
    short = short if len(short) <= _LONGEST else f"{short[: _LONGEST - 1]}…"
    return short.replace("#", "#35;").replace(";", "#59;").replace('"', "#quot;").replace(":", "#58;").replace("#35#59;", "#35;")
