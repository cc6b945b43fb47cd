"""All rules that need a search, on one model. `melanzana check` asks; imports of the server keep to the rules of `graph/`.

Only for models without errors: the search relies on targets that exist and expressions that compile.
"""

from collections.abc import Mapping

from melanzana.errors import ImpossibleGoalError, MelanzanaError
from melanzana.generation.checking.actions import check_actions
from melanzana.generation.checking.cases import check_cases
from melanzana.generation.checking.places import check_places
from melanzana.generation.checking.survey import LIMIT, Survey
from melanzana.generation.path_expression import parse_path
from melanzana.generation.possible import require_startable
from melanzana.graph.findings import Finding, has_errors
from melanzana.graph.model import Model, Value
from melanzana.graph.rules.subject import Subject
from melanzana.graph.rules.tidiness import check_unused
from melanzana.graph.validation import validate

_NO_PARAMETERS: Mapping[str, Value] = {}


def examine(model: Model, limit: int = LIMIT) -> tuple[Finding, ...]:
    """Every finding of all rules, those of `validate` first; what these say of an element is not said again."""
    found = (*validate(model), *check_unused(Subject(model)))
    if has_errors(found):
        return found
    said = {(finding.code, finding.element_id) for finding in found if finding.code != "search-incomplete"}
    more = (finding for finding in semantics(model, limit) if (finding.code, finding.element_id) not in said)
    return (*found, *more)


def semantics(model: Model, limit: int = LIMIT) -> tuple[Finding, ...]:
    """What the search finds. Errors: those of `Network`, on a model with errors."""
    subject = Subject(model)
    survey = Survey(model, limit)
    found: list[Finding] = []
    if survey.complete:
        found = [*check_places(subject, survey), *check_actions(subject, survey)]
    else:
        message = f"only {survey.explored:,} configurations of states and data were looked at, and there are more"
        found.append(subject.whole.info("search-incomplete", f"{message}: nothing is said of what was not found in them"))
    return (*found, *check_cases(subject, survey.network))


def check_path(
    text: str, model: Model, *, dry: bool = False, parameters: Mapping[str, Value] = _NO_PARAMETERS
) -> tuple[Finding, ...]:
    """What is wrong with a path expression on a model without errors: its grammar, its names, and whether it can be met."""
    whole = Subject(model).whole
    try:
        for path in parse_path(text, model).parts:
            if path.condition is not None:
                require_startable(path.condition, model, parameters, dry=dry, position=path.condition_at)
    except ImpossibleGoalError as error:
        return (whole.error("goal-impossible", error.message),)
    except MelanzanaError as error:
        return (whole.error("path-expression", error.message),)
    return ()
