"""Makes the watcher of a further kind of coverage: `Walk` asks for what its stop condition needs, `reports/` for what is read."""

from melanzana.generation.coverage import CoverageTracker
from melanzana.generation.kinds import Kind, Watcher, Word
from melanzana.generation.path_coverage import PathTracker
from melanzana.generation.requirement_coverage import RequirementTracker
from melanzana.generation.variable_coverage import VariableTracker
from melanzana.graph.model import Model


def watch(coverage: CoverageTracker, model: Model, kind: Kind) -> Watcher:
    """Let a tracker count a further kind from now on. Asking twice is asking once."""
    found = coverage.watchers.get(kind)
    if found is None:
        found = coverage.watchers[kind] = watcher(model, kind)
    return found


def watcher(model: Model, kind: Kind) -> Watcher:
    """A new watcher that has seen nothing yet."""
    match kind.word:
        case Word.PATH:
            return PathTracker(model, kind.depth)
        case Word.VARIABLE:
            return VariableTracker(model, kind.depth)
        case Word.REQUIREMENT:
            return RequirementTracker(model)
