"""The Python examples of the page about OAuth clients are run, one after the other, with the values of a real server."""

import re
from pathlib import Path
from typing import Any

import pytest

from support_site import Site

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_tls")]

PAGE = Path(__file__).parents[3] / "docs/how-to/use-your-oauth-client.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_every_python_example_of_the_page_runs_and_sees_the_models(site: Site) -> None:
    """The first block is the one with the values to fill in; all others run as they stand."""
    assert len(EXAMPLES) == 6
    assert "CLIENT_ID, CLIENT_SECRET =" in EXAMPLES[0]
    values: dict[str, Any] = {
        "BASE": site.url,
        "CLIENT_ID": site.client.client_id,
        "CLIENT_SECRET": site.client.client_secret,
        "ISSUER": site.issuer,
        "TOKEN_URL": site.client.token_url,
    }
    for example in EXAMPLES[1:]:
        values.pop("models", None)
        exec(compile(example, str(PAGE), "exec"), values)
        assert isinstance(values.get("models", []), list)
    assert values["active"] is True
    assert values["claims"]["client_id"] == site.client.client_id
    for name in ("session", "keycloak"):
        getattr(values[name], "close", lambda: None)()
