"""Is this model usable? All rules of `graph/rules/` over one model.

`catalog/` asks before it stores a version, `melanzana check` shows the answer, the walk relies on it: a model without errors
has one start, targets that exist, and expressions that compile.
"""

from collections.abc import Callable, Iterator

from melanzana.errors import InvalidModelError
from melanzana.graph.findings import Finding, Severity
from melanzana.graph.model import Model
from melanzana.graph.rules.cases import check_cases
from melanzana.graph.rules.logic import check_logic
from melanzana.graph.rules.names import check_names
from melanzana.graph.rules.reachability import check_reachability
from melanzana.graph.rules.structure import check_structure
from melanzana.graph.rules.subject import Subject
from melanzana.graph.rules.tidiness import check_tidiness
from melanzana.graph.rules.variables import check_variables

_RULES: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    check_names,
    check_structure,
    check_variables,
    check_logic,
    check_reachability,
    check_cases,
    check_tidiness,
)


def validate(model: Model) -> tuple[Finding, ...]:
    """Every finding, subject by subject, each in document order. Takes time in proportion to the model's size."""
    subject = Subject(model)
    return tuple(finding for rule in _RULES for finding in rule(subject))


def require_valid(model: Model) -> None:
    """Refuse a model that cannot be used. Errors: `InvalidModelError` with all findings that are errors."""
    errors = [finding for finding in validate(model) if finding.severity is Severity.ERROR]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise InvalidModelError(f"the model is not valid: {errors[0].message}{more}", findings=errors)
