"""Tokens of other people's issuers: which are believed, which are not, and how little is asked for them."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from melanzana.access.permissions import SCOPES_OF_ROLE, Role, Scope
from melanzana.access.records import PrincipalKind
from melanzana.auth.external import NewProvider
from melanzana.auth.issuer_keys import LONGEST_ANSWER_BYTES, trusted_address
from melanzana.errors import ConflictError, InvalidTokenError, NotFoundError, RequestError, UnavailableError
from melanzana.server.logins import AccessRooms, Logins
from melanzana.users.records import UserChange
from melanzana.users.rules import operator
from support_auth import encode, signed
from support_issuer import AUDIENCE, ISSUER, Issuer, issuer_key
from support_people_login import BASE_URL, OPERATOR, LoginSite, login_site

pytestmark = pytest.mark.anyio
PROVIDER = NewProvider(
    name="company",
    issuer=ISSUER,
    audience=AUDIENCE,
    roles={"testers": Role.USER, "owners": Role.ADMIN},
    client_id="melanzana",
    client_secret="a secret of ours there",
)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[LoginSite]:
    """A server."""
    async with login_site(tmp_path) as opened:
        yield opened


@pytest.fixture
def issuer() -> Issuer:
    """Somebody else's."""
    return Issuer()


@pytest.fixture
async def logins(site: LoginSite, issuer: Issuer) -> Logins:
    """The server's logins, which reach that issuer and nobody else, and believe it."""
    opened = logins_over(site, issuer.transport())
    await opened.issuers.put("eggplant", PROVIDER, OPERATOR)
    return opened


def logins_over(site: LoginSite, transport: httpx.AsyncBaseTransport) -> Logins:
    services = site.services
    rooms = AccessRooms(
        realms=services.realms,
        clients=services.clients,
        users=services.users,
        audit=services.audit,
        auth=services.auth,
        master=services.logins.master,
    )
    return Logins(services.database, site.clock, rooms, transport)


def _now(site: LoginSite) -> float:
    return site.clock.now().timestamp()


