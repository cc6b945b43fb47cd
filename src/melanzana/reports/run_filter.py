"""From what a person writes to find runs to the filter of the list: names of models and test cases become ids. Lists, files and the
timeline ask.
"""

from melanzana.executions.records import ExecutionFilter
from melanzana.reports.query import read_query
from melanzana.reports.service import ReportService


async def filter_of(service: ReportService, realm: str, text: str) -> ExecutionFilter | None:
    """None: no run can be meant. Errors: RequestError naming the word that cannot be read."""
    asked = read_query(text)
    model = None if asked.model is None else await service.model_named(realm, asked.model)
    if asked.model is not None and model is None:
        return None
    case = None if asked.case is None else await service.case_uuid(realm, asked.case)
    return ExecutionFilter(states=asked.states, tag=asked.tag, model_id=model, test_case=case)
