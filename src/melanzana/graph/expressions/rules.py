"""The typing rules: which operator takes which types and what comes out.

The compiler asks one question for each node; the answer is a type or an `ExpressionError` that says how to write it instead.
A DYNAMIC operand passes every rule, and the run time applies the same rule to the value (`runtime.py`).
"""

from collections.abc import Sequence

from melanzana.errors import ExpressionError
from melanzana.graph.expressions.suggestions import LEFT_OUT, WRONG_CONSTANTS, WRONG_FUNCTIONS, closest, listed
from melanzana.graph.expressions.syntax import Binary, Call, Conditional, Field, Index, ListLiteral, Literal, Node, Variable
from melanzana.graph.expressions.types import BOOL, DYNAMIC, FLOAT, INT, NULL, STRING, ExprType, list_of

#: Functions and how many arguments each takes, the one before the dot included.
FUNCTIONS = {"size": 1, "startsWith": 2, "endsWith": 2, "contains": 2, "min": 2, "max": 2}
_OF_STRINGS = frozenset({"startsWith", "endsWith", "contains"})


def an(type_: ExprType | str) -> str:
    """`an int`, `a string`."""
    text = str(type_)
    return text if text == "null" else f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def fits(have: ExprType, want: ExprType) -> bool:
    """May a value of type `have` stand where `want` is expected (perhaps after a check or conversion at run time)?"""
    if DYNAMIC in (have, want) or have == want or (have == INT and want == FLOAT):
        return True
    if have.element is not None and want.element is not None:
        return DYNAMIC in (have.element, want.element)
    return False


def require_bool(node: Node, type_: ExprType) -> None:
    """Operands of `!`, `&&`, `||` and the condition of `?:` are bools; nothing else counts as true or false."""
    if type_ in (BOOL, DYNAMIC):
        return
    hint = ""
    if type_.is_number:
        hint = ": compare it, for example with != 0"
    elif type_ == STRING:
        hint = ': compare it, for example with != ""'
    raise ExpressionError(f"a bool is expected here, not {an(type_)}{hint}", position=node.position)


def negated(node: Node, type_: ExprType) -> ExprType:
    """`-operand`."""
    if type_.is_number or type_ == DYNAMIC:
        return type_
    raise ExpressionError(f"only a number can have a minus sign, not {an(type_)}", position=node.position)


def compared(node: Binary, left: ExprType, right: ExprType) -> ExprType:
    """`== != < <= > >=`."""
    if DYNAMIC in (left, right) or (left.is_number and right.is_number) or (left == right and left.is_scalar):
        return BOOL
    if node.operator in ("==", "!=") and (
        NULL in (left, right) or (left.is_list and right.is_list and fits_either_way(left, right))
    ):
        return BOOL
    raise _undefined(node, left, right, _comparison_hint(node, left, right))


def fits_either_way(left: ExprType, right: ExprType) -> bool:
    """Can values of the two types be equal?"""
    return fits(left, right) or fits(right, left) or (left.element in (INT, FLOAT) and right.element in (INT, FLOAT))


def membership(node: Binary, item: ExprType, container: ExprType) -> ExprType:
    """`item in container`: a list, or the keys of a map."""
    if container == DYNAMIC:
        return BOOL
    if container.element is None:
        hint = 'write "text".contains("part")' if container == STRING else "the right side must be a list"
        raise _undefined(node, item, container, hint)
    element = container.element
    if fits(item, element) or fits(element, item) or NULL in (item, element):
        return BOOL
    raise _undefined(node, item, container, _comparison_hint(node, item, element))


def arithmetic(node: Binary, left: ExprType, right: ExprType) -> ExprType:
    """`+ - * / %`: both sides of one type, numbers, or strings for `+`."""
    allowed = {INT, FLOAT, STRING} if node.operator == "+" else {INT} if node.operator == "%" else {INT, FLOAT}
    if (left == right and left in allowed) or (left == right == DYNAMIC):
        return left
    if DYNAMIC in (left, right) and ({left, right} - {DYNAMIC}) <= allowed:
        return right if left == DYNAMIC else left
    raise _undefined(node, left, right, _arithmetic_hint(node, left, right))


def conditional(node: Conditional, accepted: ExprType, rejected: ExprType) -> ExprType:
    """`?:`: both branches of one type."""
    if accepted == rejected:
        return accepted
    if DYNAMIC in (accepted, rejected):
        return DYNAMIC
    if accepted.is_list and rejected.is_list and fits_either_way(accepted, rejected):
        return list_of(DYNAMIC)
    hint = _number_hint(node.accepted, node.rejected) if accepted.is_number and rejected.is_number else ""
    message = f"both branches of ?: must have one type; these are {an(accepted)} and {an(rejected)}{hint}"
    raise ExpressionError(message, position=node.position)


def list_literal(node: ListLiteral, elements: Sequence[ExprType]) -> ExprType:
    """`[a, b]`: elements of one type; int and float may mix, as they compare."""
    types = set(elements)
    if len(types) == 1:
        return list_of(elements[0])
    if not types or DYNAMIC in types or types <= {INT, FLOAT} or all(type_.is_list for type_ in types):
        return list_of(DYNAMIC)
    different = next(place for place, type_ in enumerate(elements) if type_ != elements[0])
    message = f"the elements of a list must have one type; this one is {an(elements[different])}, the first is {an(elements[0])}"
    raise ExpressionError(message, position=node.elements[different].position)