async def test_a_believed_token(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """A token of a configured issuer opens the API with the permissions of the role that its claim gives."""
    token = issuer.token(_now(site))
    principal = await logins.issuers.believe(token)
    assert (principal.realm, principal.kind, principal.name, principal.client_id) == (
        "eggplant",
        PrincipalKind.USER,
        "grace",
        "a-program",
    )
    assert principal.scopes == SCOPES_OF_ROLE[Role.USER]
    assert await site.api_status(token) == 200
    admin = await logins.issuers.believe(issuer.token(_now(site), realm_access={"roles": ["testers", "owners"]}))
    assert admin.scopes == SCOPES_OF_ROLE[Role.ADMIN]


async def test_fewer_permissions(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """Permission words in the token's scope limit it; they never widen the role."""
    narrow = await logins.issuers.believe(issuer.token(_now(site), scope="openid models:read clients:manage"))
    assert narrow.scopes == {Scope.MODELS_READ}


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": f"{ISSUER}/"},
        {"iss": "https://login.example.net/other"},
        {"iss": [ISSUER]},
        {"iss": None},
        {"aud": "somebody else"},
        {"aud": None},
        {"aud": [AUDIENCE + "x"]},
        {"aud": {AUDIENCE: 1}},
        {"exp": 1},
        {"exp": None},
        {"exp": True},
        {"exp": "9999999999"},
        {"exp": 1e400},
        {"nbf": 2**40},
        {"iat": 2**40},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"nonce": "n"},
        {"at_hash": "h"},
        {"realm_access": None},
        {"realm_access": {"roles": ["strangers"]}},
        {"realm_access": ["testers"]},
        {"realm_access": {"roles": {"testers": True}}},
    ],
)
async def test_8_wrong_claims(changes: dict[str, Any], site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """Issuer and audience exact, times in order, an access token, a role: each missing piece is a refusal."""
    token = issuer.token(_now(site), **changes)
    with pytest.raises(InvalidTokenError):
        await logins.issuers.believe(token)
    assert await site.api_status(token) == 401


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "nOnE"},
        {"alg": "HS256"},
        {"alg": "ES256"},
        {"alg": "RS384"},
        {"alg": None},
        {"kid": "unknown"},
        {"kid": "../../etc/passwd"},
        {"kid": "shared"},
        {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]},
        {"typ": "logout+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": 7},
    ],
)
async def test_1_wrong_header(header: dict[str, Any], site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """Only the algorithms of private keys, only the issuer's keys, only what an access token's header says."""
    with pytest.raises(InvalidTokenError):
        await logins.issuers.believe(issuer.token(_now(site), header=header))


async def test_4_keys_in_the_token_are_not_looked_at(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """jwk, jku, x5u and x5c in a header change nothing: an attacker's key stays unknown, and its address unvisited."""
    attacker = generate_private_key(public_exponent=65537, key_size=2048)
    header = {"alg": "RS256", "kid": "first", "jku": "https://evil.org/keys", "x5u": "https://evil.org/c", "x5c": ["MIIB"]}
    with pytest.raises(InvalidTokenError):
        await logins.issuers.believe(signed(attacker, header, issuer.claims(_now(site))))
    assert not [url for url in issuer.asked if "evil" in url]


async def test_2_public_key_as_a_secret(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """HS256 with the issuer's public key as its secret is refused."""
    pem = issuer.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, b"secret" * 8):
        with pytest.raises(InvalidTokenError):
            await logins.issuers.believe(issuer.hmac_token(_now(site), secret))


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "a.b.c.d", "é.b.c", "x" * 20_000])
async def test_12_no_token_at_all(token: str, logins: Logins) -> None:
    """What is no signed token is refused like a bad one."""
    with pytest.raises(InvalidTokenError):
        await logins.issuers.believe(token)


