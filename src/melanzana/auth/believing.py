"""Decides whether an access token is believed, on every request.

The signature is checked with keys in memory. Then four things that may have changed since are read by primary key, and nothing of
them is cached: the realm (enabled, not-before, keys), the revocation of the token, and its client or the session of its person. So
whatever ends a token acts at the next request, in every process. `service.py` opens this for the gate, for introspection and for
userinfo.
"""

from dataclasses import dataclass

from melanzana.access.permissions import SCOPES_OF_ROLE
from melanzana.access.records import Principal, PrincipalKind
from melanzana.auth import dpop, tokens
from melanzana.auth.revocations import Revocations
from melanzana.auth.scopes import effective
from melanzana.auth.steady import SteadySeconds
from melanzana.auth.strict import RefusedError, refusal
from melanzana.auth.token_types import TokenTypes
from melanzana.auth.tokens import Claims, Opened, Reading
from melanzana.clients.service import ClientService
from melanzana.clock import Clock
from melanzana.errors import InvalidTokenError, NotFoundError
from melanzana.realms.service import RealmService
from melanzana.users.service import UserService


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """An access token as a request presented it."""

    token: str
    bound: bool  #: scheme DPoP instead of Bearer
    proofs: tuple[str, ...] = ()  #: the DPoP headers
    method: str = "GET"
    url: str = ""  #: what a proof must have been made for
    address: str = ""  #: where the request came from


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """A token that is good now: who its owner is, and what it says."""

    principal: Principal
    claims: Claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """Whom believing asks."""

    realms: RealmService
    clients: ClientService
    users: UserService


class Believing:
    """Tokens in, callers out."""

    def __init__(self, clock: Clock, rooms: Rooms, revocations: Revocations, seconds: SteadySeconds) -> None:
        self._realms = rooms.realms
        self._clients = rooms.clients
        self._users = rooms.users
        self._revocations = revocations
        self._seconds = seconds
        self._types = TokenTypes(clock)

    async def believe(self, token: Opened, address: str) -> Believed:
        """A token of one of our realms that is good now; whether its holder may use it is `check_holder`'s question.

        Errors: InvalidTokenError; UnavailableError when the database does not answer.
        """
        claims = await self._read(token)
        if await self._revocations.revoked(claims.realm, claims.token_id):
            raise InvalidTokenError("the access token was revoked; get a new one")
        principal = await (self._person(claims) if claims.generation is None else self._client(claims, address))
        return Believed(principal=principal, claims=claims)

    async def check_holder(self, claims: Claims, presented: Presented) -> None:
        """A bound token comes with a proof of its key that was never used before, any other one as Bearer.

        Errors: InvalidTokenError with the challenge of RFC 9449.
        """
        if claims.key_thumbprint is None and not presented.bound:
            return
        if claims.key_thumbprint is None or not presented.bound:
            text = "send this access token with the scheme it was issued for: DPoP when it is bound to a key, Bearer when not"
            raise _unproven("invalid_token", text)
        use = dpop.Use(method=presented.method, url=presented.url, now_seconds=self._seconds.now(), access_token=presented.token)
        proof = await self.prove(presented.proofs, use)
        if proof is None or proof.thumbprint != claims.key_thumbprint:
            raise _unproven("invalid_token", "the request carries no DPoP proof of the key that the access token is bound to")

    async def prove(self, proofs: tuple[str, ...], use: dpop.Use) -> dpop.Proof | None:
        """The proof of the request, which is used up by this. Errors: InvalidTokenError `invalid_dpop_proof`."""
        try:
            proof = dpop.read_proof(proofs, use)
        except RefusedError as error:
            raise _unproven("invalid_dpop_proof", f"the DPoP proof is not valid: {error}") from error
        if proof is not None and not await self._revocations.use_proof(proof.thumbprint, proof.id, proof.good_until_seconds):
            raise _unproven("invalid_dpop_proof", "the DPoP proof was used before; make one for each request")
        return proof

    async def _read(self, token: Opened) -> Claims:
        """The claims of a token that one of our realms signed and has not ended."""
        issuer = token.claims.get("iss")
        prefix = self._realms.issuer("")
        try:
            if not isinstance(issuer, str) or not issuer.startswith(prefix):
                raise RefusedError("issuer")
            realm = await self._realms.current(issuer.removeprefix(prefix))
        except (RefusedError, NotFoundError) as error:
            raise refusal(RefusedError("issuer")) from error
        reading = Reading(
            realm=realm.name,
            issuer=issuer,
            ring=self._realms.ring,
            token_types=self._types.accepted(realm),
            now_seconds=self._seconds.now(),
        )
        claims = tokens.read(token, reading)
        if not realm.enabled or claims.issued_at < realm.not_before:
            raise InvalidTokenError("the access token is no longer valid: its realm ended it; get a new one")
        return claims

    async def _client(self, claims: Claims, address: str) -> Principal:
        client = await self._clients.live_client(claims.realm, claims.client_id)
        if client is None or client.generation != claims.generation:
            raise InvalidTokenError("the access token is no longer valid: its client was revoked or got a new secret")
        if address and not self._clients.admits(client, address):
            raise InvalidTokenError("the access token is not valid from this address")
        return Principal(
            realm=client.realm,
            kind=client.kind,
            client_id=client.client_id,
            subject=client.subject,
            name=client.name,
            scopes=effective(client.permitted, claims.scope),
            agent_id=client.agent_id,
            address=address,
        )

    async def _person(self, claims: Claims) -> Principal:
        found = await self._users.live_session(claims.realm, claims.session_id)
        if found is None or found[0].id != claims.subject:
            raise InvalidTokenError("the access token is no longer valid: its login ended")
        user, _session = found
        return Principal(
            realm=user.realm,
            kind=PrincipalKind.USER,
            client_id=claims.client_id,
            subject=user.id,
            name=user.name,
            scopes=effective(SCOPES_OF_ROLE[user.role], claims.scope),
        )


def _unproven(error: str, text: str) -> InvalidTokenError:
    return InvalidTokenError(text, error=error, challenge=dpop.challenge(error, text))
