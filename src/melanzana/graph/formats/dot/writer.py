"""A model as DOT: for Graphviz to draw, and for readers of labelled graphs (ours too) to read."""

from collections.abc import Iterator

from melanzana.errors import ExpressionError
from melanzana.graph.expressions.to_javascript import assignments_to_javascript, guard_to_javascript, initial_statement
from melanzana.graph.formats.arcs import Arc, arcs
from melanzana.graph.formats.written import Losses, Written
from melanzana.graph.model import Model, State, StateKind

_ENTRANCE = "__start"
_HELD = frozenset({"guard", "assignments", "requirements", "exit state", "error or cleanup state"})
_SHAPES = {StateKind.ERROR: "octagon", StateKind.CLEANUP: "house", StateKind.EXIT: "doublecircle"}


def write_dot(model: Model) -> Written:
    """The `digraph` and the notes on what it leaves out."""
    losses = Losses()
    losses.add_fields(model, held=_HELD)
    start = next(state for state in model.states if state.kind is StateKind.START)
    lines = [f"digraph {_quoted(model.name)} {{", "  rankdir=LR;", "  node [shape=box, style=rounded];"]
    lines += [f"  {_ENTRANCE} [shape=point];", f"  {_ENTRANCE} -> {_quoted(start.id)};"]
    lines += [f"  {_quoted(state.id)} [label={_quoted(_state_label(state, model))}{_shape(state)}];" for state in model.states]
    lines += _edges(model, losses)
    return Written("\n".join([*lines, "}"]) + "\n", losses.notes())


def _edges(model: Model, losses: Losses) -> Iterator[str]:
    for arc in arcs(model):
        label = _quoted(_edge_label(arc, losses))
        yield f"  {_quoted(arc.source.id)} -> {_quoted(arc.target.id)} [id={_quoted(arc.id)}, label={label}];"


def _state_label(state: State, model: Model) -> str:
    initial = " ".join(initial_statement(parameter) for parameter in model.parameters) if state.kind is StateKind.START else ""
    return state.name + _requirements(state.requirements) + (f"\nINIT: {initial}" if initial else "")


def _edge_label(arc: Arc, losses: Losses) -> str:
    action = arc.action
    guard = statements = ""
    try:
        guard = f" [{guard_to_javascript(action.guard)}]" if action.guard else ""
        statements = " / " + " ".join(assignments_to_javascript(action.assignments)) if action.assignments else ""
    except ExpressionError as error:
        losses.add(f"guard or assignments ({error.message})", action.id, action.name)
    return f"{action.name}{guard}{statements}{_requirements(action.requirements)}"


def _requirements(tags: tuple[str, ...]) -> str:
    return f"\nREQTAG={','.join(tags)}" if tags else ""


def _shape(state: State) -> str:
    return f", shape={_SHAPES[state.kind]}" if state.kind in _SHAPES else ""


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