def element_of(node: Index, target: ExprType, key: ExprType) -> ExprType:
    """`target[key]`."""
    if target == DYNAMIC:
        if key in (INT, STRING, DYNAMIC):
            return DYNAMIC
        raise ExpressionError(f"a list is indexed by an int and a map by a string, not by {an(key)}", position=node.key.position)
    if target.element is None:
        raise ExpressionError(f"{an(target)} has no elements: only lists and maps can be indexed", position=node.position)
    if key in (INT, DYNAMIC):
        return target.element
    raise ExpressionError(f"a list is indexed by an int, not by {an(key)}", position=node.key.position)


def field_of(node: Field, target: ExprType) -> ExprType:
    """`target.name`."""
    if target == DYNAMIC:
        return DYNAMIC
    known = _known_function(node.name)
    hint = f": did you mean {known}(…)?" if known else ""
    raise ExpressionError(f"{an(target)} has no fields{hint}", position=node.position, suggestion=known)


def call(node: Call, arguments: Sequence[ExprType]) -> ExprType:
    """A function and the types of its arguments."""
    if node.function == "size":
        if arguments[0] in (STRING, DYNAMIC) or arguments[0].is_list:
            return INT
        raise ExpressionError(f"size takes a string, a list or a map, not {an(arguments[0])}", position=node.arguments[0].position)
    if node.function in _OF_STRINGS:
        return _of_strings(node, arguments)
    return _of_numbers(node, arguments)


def _of_strings(node: Call, arguments: Sequence[ExprType]) -> ExprType:
    for argument, type_ in zip(node.arguments, arguments, strict=True):
        if type_ not in (STRING, DYNAMIC):
            hint = ": for a list write element in list" if node.function == "contains" and type_.is_list else ""
            raise ExpressionError(f"{node.function} takes two strings, not {an(type_)}{hint}", position=argument.position)
    return BOOL


def _of_numbers(node: Call, arguments: Sequence[ExprType]) -> ExprType:
    for argument, type_ in zip(node.arguments, arguments, strict=True):
        if not (type_.is_number or type_ == DYNAMIC):
            raise ExpressionError(f"{node.function} takes two numbers, not {an(type_)}", position=argument.position)
    types = set(arguments) - {DYNAMIC}
    if len(types) == 2:
        hint = _number_hint(*node.arguments)
        raise ExpressionError(
            f"{node.function} takes two numbers of one type, not an int and a float{hint}", position=node.position
        )
    return types.pop() if types else DYNAMIC


def require_function(node: Call) -> None:
    """Is there such a function, for so many arguments?"""
    if node.function not in FUNCTIONS:
        raise ExpressionError(*_unknown_function(node.function), position=node.position, suggestion=_known_function(node.function))
    wanted = FUNCTIONS[node.function]
    if len(node.arguments) != wanted:
        example = {1: f"{node.function}(a)", 2: f"{node.function}(a, b)"}[wanted]
        raise ExpressionError(f"{node.function} takes {wanted} argument{'s' * (wanted > 1)}: {example}", position=node.position)


def _known_function(name: str) -> str | None:
    if name in LEFT_OUT:
        return None
    return closest(name, FUNCTIONS) or WRONG_FUNCTIONS.get(name.lower())


def _unknown_function(name: str) -> tuple[str]:
    known = _known_function(name)
    if name in LEFT_OUT:
        return (f"'{name}' is a function of CEL that this language leaves out; there are {listed(FUNCTIONS)}",)
    if known:
        return (f"unknown function '{name}': did you mean '{known}'?",)
    return (f"unknown function '{name}'; there are {listed(FUNCTIONS)}",)


def unknown_variable(node: Variable, names: Sequence[str]) -> ExpressionError:
    """The error for a name that is not declared; `names` are those that are."""
    near = WRONG_CONSTANTS.get(node.name.lower()) or closest(node.name, names)
    if near:
        message = f"unknown variable '{node.name}': did you mean '{near}'?"
    elif not names:
        message = f"unknown variable '{node.name}': no variables are declared here (text goes in quotes)"
    else:
        message = f"unknown variable '{node.name}'; declared are {listed(names)} (text goes in quotes)"
    return ExpressionError(message, position=node.position, suggestion=near)


def _undefined(node: Binary, left: ExprType, right: ExprType, hint: str) -> ExpressionError:
    message = f"{left} {node.operator} {right} is not defined" + (f": {hint}" if hint else "")
    return ExpressionError(message, position=node.position)


def _comparison_hint(node: Binary, left: ExprType, right: ExprType) -> str:
    if STRING in (left, right):
        number = node.left if left.is_number else node.right
        text = node.right if left.is_number else node.left
        if isinstance(text, Literal) and (left.is_number or right.is_number):
            return "numbers are written without quotes"
        if isinstance(number, Literal) and (left.is_number or right.is_number):
            return f'write "{number.value}" to compare with text'
        if BOOL in (left, right):
            return "true and false are written without quotes"
    return "both sides must have one type" if left != right else ""


def _arithmetic_hint(node: Binary, left: ExprType, right: ExprType) -> str:
    if left.is_number and right.is_number and left != right:
        return "int and float do not mix" + _number_hint(node.left, node.right)
    if node.operator == "%" and left == right == FLOAT:
        return "the remainder is for ints"
    if node.operator == "+" and STRING in (left, right):
        number = node.left if right == STRING else node.right
        return f'write "{number.value}" for text' if isinstance(number, Literal) else "only two strings can be joined"
    return ""


def _number_hint(left: Node, right: Node) -> str:
    for side in (left, right):
        if isinstance(side, Literal) and type(side.value) is int:
            return f", write {side.value}.0"
    return ", give both sides one type"
