"""Where the system under test is, for fixtures that need an address."""

import os

from melanzana.runner.system_under_test import sut

#: The variable of the environment that names it when no system under test was locked for the run.
VARIABLE = "BASE_URL"


def base_url() -> str:
    """The address of the locked system under test's `HTTP` connection, else of the environment; empty when neither names one."""
    try:
        return str(sut().connection("HTTP").get("url") or sut().connection("HTTP").get("host") or "")
    except LookupError:
        return os.environ.get(VARIABLE, "")
