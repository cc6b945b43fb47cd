"""41: secrets are used in every way there is, and then looked for wherever a server could have left them.

Searched are all files of the data folder (database, its log, attachments), what the server printed, its process list, the audit
trail as REST and as file, every page that a person can reach, and every refusal. Left out are the two kinds of file that keep
secrets on purpose, the one console line with the setup address, and the answers whose purpose is to hand a secret out.
"""

import json
import re
import stat
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from support_canary import Secrets, command_lines, files, kept_apart
from support_login import PASSWORD, Person, create_user
from support_server import Script, ServerProcess, command_line, create_client, running_server
from support_site import Site

pytestmark = pytest.mark.slow

ADMIN, ADMIN_PASSWORD = "canary.admin", "canary-of-the-admin-gravel-tulip-73"
WRONG_PASSWORD, WRONG_SECRET = "canary-wrong-password-kettle-58", "mlz_canaryWrongSecret0123456789abcdefghijklmnop"
NEW_PASSWORD = "canary-renewed-password-walnut-26"
CALLBACK = "http://127.0.0.1:43211/callback"
VERIFIER = "canary-verifier-0123456789-0123456789-0123456789"
MODEL = (Path(__file__).parent / "doors/doors.yaml").read_text("utf-8")


class Journey:
    """Goes through every verb; keeps each secret it met and each answer that must not repeat one."""

    def __init__(self, server: ServerProcess, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.secrets = Secrets()
        self.refusals: list[httpx.Response] = []
        self.pages: list[httpx.Response] = []
        self.site = Site(server, create_client(server.data, folder))
        self.http = httpx.Client(base_url=self.site.url, timeout=30)
        for name, value in {
            "password": PASSWORD,
            "password of the admin": ADMIN_PASSWORD,
            "wrong password": WRONG_PASSWORD,
            "wrong secret": WRONG_SECRET,
            "new password": NEW_PASSWORD,
            "code verifier": VERIFIER,
            "client secret": self.site.client.client_secret,
            "master key": (server.data / "secrets/master.key").read_bytes().strip(),
        }.items():
            self.secrets.add(name, value)
        self.secrets.add_basic("Basic header", self.site.client.client_id, self.site.client.client_secret)

    def refused(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request that must not succeed; its answer is searched."""
        answer = self.http.request(method, path, **options)
        assert answer.status_code >= 400, (method, path, answer.status_code)
        self.refusals.append(answer)
        return answer

    # ------------------------------------------------------------------ clients

    def grant(self) -> str:
        """A token by Basic; by form the ways in which it is refused."""
        client = self.site.client
        url, form = client.token_url, {"grant_type": "client_credentials"}
        answer = self.http.post(url, data=form, auth=(client.client_id, client.client_secret))
        token: str = answer.raise_for_status().json()["access_token"]
        right = {"client_id": client.client_id, "client_secret": client.client_secret}
        wrong = right | {"client_secret": WRONG_SECRET}
        for body in (
            form | wrong,
            form | right | {"scope": WRONG_SECRET},
            right | {"grant_type": WRONG_SECRET},
            form | {"client_id": client.client_secret, "client_secret": client.client_id},
        ):
            self.refused("POST", url, data=body)
        self.refused("POST", url, params=form | right)
        self.refused("GET", url, params=form | right)
        self.refused("POST", url, content=json.dumps(form | right), headers={"Content-Type": "text/plain"})
        self.refused("POST", url, content=f"client_secret={client.client_secret}&client_secret={client.client_secret}")
        self.refused("POST", url, data=form, headers={"Authorization": f"Basic {client.client_secret}"})
        self.secrets.add_token("access token", token)
        return token

    def use(self, token: str) -> None:
        """The token where it belongs and where it does not; a run whose attachments and log are kept."""
        bearer = {"Authorization": f"Bearer {token}"}
        endpoints, client = self.site.endpoints, (self.site.client.client_id, self.site.client.client_secret)
        self.http.get("/ai/models", headers=bearer).raise_for_status()
        self.refused("GET", "/ai/models", params={"access_token": token})
        self.refused("GET", f"/ai/models/{token}", headers=bearer)
        self.refused("GET", "/ai/models", headers={"Authorization": f"Bearer {token[:-4]}"})
        self.refused("GET", "/ai/models", headers={"Authorization": f"Basic {token}"})
        self.refused("POST", "/ai/models", json={"modeljson": token}, headers=bearer)
        self.refused("POST", "/client_service/api/v1/clients", json={"name": token}, headers=bearer)
        self.http.post(f"{endpoints}/token/introspect", data={"token": token}, auth=client).raise_for_status()
        self.http.get(f"{endpoints}/userinfo", headers=bearer)
        self.refused("POST", f"{endpoints}/token/introspect", data={"token": token}, auth=(client[0], WRONG_SECRET))
        self.refused("POST", f"{endpoints}/userinfo", data={"access_token": WRONG_SECRET})
        with Script(self.server.url, self.site.client) as script:
            model = script.import_model(MODEL)
            script.wait_for_end(script.start(model_id=model["modeluuid"])["run_id"])
        self.http.post(f"{endpoints}/revoke", data={"token": token}, auth=client).raise_for_status()
        self.refused("GET", "/ai/models", headers=bearer)

    def renew(self) -> None:
        """A new secret on the command line; the old one is refused."""
        file = self.folder / "renewed.csv"
        command_line("client", "regenerate", self.site.client.client_id, "--csv", str(file), "--data", str(self.server.data))
        found = re.search(r"mlz_[0-9A-Za-z]+", file.read_text("utf-8"))
        assert found
        self.secrets.add("renewed client secret", found.group())
        self.site = Site(self.server, replace(self.site.client, client_secret=found.group()))

    def use_older_ways(self) -> None:
        """Name and password over the addresses of other versions of the original product."""
        client = self.site.client
        for path in ("/ai/auth", "/auth"):
            answer = self.http.post(path, data={"username": ADMIN, "password": ADMIN_PASSWORD}).raise_for_status()
            self.secrets.add_token(f"token of {path}", answer.json()["access_token"])
            self.refused("POST", path, data={"username": ADMIN, "password": WRONG_PASSWORD})
            self.refused("POST", path, data={"username": WRONG_PASSWORD, "password": ADMIN_PASSWORD})
            self.refused("POST", path, data={"password": ADMIN_PASSWORD})
        body = {"client_id": client.client_id, "client_secret": client.client_secret}
        answer = self.http.post("/api/v2/auth", json=body).raise_for_status()
        self.secrets.add_token("token of /api/v2/auth", answer.json()["access_token"])
        self.refused("POST", "/api/v2/auth", json=body | {"client_secret": WRONG_SECRET})
        self.refused("POST", "/api/v2/auth", json={"clientId": client.client_id, "clientSecret": client.client_secret})
        self.refused("POST", "/api/v2/auth", json=client.client_secret)

    # ------------------------------------------------------------------ people

    def set_up(self) -> None:
        """The first administrator, by the address on the console."""
        (line,) = [line for line in self.server.lines if "first administrator" in line]
        address = line.split()[-1]
        token = parse_qs(urlsplit(address).query)["token"][0]
        self.secrets.add("setup token", token)
        self.refused("GET", "/setup", params={"token": WRONG_SECRET})
        with Person(self.site.url) as person:
            page = person.open(address)
            made = person.submit(page, by="password", username=ADMIN, password=ADMIN_PASSWORD, again=ADMIN_PASSWORD)
            assert made.status_code == 200, made.text
        self.refused("GET", "/setup", params={"token": token})

    def log_in_by_code(self) -> None:
        """A login for the command line, by hand: code, tokens, refresh, refusals."""
        create_user(self.server.data, "canary.user", "user")
        query = {
            "client_id": "melanzana-cli",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "state": "canary",
            "code_challenge": challenge(VERIFIER),
            "code_challenge_method": "S256",
        }
        with Person(self.site.url) as person:
            address = str(httpx.URL(f"{self.site.endpoints}/auth", params=query))
            refusing = person.log_in(address, "canary.user", WRONG_PASSWORD)
            self.pages.append(refusing)
            # A name that was typed stands in its field again, so this page may show it, and nothing else may.
            person.submit(refusing, by="password", username=WRONG_PASSWORD, password=WRONG_PASSWORD)
            away = person.submit(refusing, by="password", username="canary.user", password=PASSWORD)
            self._keep_cookies(person, "login")
        code = parse_qs(urlsplit(away.headers["location"]).query)["code"][0]
        self.secrets.add("code", code)
        form = {"client_id": "melanzana-cli", "redirect_uri": CALLBACK, "grant_type": "authorization_code", "code": code}
        tokens = self.http.post(self.site.client.token_url, data=form | {"code_verifier": VERIFIER}).raise_for_status().json()
        self._keep_tokens(tokens, "person")
        renewing = {"client_id": "melanzana-cli", "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        renewed = self.http.post(self.site.client.token_url, data=renewing).raise_for_status().json()
        self._keep_tokens(renewed, "person, renewed")
        self.refused("POST", self.site.client.token_url, data=renewing)
        self.refused("POST", self.site.client.token_url, data=form | {"code_verifier": VERIFIER})

    def manage_in_the_browser(self) -> None:
        """An API client made, downloaded and renewed; a person made; a password changed; then every page there is."""
        with Person(self.site.url) as person:
            person.log_in("/system/api-access", ADMIN, ADMIN_PASSWORD)
            self._keep_cookies(person, "admin")
            made = person.submit(person.open("/system/api-access/new"), by="description", name="canary client", description="d")
            self._keep_secrets_shown(made, "shown once")
            file = person.submit(made, by="ticket")
            assert file.headers["content-disposition"].startswith("attachment")
            self._keep_secrets_shown(file, "downloaded")
            self.pages.append(person.submit(made, by="ticket"))
            changed = person.submit(
                person.open("/account"), by="old", old=ADMIN_PASSWORD, password=NEW_PASSWORD, again=NEW_PASSWORD
            )
            assert changed.status_code == 200, changed.text
            self._keep_cookies(person, "admin, later")
            wrong = person.submit(person.open("/account"), by="old", old=WRONG_PASSWORD, password=NEW_PASSWORD, again=NEW_PASSWORD)
            self.pages.append(wrong)
            self.pages += crawl(person)
            for form in ("csv", "json"):
                self.pages.append(person.open(f"/system/audit.{form}"))

    def read_the_trail(self) -> bytes:
        """The audit trail as REST."""
        client = self.site.client
        form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.client_secret}
        token = self.http.post(client.token_url, data=form).raise_for_status().json()["access_token"]
        self.secrets.add_token("last token", token)
        answer = self.http.get("/audit_service/api/v1/records", params={"limit": 200}, headers={"Authorization": f"Bearer {token}"})
        assert len(answer.raise_for_status().json()["records"]) > 20
        return answer.content

    def _keep_tokens(self, tokens: dict[str, Any], whose: str) -> None:
        self.secrets.add_token(f"access token of a {whose}", tokens["access_token"])
        self.secrets.add_token(f"ID token of a {whose}", tokens["id_token"])
        self.secrets.add(f"refresh token of a {whose}", tokens["refresh_token"])

    def _keep_cookies(self, person: Person, whose: str) -> None:
        cookies = list(person.http.cookies.jar)
        assert cookies
        for cookie in cookies:
            self.secrets.add(f"cookie {cookie.name} of {whose}", cookie.value or "")

    def _keep_secrets_shown(self, answer: httpx.Response, how: str) -> None:
        assert answer.status_code == 200, answer.text
        for number, secret in enumerate(sorted(set(re.findall(r"mlz_[0-9A-Za-z]+", answer.text)))):
            self.secrets.add(f"client secret {how} {number}", secret)


def challenge(verifier: str) -> str:
    return b64encode(sha256(verifier.encode()).digest(), b"-_").rstrip(b"=").decode()


def crawl(person: Person) -> list[httpx.Response]:
    """Every page that links lead to from the first ones, but for those that end the login."""
    waiting, seen, found = ["/system/api-access", "/account", "/about", "/"], set[str](), []
    while waiting and len(seen) < 80:
        path = waiting.pop(0)
        if path in seen or "logout" in path or path.startswith(("/static", "/docs", "/openapi")):
            continue
        seen.add(path)
        page = person.open(path)
        found.append(page)
        assert page.status_code == 200, (path, page.status_code)
        if "html" in page.headers.get("content-type", ""):
            waiting += [link.replace("&amp;", "&") for link in re.findall(r'href="(/[^"#]*)', page.text)]
    assert len(found) > 6, sorted(seen)
    return found


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    data, folder = tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("client")
    with running_server(data, "--log-level", "DEBUG") as server:
        made = Journey(server, folder)
        made.set_up()
        token = made.grant()
        made.use(token)
        made.renew()
        made.use_older_ways()
        made.log_in_by_code()
        made.manage_in_the_browser()
        command_line("keys", "rotate", "--data", str(data))
        yield made
        made.http.close()


def test_41_no_secret_is_in_any_file_of_the_data_folder(journey: Journey) -> None:
    """Database, its log, attachments: nothing in clear, whatever the encoding. Files that keep secrets are their owner's alone."""
    names, found = [], []
    for name, content in files(journey.server.data):
        names.append(name)
        found += journey.secrets.found_in(name, content)
    assert found == []
    assert "melanzana.db" in names
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept_apart(journey.server.data)} == {0o600}


def test_41_no_secret_is_in_the_log(journey: Journey) -> None:
    """At the level DEBUG, and with refused logins and grants in it."""
    lines = [line for line in journey.server.lines if "first administrator" not in line]
    assert len(lines) > 10
    assert journey.secrets.found_in("the log", "\n".join(lines).encode()) == []


def test_41_no_secret_is_in_the_process_list(journey: Journey) -> None:
    """Neither the server nor the agents beside it have one in their command lines."""
    assert journey.server.process is not None
    shown = list(command_lines(journey.server.process.pid))
    assert len(shown) >= 2
    assert [found for place, content in shown for found in journey.secrets.found_in(place, content)] == []


def test_41_no_secret_is_in_the_audit_trail(journey: Journey) -> None:
    """Every action of the journey is recorded, and none of its secrets."""
    trail = journey.read_the_trail()
    assert journey.secrets.found_in("the trail", trail) == []


def test_41_no_refusal_repeats_a_secret(journey: Journey) -> None:
    """Neither bodies nor headers of the refusals show what was sent."""
    found = []
    for answer in journey.refusals:
        place = f"{answer.status_code} of {answer.request.method} {answer.request.url.path}"
        found += journey.secrets.found_in(place, answer.content + repr(answer.headers).encode())
    assert len(journey.refusals) > 20
    assert found == []


def test_41_no_page_shows_a_secret(journey: Journey) -> None:
    """Every page that an administrator can reach, the saved trail, and the login page after wrong passwords."""
    found = [each for page in journey.pages for each in journey.secrets.found_in(str(page.url.path), page.content)]
    assert found == []


def test_41_the_search_finds_what_is_there(journey: Journey, tmp_path: Path) -> None:
    """The same search over a file that holds a secret names it: it is not blind."""
    (tmp_path / "planted").write_bytes(b"x" + b64encode(PASSWORD.encode()) + b"y")
    ((name, content),) = files(tmp_path)
    assert journey.secrets.found_in(name, content) == ["password in planted"]
