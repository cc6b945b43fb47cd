"""The tree of an expression: our own immutable values, made by the parser and by the JavaScript translator.

The compiler turns a tree into a function, the printer turns it back into text. Trees compare by what they say; where in the text
a node stood (`position`, characters from 0) is kept for messages only.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: bool | int | float | str | None
    position: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable by name; any characters."""

    name: str
    position: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`!operand` or `-operand`."""

    operator: str
    operand: "Node"
    position: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Logic:
    """Two or more operands joined by `&&`, or by `||`; read left to right until one decides."""

    operator: str
    operands: tuple["Node", ...]
    position: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """A comparison, `in`, or arithmetic."""

    operator: str
    left: "Node"
    right: "Node"
    position: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    """`condition ? accepted : rejected`; only the chosen branch is evaluated."""

    condition: "Node"
    accepted: "Node"
    rejected: "Node"
    position: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`[a, b, c]`."""

    elements: tuple["Node", ...]
    position: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Index:
    """`target[key]`: an element of a list by number from 0, or an entry of a map by string."""

    target: "Node"
    key: "Node"
    position: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Field:
    """`target.name`: an entry of a map. Never an attribute of a Python object."""

    target: "Node"
    name: str
    position: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """`function(a, b)`, which is the same as `a.function(b)`."""

    function: str
    arguments: tuple["Node", ...]
    position: int = field(default=0, compare=False, repr=False)


Node = Literal | Variable | Unary | Logic | Binary | Conditional | ListLiteral | Index | Field | Call


def children(node: Node) -> tuple[Node, ...]:  # noqa: PLR0911 - one case for each kind of node
    """The nodes directly under `node`, in the order they are evaluated."""
    match node:
        case Unary():
            return (node.operand,)
        case Logic():
            return node.operands
        case Binary():
            return (node.left, node.right)
        case Conditional():
            return (node.condition, node.accepted, node.rejected)
        case ListLiteral():
            return node.elements
        case Index():
            return (node.target, node.key)
        case Field():
            return (node.target,)
        case Call():
            return node.arguments
        case _:
            return ()


def rebuilt(node: Node, change: Callable[[Node], Node]) -> Node:
    """The tree with `change` applied to every node, the lowest first."""

    def below(child: Node) -> Node:
        return rebuilt(child, change)

    match node:
        case Unary():
            node = replace(node, operand=below(node.operand))
        case Logic():
            node = replace(node, operands=tuple(map(below, node.operands)))
        case Binary():
            node = replace(node, left=below(node.left), right=below(node.right))
        case Conditional():
            node = replace(node, condition=below(node.condition), accepted=below(node.accepted), rejected=below(node.rejected))
        case ListLiteral():
            node = replace(node, elements=tuple(map(below, node.elements)))
        case Index():
            node = replace(node, target=below(node.target), key=below(node.key))
        case Field():
            node = replace(node, target=below(node.target))
        case Call():
            node = replace(node, arguments=tuple(map(below, node.arguments)))
    return change(node)


def size(tree: Node) -> int:
    """How many nodes the tree has."""
    return sum(len(level) for level in levels(tree))


def levels(tree: Node) -> list[list[Node]]:
    """The nodes by their distance from the root; does not recurse, so it may look at trees of any height."""
    found: list[list[Node]] = []
    level: list[Node] = [tree]
    while level:
        found.append(level)
        level = [child for node in level for child in children(node)]
    return found
