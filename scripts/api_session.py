"""The REST API as a CI script speaks it: a token by form, JSON over HTTP, nothing of Melanzana imported.

`demo.py` uses it, so the demo is also the proof that the API is enough. `docs/how-to/run-in-ci.md` shows the same calls.
"""

import csv
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import httpx

Json = dict[str, Any]
#: Between two looks at a run, in seconds.
POLL_SECONDS = 0.2


class ApiError(RuntimeError):
    """The server refused a call; the message is the problem it described."""


class ClientCredentials(httpx.Auth):
    """Gets a token when there is none, and a new one when the server says that it is over (401)."""

    requires_response_body = True

    def __init__(self, client_id: str, client_secret: str, token_url: str) -> None:
        self.client_id = client_id
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        self._token_url = token_url
        self._token = ""

    @classmethod
    def from_csv(cls, path: Path) -> "ClientCredentials":
        """From the file that `melanzana client create --csv` writes."""
        with path.open(encoding="utf-8", newline="") as file:
            row = next(csv.DictReader(file))
        return cls(row["client_id"], row["client_secret"], row["token_url"])

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        for attempt in (1, 2):
            if not self._token:
                answer = yield httpx.Request("POST", self._token_url, data=self._form)
                self._token = _checked(answer)["access_token"]
            request.headers["Authorization"] = f"bearer {self._token}"
            answer = yield request
            if answer.status_code != 401 or attempt == 2:
                return
            self._token = ""


class ApiSession:
    """The calls that importing, starting, following and reading a run take."""

    def __init__(self, url: str, credentials: ClientCredentials) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, auth=credentials, timeout=30.0, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def import_model(self, source: str) -> Any:
        """A model of any format that the server reads, as text."""
        return self._post("/ai/models", {"modeljson": source})

    def agent_is_there(self, name: str) -> bool | None:
        """True once the agent `name` may be sent work; None while it may not (so that one can wait for it)."""
        return any(agent["name"] == name for agent in self._get("/ai/agents")) or None

    def start(self, **body: Any) -> Any:
        return self._post("/execution_service/api/v1/executions", body)

    def follow(self, run_id: int, seconds: float = 600.0) -> Iterator[Json]:
        """The run, again and again, until it has ended; the last one tells how."""
        deadline = time.monotonic() + seconds
        while True:
            run = self._get(f"/ai/runs/{run_id}")
            yield run
            if run["status"] != "Running":
                return
            if time.monotonic() > deadline:
                raise ApiError(f"run {run_id} was still running after {seconds:.0f} s")
            time.sleep(POLL_SECONDS)

    def coverage(self, model_id: int) -> Any:
        """What the last run covered of the model."""
        return self._get(f"/ai/models/{model_id}/coverage")

    def _get(self, path: str) -> Any:
        return _checked(self._http.get(path))

    def _post(self, path: str, body: Json) -> Any:
        return _checked(self._http.post(path, json=body))


def _checked(answer: httpx.Response) -> Any:
    if answer.is_success:
        return answer.json()
    request = answer.request
    raise ApiError(f"{request.method} {request.url.path} answered {answer.status_code}: {answer.text[:500]}")
