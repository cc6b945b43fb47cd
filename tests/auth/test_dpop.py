"""A token that is bound to a key is worth nothing to anybody else (RFC 9449)."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import httpx
import jwt
import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from joserfc.jwk import OctKey, OKPKey, RSAKey

from melanzana.access.gate import Gate
from melanzana.access.permissions import Scope
from melanzana.access.records import Principal
from melanzana.auth import answers, dpop
from melanzana.errors import InvalidTokenError
from support_auth import BASE_URL, TOKEN_URL, Auth, form, open_rooms
from support_dpop import ABSENT, Holder, encoded

pytestmark = pytest.mark.anyio
API = f"{BASE_URL}/models"


@pytest.fixture
def holder(auth: Auth) -> Holder:
    return Holder(auth.clock)


@pytest.fixture
def api(auth: Auth) -> httpx.AsyncClient:
    """A caller of a route that needs `models:read`."""
    app, gate = FastAPI(), Gate(auth.service.believe)

    @app.api_route("/models", methods=["GET", "POST"])
    async def models(principal: Annotated[Principal, Depends(gate.requires(Scope.MODELS_READ))]) -> str:
        return principal.client_id

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, InvalidTokenError)
        return JSONResponse({"error": error.detail.get("error")}, 401, {"www-authenticate": answers.challenge(error)})

    app.add_exception_handler(InvalidTokenError, refused)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE_URL)


async def ask(auth: Auth, *proofs: str) -> httpx.Response:
    """Ask for a token with these proofs."""
    async with auth.http() as http:
        return await http.post(TOKEN_URL, data=form(auth.client), headers=[("dpop", proof) for proof in proofs])


async def bound_token(auth: Auth, holder: Holder) -> str:
    answer = await ask(auth, holder.proof("POST", TOKEN_URL))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def call(api: httpx.AsyncClient, token: str, *proofs: str, scheme: str = "DPoP", method: str = "GET") -> httpx.Response:
    headers = [("authorization", f"{scheme} {token}"), *(("dpop", proof) for proof in proofs)]
    return await api.request(method, "/models", headers=headers)


async def test_70_token_is_bound_to_the_key(auth: Auth, holder: Holder, api: httpx.AsyncClient) -> None:
    """A grant with a proof says DPoP, names the key, and the token works with proofs of that key."""
    answer = (await ask(auth, holder.proof("POST", TOKEN_URL))).json()
    assert answer["token_type"] == "DPoP"
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["cnf"] == {"jkt": holder.thumbprint}
    for _ in range(2):
        proof = holder.proof("GET", API, answer["access_token"])
        assert (await call(api, answer["access_token"], proof)).status_code == 200


async def test_70_without_a_proof_nothing_is_bound(auth: Auth) -> None:
    """A grant without a proof says Bearer and its token names no key."""
    answer = (await ask(auth)).json()
    assert answer["token_type"] == "Bearer"
    assert "cnf" not in jwt.decode(answer["access_token"], options={"verify_signature": False})


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (lambda: OKPKey.generate_key("Ed25519"), "Ed25519"),
        (lambda: RSAKey.generate_key(2048), "PS256"),
        (lambda: RSAKey.generate_key(2048), "RS256"),
    ],
)
async def test_70_other_kinds_of_keys(key: Callable[[], Any], algorithm: str, auth: Auth, api: httpx.AsyncClient) -> None:
    """Every algorithm that the metadata name binds a token and opens the API."""
    holder = Holder(auth.clock, key(), algorithm)
    token = await bound_token(auth, holder)
    assert (await call(api, token, holder.proof("GET", API, token))).status_code == 200


WRONG_AT_THE_ENDPOINT: dict[str, Callable[[Holder], str]] = {
    "another method": lambda holder: holder.proof("GET", TOKEN_URL),
    "method in small letters": lambda holder: holder.proof("post", TOKEN_URL),
    "another address": lambda holder: holder.proof("POST", API),
    "another host": lambda holder: holder.proof("POST", TOKEN_URL.replace("tests.", "evil.")),
    "another scheme": lambda holder: holder.proof("POST", TOKEN_URL.replace("https", "http")),
    "another port": lambda holder: holder.proof("POST", TOKEN_URL.replace(".org", ".org:8443")),
    "credentials in the address": lambda holder: holder.proof("POST", TOKEN_URL.replace("//", "//a:b@")),
    "no address": lambda holder: holder.proof("POST", ""),
    "a port that is none": lambda holder: holder.proof("POST", "https://x:99999999/"),
    "too old": lambda holder: holder.proof("POST", TOKEN_URL, iat=int(holder.clock.now().timestamp()) - 61),
    "from the future": lambda holder: holder.proof("POST", TOKEN_URL, iat=int(holder.clock.now().timestamp()) + 31),
    "iat is text": lambda holder: holder.proof("POST", TOKEN_URL, iat="now"),
    "iat is true": lambda holder: holder.proof("POST", TOKEN_URL, iat=True),
    "no iat": lambda holder: holder.proof("POST", TOKEN_URL, iat=ABSENT),
    "no jti": lambda holder: holder.proof("POST", TOKEN_URL, jti=ABSENT),
    "an empty jti": lambda holder: holder.proof("POST", TOKEN_URL, jti=""),
    "a long jti": lambda holder: holder.proof("POST", TOKEN_URL, jti="x" * 257),
    "no htm": lambda holder: holder.proof("POST", TOKEN_URL, htm=ABSENT),
    "no htu": lambda holder: holder.proof("POST", TOKEN_URL, htu=ABSENT),
    "another typ": lambda holder: holder.signed({"typ": "JWT"}, _claims(holder)),
    "no typ": lambda holder: holder.signed({"typ": ABSENT}, _claims(holder)),
    "no key": lambda holder: holder.signed({"jwk": ABSENT}, _claims(holder)),
    "a private key": lambda holder: holder.signed({"jwk": holder.key.as_dict(private=True)}, _claims(holder)),
    "somebody else's key": lambda holder: holder.signed({"jwk": Holder(holder.clock).key.as_dict(private=False)}, _claims(holder)),
    "a key of another curve": lambda holder: _with_key(holder, crv="P-384"),
    "a point that is none": lambda holder: _with_key(holder, x="AA"),
    "an address of a key": lambda holder: holder.signed({"jku": "http://127.0.0.1:9/"}, _claims(holder)),
    "crit": lambda holder: _with_crit(holder),  # noqa: PLW0108 - defined below
    "no signature": lambda holder: holder.proof("POST", TOKEN_URL).rpartition(".")[0] + ".",
    "alg none": lambda holder: encoded(b'{"typ":"dpop+jwt","alg":"none","jwk":{}}') + ".e30.",
    "no token at all": lambda holder: "x",
    "nothing": lambda holder: "",
    "10 kB": lambda holder: holder.proof("POST", TOKEN_URL, more="x" * 10_000),
    "a small RSA key": lambda holder: Holder(holder.clock, RSAKey.generate_key(1024), "RS256").proof("POST", TOKEN_URL),
    "a shared secret": lambda holder: _by_secret(holder),  # noqa: PLW0108 - defined below
}


def _claims(holder: Holder) -> dict[str, Any]:
    return {"jti": "1", "htm": "POST", "htu": TOKEN_URL, "iat": int(holder.clock.now().timestamp())}


def _with_crit(holder: Holder) -> str:
    header = {"typ": "dpop+jwt", "jwk": holder.key.as_dict(private=False), "crit": ["x"], "x": 1}
    return jwt.encode(_claims(holder), holder.key.private_key, "ES256", header)  # type: ignore[arg-type]


def _with_key(holder: Holder, **members: Any) -> str:
    return holder.signed({"jwk": {**holder.key.as_dict(private=False), **members}}, _claims(holder))


def _by_secret(holder: Holder) -> str:
    secret: Any = OctKey.import_key("a secret of more than 32 bytes....")
    return Holder(holder.clock, secret, "HS256").signed({"jwk": secret.as_dict()}, _claims(holder))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("name", WRONG_AT_THE_ENDPOINT)
async def test_70_wrong_proof_gets_no_token(name: str, auth: Auth, holder: Holder) -> None:
    """A proof that is wrong in this way is `invalid_dpop_proof`, and there is no token."""
    answer = await ask(auth, WRONG_AT_THE_ENDPOINT[name](holder))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
    assert answer.headers["cache-control"] == "no-store"


async def test_70_two_proofs(auth: Auth, holder: Holder) -> None:
    """Two proofs in one request are none."""
    answer = await ask(auth, holder.proof("POST", TOKEN_URL), holder.proof("POST", TOKEN_URL))
    assert answer.json()["error"] == "invalid_dpop_proof"


async def test_70_proof_used_twice(auth: Auth, holder: Holder, api: httpx.AsyncClient) -> None:
    """A proof is good once: at the endpoint, at the API, in another process, and when it is sent many times at once."""
    proof = holder.proof("POST", TOKEN_URL)
    answers_given = await asyncio.gather(*[ask(auth, proof) for _ in range(5)])
    assert sorted(answer.status_code for answer in answers_given) == [200, 400, 400, 400, 400]
    token = await bound_token(auth, holder)
    proof = holder.proof("GET", API, token)
    assert (await call(api, token, proof)).status_code == 200
    again = await call(api, token, proof)
    assert (again.status_code, again.json()) == (401, {"error": "invalid_dpop_proof"})
    other = await open_rooms(auth.database, auth.clock)
    assert not await other.service.revocations.use_proof(holder.thumbprint, _id_of(proof), 2e9)


def _id_of(proof: str) -> str:
    return str(jwt.decode(proof, options={"verify_signature": False})["jti"])


async def test_used_proofs_are_forgotten(auth: Auth, holder: Holder) -> None:
    """What has expired leaves the table; until then it stays."""
    proof = holder.proof("POST", TOKEN_URL)
    await ask(auth, proof)
    auth.clock.move(62)
    await ask(auth, holder.proof("POST", TOKEN_URL))
    assert await auth.service.revocations.use_proof(holder.thumbprint, _id_of(proof), auth.clock.now().timestamp() + 1)


WRONG_AT_THE_API: dict[str, Callable[[Holder, str], str]] = {
    "of another token": lambda holder, token: holder.proof("GET", API, token + "x"),
    "of no token": lambda holder, token: holder.proof("GET", API),
    "for another method": lambda holder, token: holder.proof("POST", API, token),
    "for another address": lambda holder, token: holder.proof("GET", API + "/1", token),
    "too old": lambda holder, token: holder.proof("GET", API, token, iat=int(holder.clock.now().timestamp()) - 61),
    "unreadable": lambda holder, token: "a.b.c",
}


@pytest.mark.parametrize("name", WRONG_AT_THE_API)
async def test_70_wrong_proof_at_the_api(name: str, auth: Auth, holder: Holder, api: httpx.AsyncClient) -> None:
    """A proof that is wrong in this way opens nothing; the challenge says which algorithms are known."""
    token = await bound_token(auth, holder)
    answer = await call(api, token, WRONG_AT_THE_API[name](holder, token))
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_dpop_proof"})
    assert answer.headers["www-authenticate"].startswith('DPoP error="invalid_dpop_proof"')
    assert f'algs="{" ".join(dpop.ALGORITHMS)}"' in answer.headers["www-authenticate"]


async def test_70_bound_token_without_its_holder(auth: Auth, holder: Holder, api: httpx.AsyncClient) -> None:
    """As plain Bearer, without or with a stranger's proof a bound token is refused, and so is an unbound one as DPoP."""
    token, stranger = await bound_token(auth, holder), Holder(auth.clock)
    unbound = await auth.token()
    refused = [
        await call(api, token, scheme="Bearer"),
        await call(api, token, holder.proof("GET", API, token), scheme="Bearer"),
        await call(api, token),
        await call(api, token, stranger.proof("GET", API, token)),
        await call(api, unbound, holder.proof("GET", API, unbound)),
    ]
    assert {(answer.status_code, answer.json()["error"]) for answer in refused} == {(401, "invalid_token")}
    with pytest.raises(InvalidTokenError):
        await auth.service.verify_token(token)


@pytest.mark.parametrize(
    "url",
    [
        API + "?page=2",
        API + "#top",
        "HTTPS://TESTS.example.org/models",
        "https://tests.example.org:443/models",
        "https://tests.example.org/m%6Fdels",
    ],
)
async def test_other_spellings_of_the_address(url: str, auth: Auth, holder: Holder, api: httpx.AsyncClient) -> None:
    """The address is compared as RFC 3986 understands it, without query and fragment."""
    token = await bound_token(auth, holder)
    assert (await call(api, token, holder.proof("GET", url, token))).status_code == 200


async def test_host_header_is_not_asked(auth: Auth, holder: Holder, api: httpx.AsyncClient) -> None:
    """What a proof must be made for follows from the settings, whatever the request says of its host."""
    token = await bound_token(auth, holder)
    headers = {"authorization": f"DPoP {token}", "dpop": holder.proof("GET", "https://evil.example/models", token)}
    answer = await api.get("/models", headers={**headers, "host": "evil.example"})
    assert answer.status_code == 401