async def test_12_claims_that_are_no_claims(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """A list, a name that stands twice, or bytes that are no text."""
    good = issuer.claims(_now(site))
    twice = b'{"iss":"https://evil.org",' + str(good).replace("'", '"').encode()[1:]
    for payload in (b"[]", b"\xff\xfe", b"{", twice, b"[" * 5_000):
        with pytest.raises(InvalidTokenError):
            await logins.issuers.believe(signed(issuer.private, {"alg": "RS256", "kid": "first"}, payload))
    with pytest.raises(InvalidTokenError):
        await logins.issuers.believe(f"{encode(b'[]')}.{encode(b'{}')}.{encode(b'x')}")


async def test_nothing_is_fetched_for_strangers(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """A token whose issuer or audience nobody configured costs one look at the database and no request."""
    for changes in ({"iss": "https://evil.org"}, {"aud": "other"}, {"iss": "http://169.254.169.254/latest"}):
        with pytest.raises(InvalidTokenError):
            await logins.issuers.believe(issuer.token(_now(site), **changes))
    assert not issuer.asked


async def test_keys_are_asked_for_seldom(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """Good tokens share one question; unknown key ids bring at most one more a minute."""
    for _ in range(5):
        await logins.issuers.believe(issuer.token(_now(site)))
    assert issuer.asked[f"{ISSUER}/keys"] == 1
    site.clock.move(61)
    for number in range(20):
        with pytest.raises(InvalidTokenError):
            await logins.issuers.believe(issuer.token(_now(site), header={"kid": f"k{number}"}))
    assert issuer.asked[f"{ISSUER}/keys"] == 2


async def test_new_key_of_the_issuer(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """A key that the issuer has begun to use is found within a minute; the one it withdrew is believed no longer."""
    old = issuer.token(_now(site))
    await logins.issuers.believe(old)
    issuer.key = issuer_key("second")
    site.clock.move(61)
    await logins.issuers.believe(issuer.token(_now(site), header={"kid": "second"}))
    with pytest.raises(InvalidTokenError):
        await logins.issuers.believe(old)


async def test_issuer_that_is_down(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """Keys that are known stay good for a day; without any, the answer is 503, and one question a minute at most."""
    issuer.up = False
    for _ in range(3):
        with pytest.raises(UnavailableError):
            await logins.issuers.believe(issuer.token(_now(site)))
    assert sum(issuer.asked.values()) == 1
    assert await site.api_status(issuer.token(_now(site))) == 503
    issuer.up = True
    site.clock.move(61)
    await logins.issuers.believe(issuer.token(_now(site)))
    issuer.up = False
    site.clock.move(12 * 3_600)
    await logins.issuers.believe(issuer.token(_now(site)))
    site.clock.move(13 * 3_600)
    with pytest.raises(UnavailableError):
        await logins.issuers.believe(issuer.token(_now(site)))


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.org"},
        {"issuer": f"{ISSUER}/"},
        {"jwks_uri": "http://login.example.net/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://user:password@login.example.net/keys"},
        {"jwks_uri": None},
        {"jwks_uri": f"{ISSUER}/nowhere"},
        {"jwks_uri": f"{ISSUER}/.well-known/openid-configuration"},
    ],
)
async def test_issuer_that_answers_nonsense(metadata: dict[str, Any], site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """Metadata must be the issuer's own and lead to keys over https."""
    issuer.metadata = metadata
    with pytest.raises(UnavailableError):
        await logins.issuers.believe(issuer.token(_now(site)))
    assert not [url for url in issuer.asked if not url.startswith(ISSUER)]


async def test_answer_without_end(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """An answer larger than the limit is not read to its end."""
    issuer.padding = LONGEST_ANSWER_BYTES
    with pytest.raises(UnavailableError):
        await logins.issuers.believe(issuer.token(_now(site)))


def test_addresses_that_are_trusted() -> None:
    """https anywhere, http on this machine only."""
    for good in ("https://a.example.org", "http://localhost:8080/x", "http://127.0.0.1:1", "http://[::1]:8/x"):
        assert trusted_address(good)
    elsewhere = (
        "http://a.example.org",
        "ftp://localhost",
        "http://127.0.0.1.evil.org",
        "http://localhost.evil.org",
        "http://0.0.0.0",
    )
    for bad in (*elsewhere, "https://", "https://u:p@a.org", "https://a.org#f", "localhost", "http://[", ""):
        assert not trusted_address(bad)


async def test_changes_act_at_once(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """A provider that is removed or changed counts at the next request, in another process too."""
    token = issuer.token(_now(site))
    await logins.issuers.believe(token)
    elsewhere = logins_over(site, issuer.transport())
    await elsewhere.issuers.remove("eggplant", "company", OPERATOR)
    with pytest.raises(InvalidTokenError):
        await logins.issuers.believe(token)
    with pytest.raises(NotFoundError):
        await elsewhere.issuers.remove("eggplant", "company", OPERATOR)
    changes = [detail["change"] for action, _, detail in await site.actions() if "change" in detail]
    assert changes == ["added", "removed"]


async def test_disabled_account(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """Somebody whose account is disabled here gets in by no token; who has an account acts as that account."""
    grace = await site.services.users.link_external("eggplant", ISSUER, "somebody", "grace", "", Role.USER)
    token = issuer.token(_now(site))
    assert (await logins.issuers.believe(token)).subject == grace.id
    other = await logins.issuers.believe(issuer.token(_now(site), sub=grace.id))
    assert other.subject != grace.id
    await site.services.users.accounts.change("eggplant", grace.id, UserChange(enabled=False), operator(OPERATOR))
    with pytest.raises(InvalidTokenError):
        await logins.issuers.believe(token)


async def test_one_token_one_realm(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """Issuer and audience together belong to one realm; another audience of the same issuer may be another's."""
    await site.services.realms.ensure_realm("other")
    with pytest.raises(ConflictError):
        await logins.issuers.put("other", PROVIDER, OPERATOR)
    theirs = NewProvider(name="company", issuer=ISSUER, audience="other-api", roles={"testers": Role.USER})
    await logins.issuers.put("other", theirs, OPERATOR)
    assert (await logins.issuers.believe(issuer.token(_now(site), aud="other-api"))).realm == "other"
    assert (await logins.issuers.believe(issuer.token(_now(site)))).realm == "eggplant"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"issuer": "http://login.example.net"}, "issuer"),
        ({"issuer": f"{BASE_URL}/auth/realms/eggplant"}, "issuer"),
        ({"name": "a/b"}, "name"),
        ({"name": ""}, "name"),
        ({"audience": ""}, "audience"),
        ({"roles": {}}, "roles"),
        ({"client_id": None}, "client_id"),
        ({"login_scope": "profile"}, "login_scope"),
        ({"display_name": "a\nb"}, "display_name"),
    ],
)
async def test_bad_provider(changes: dict[str, Any], field: str, logins: Logins) -> None:
    """What cannot work is refused with its field."""
    with pytest.raises(RequestError) as caught:
        await logins.issuers.put("eggplant", replace(PROVIDER, **changes), OPERATOR)
    assert caught.value.detail["field"] == field


async def test_42_client_secret_is_sealed(site: LoginSite, logins: Logins) -> None:
    """Our secret at the provider stands nowhere in clear and comes back only for its own provider."""
    (provider,) = await logins.issuers.providers("eggplant")
    assert logins.issuers.secret(provider) == "a secret of ours there"
    assert provider.sealed_secret is not None
    assert b"a secret" not in provider.sealed_secret
    assert "a secret" not in repr(provider) + repr(PROVIDER)


async def test_time_of_a_refusal_is_short(site: LoginSite, issuer: Issuer, logins: Logins) -> None:
    """A long hostile token is refused in well under a second."""
    started = time.perf_counter()
    for token in ("a" * 16_000 + ".b.c", f"{encode(b'{}' * 4_000)}.{encode(b'{}')}.x"):
        with pytest.raises(InvalidTokenError):
            await logins.issuers.believe(token)
    assert time.perf_counter() - started < 0.5


async def test_second_melanzana(site: LoginSite, tmp_path: Path) -> None:
    """Another Melanzana is a provider like any other: tokens of its people and of its API clients are believed by its keys."""
    theirs_url = "https://theirs.example.com"
    async with login_site(tmp_path / "theirs", theirs_url) as theirs:
        theirs.clock.move(_now(site) - theirs.clock.now().timestamp())
        await theirs.person("lin", Role.USER)
        client = await theirs.services.clients.create_client("eggplant", "robot", actor=OPERATOR)
        logins = logins_over(site, httpx.ASGITransport(theirs.app))
        roles = {"dai:user": Role.USER, "dai:admin": Role.ADMIN}
        provider = NewProvider(name="theirs", issuer=f"{theirs_url}/auth/realms/eggplant", audience="melanzana", roles=roles)
        await logins.issuers.put("eggplant", provider, OPERATOR)
        person = (await theirs.redeem(await theirs.code(username="lin"))).json()["access_token"]
        believed = await logins.issuers.believe(person)
        assert (believed.name, believed.scopes) == ("lin", SCOPES_OF_ROLE[Role.USER])
        assert await site.api_status(person) == 200
        form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.client_secret}
        async with theirs.browser() as http:
            robot = (await http.post("/auth/realms/eggplant/protocol/openid-connect/token", data=form)).json()["access_token"]
        assert await site.api_status(robot) == 401  # its token has no role
        named = NewProvider(
            name="theirs", issuer=provider.issuer, audience="melanzana", roles={client.client_id: Role.USER}, role_claim="azp"
        )
        await logins.issuers.put("eggplant", named, OPERATOR)
        assert await site.api_status(robot) == 200
        assert await site.api_status(person) == 401
