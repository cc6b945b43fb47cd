"""A login with an identity provider of other people's making: Canaille, a real process of its own.

Its pages, its code flow, its keys and its tokens are what it makes of the specifications, not what we would.
"""

import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from support_login import Person
from support_server import ServerProcess, command_line, running_server, wait_until

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("canaille_server.py")
CLIENT_ID, CLIENT_SECRET, PASSWORD = "melanzana", "a-client-secret%of+canaille", "correct horse battery staple"
SCOPE = "openid profile email groups"
#: Where a program of ours would wait; nothing listens there.
ELSEWHERE = "http://127.0.0.1:9/callback"


@dataclass
class Provider:
    """A running Canaille with ada of the group testers, believed by a running Melanzana."""

    issuer: str
    server: ServerProcess
    secret: Path

    def believe(self, **changes: str) -> None:
        """`melanzana providers add`, while the server runs; `changes` are other values of its options."""
        options = {
            "issuer": self.issuer,
            "audience": CLIENT_ID,
            "user": "testers",
            "role-claim": "groups",
            "client-id": CLIENT_ID,
            "client-secret-file": str(self.secret),
            "login-scope": SCOPE,
            "display-name": "Canaille",
            **changes,
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        command_line("providers", "add", "canaille", *words, "--data", str(self.server.data))

    def log_in(self, person: Person, address: str) -> httpx.Response:
        """Through Canaille's pages to the redirect that leaves them."""
        page = person.http.get(address, follow_redirects=True)
        page = person.submit(page, by="login", login="ada")
        return person.submit(page, by="password", password=PASSWORD)

    def tokens(self) -> dict[str, str]:
        """What Canaille gives to a program that logs ada in by itself."""
        verifier = secrets.token_urlsafe(40)
        asked = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": ELSEWHERE, "scope": SCOPE, "state": "s"}
        asked |= {"nonce": "n", "code_challenge": verifier, "code_challenge_method": "plain"}
        with Person(self.issuer) as person:
            back = self.log_in(person, f"{self.issuer}/oauth/authorize?{urlencode(asked)}")
            (code,) = parse_qs(urlsplit(back.headers["location"]).query)["code"]
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": ELSEWHERE, "code_verifier": verifier}
            answer = person.http.post("/oauth/token", data=form, auth=(CLIENT_ID, CLIENT_SECRET))
        assert answer.status_code == 200, answer.text
        given: dict[str, str] = answer.json()
        return given


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """Both servers, for all tests of this file."""
    folder = tmp_path_factory.mktemp("provider")
    secret = folder / "secret"
    secret.write_text(CLIENT_SECRET)
    with running_server(folder / "data", "--no-agent") as server:
        callback = f"{server.url}/auth/realms/eggplant/broker/canaille/endpoint"
        command = [sys.executable, str(SCRIPT), CLIENT_ID, CLIENT_SECRET, PASSWORD, callback, ELSEWHERE]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
        try:
            assert process.stdout is not None
            ready = wait_until(process.stdout.readline, "Canaille is ready")
            reader.start()
            yield Provider(ready.split()[-1], server, secret)
        finally:
            process.terminate()
            process.wait(20)
            reader.join(20)
            process.stdout.close()


@pytest.fixture
def believed(provider: Provider) -> Provider:
    """Named to the server as a test begins."""
    provider.believe()
    return provider


def test_the_login_button_leads_there_and_back(believed: Provider) -> None:
    """From a page that needs a login through the provider's pages to that page, as a person with the mapped role."""
    with Person(believed.server.url) as person:
        page = person.open("/account")
        href = re.search(r'href="([^"]+)"[^>]*>\s*Log in with Canaille', page.text)
        assert href is not None, page.text
        away = person.open(href.group(1).replace("&amp;", "&"))
        assert away.headers["location"].startswith(f"{believed.issuer}/oauth/authorize?")
        back = believed.log_in(person, away.headers["location"])
        account = person.open(back.headers["location"])
        assert (account.status_code, account.url.path) == (200, "/account")
        assert "ada@canaille.example.org" in account.text
        assert person.open("/system/api-access").status_code == 403  # a tester is no administrator


def test_its_access_token_opens_the_api(believed: Provider) -> None:
    """Verified by the keys that it publishes; the role of the groups claim decides what it may."""
    token = believed.tokens()["access_token"]
    with httpx.Client(base_url=believed.server.url, headers={"Authorization": f"Bearer {token}"}) as http:
        assert http.get("/ai/models").status_code == 200
        assert http.get("/client_service/api/v1/clients").status_code == 403
        believed.believe(user="nobody", admin="testers")
        assert http.get("/client_service/api/v1/clients").status_code == 200
        believed.believe(user="nobody")
        assert http.get("/ai/models").status_code == 401
        believed.believe(audience="somebody-else")
        assert http.get("/ai/models").status_code == 401


def test_a_provider_that_is_removed_is_believed_no_more(believed: Provider) -> None:
    """At the next request: neither its tokens nor its button."""
    token = believed.tokens()["access_token"]
    command_line("providers", "remove", "canaille", "--data", str(believed.server.data))
    with Person(believed.server.url) as person:
        assert "Canaille" not in person.open("/account").text
        assert person.http.get("/ai/models", headers={"Authorization": f"Bearer {token}"}).status_code == 401
