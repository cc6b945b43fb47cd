"""One server for all clients of these journeys."""

from collections.abc import Iterator

import pytest

from support_server import create_client, running_server
from support_site import Site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_server(tmp_path_factory.mktemp("server"), "--no-agent") as server:
        yield Site(server, create_client(server.data, tmp_path_factory.mktemp("client"), "of other people's making"))


@pytest.fixture
def without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let oauthlib and Authlib speak to a loopback address without TLS."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
