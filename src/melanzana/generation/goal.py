"""What a walk asks of whatever it is after. `goals.py` makes the goals of path expressions, `Walk` asks them."""

from typing import Protocol

from melanzana.generation.generators import Move, Turn
from melanzana.generation.position import Position
from melanzana.generation.step import EndReason


class Goal(Protocol):
    """What every goal answers. None of the questions changes what a later one is answered."""

    @property
    def exact(self) -> bool | None:
        """Is it known that no walk does the same for less? None: it was not asked for."""
        ...

    def choose(self, position: Position) -> Move | Turn | None:
        """The next move; None when nothing can be done. Errors: `EvaluationError`, `ImpossibleStepError`."""
        ...

    def reached(self) -> EndReason | None:
        """Why it is enough; None when it is not."""
        ...

    def hopeless(self, iteration_ended: bool) -> str:
        """Why the walk should give up; empty when it should not."""
        ...

    def progress(self) -> float:
        """How near it is, from 0 to 1."""
        ...

    def remark(self) -> str:
        """What is to be said when it is reached; mostly nothing."""
        ...
