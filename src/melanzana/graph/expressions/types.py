"""Static types of expressions. The compiler infers them from the declared variables; the walk and validation read them."""

from dataclasses import dataclass
from typing import ClassVar

from melanzana.graph.model import ParameterType


@dataclass(frozen=True, slots=True)
class ExprType:
    """The type of an expression or a variable: one of the constants below, or `list_of(type)`.

    DYNAMIC is a value whose type is known only when it is there, such as a field of a snippet's result; what is done with it is
    checked at run time instead.
    """

    name: str
    element: "ExprType | None" = None  #: of lists only

    INT: ClassVar["ExprType"]  #: 64 bits, signed
    FLOAT: ClassVar["ExprType"]  #: a finite IEEE 754 double
    STRING: ClassVar["ExprType"]
    BOOL: ClassVar["ExprType"]
    NULL: ClassVar["ExprType"]
    DYNAMIC: ClassVar["ExprType"]

    def __str__(self) -> str:
        return self.name if self.element is None else f"list of {self.element}"

    @property
    def is_list(self) -> bool:
        """Is this the type of a list?"""
        return self.element is not None

    @property
    def is_number(self) -> bool:
        """Is this int or float?"""
        return self in (INT, FLOAT)

    @property
    def is_scalar(self) -> bool:
        """Can the operators `<` and `==` be left to the machine for two of these?"""
        return self in (INT, FLOAT, STRING, BOOL)


INT = ExprType.INT = ExprType("int")
FLOAT = ExprType.FLOAT = ExprType("float")
STRING = ExprType.STRING = ExprType("string")
BOOL = ExprType.BOOL = ExprType("bool")
NULL = ExprType.NULL = ExprType("null")
DYNAMIC = ExprType.DYNAMIC = ExprType("dynamic")


def list_of(element: ExprType) -> ExprType:
    """The type of lists whose elements are all of type `element`."""
    return ExprType("list", element)


_OF_PARAMETERS = {
    ParameterType.INTEGER: INT,
    ParameterType.REAL: FLOAT,
    ParameterType.TEXT: STRING,
    ParameterType.BOOLEAN: BOOL,
    ParameterType.SET: STRING,
}


def expression_type(parameter_type: ParameterType) -> ExprType:
    """The type that a parameter's values have in expressions."""
    return _OF_PARAMETERS[parameter_type]
