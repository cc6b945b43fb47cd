"""Who can tell whether a walk still fails: the words between the shrinker and the system under test.

`runner/trying.py` performs candidates for real; tests answer from what they know.
"""

from dataclasses import dataclass
from typing import Protocol

from melanzana.generation.recorded import Recorded


@dataclass(frozen=True, slots=True)
class Told:
    """What one performance came to."""

    failed: bool  #: with the signature that is looked for
    step: int = 0  #: number of the recorded step that did not pass, from 1; 0 when it is not known


class Oracle(Protocol):
    """Performs a walk once."""

    def perform(self, candidate: Recorded) -> Told:
        """Does it fail as the first one did? Every call costs a run of the system under test."""
        ...


class EnoughError(Exception):
    """An oracle that must not be asked any more raises it: time is up, or somebody wants an end. What was found stays."""
