"""Logging in with an identity provider: the code flow, with us as the client (OpenID Connect Core section 3.1).

`pages.py` sends the browser away with `begin` and gets the person with `complete`. State, nonce and PKCE verifier follow from the
browser's binding, so an answer is good only in the browser that asked, and for an hour. The role comes from the ID token, else from
the access token when it is one that we can read, else from the userinfo endpoint: providers differ in where they put it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import structlog

from melanzana.access.permissions import Role
from melanzana.auth import foreign_tokens
from melanzana.auth.external import ExternalIssuers, callback_address
from melanzana.auth.issuer_keys import fetch_json, trusted_address
from melanzana.auth.login_binding import LoginBinding, challenge_of
from melanzana.auth.login_records import IdentityProvider
from melanzana.clock import Clock
from melanzana.errors import InvalidTokenError, LoginRefusedError, NotFoundError, UnavailableError
from melanzana.realms.service import RealmService

_log = structlog.get_logger("melanzana.auth")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenElsewhere:
    """Somebody whom a provider vouches for, and the authorization request that goes on now."""

    provider: IdentityProvider
    subject: str
    name: str
    email: str
    role: Role
    query: str


class ExternalLogin:
    """The login buttons."""

    def __init__(self, issuers: ExternalIssuers, realms: RealmService, binding: LoginBinding, clock: Clock) -> None:
        self._issuers = issuers
        self._realms = realms
        self._binding = binding
        self._clock = clock

    async def buttons(self, realm: str) -> list[IdentityProvider]:
        """The providers by which people of this realm may log in."""
        return [provider for provider in await self._issuers.providers(realm) if provider.login_button]

    async def begin(self, realm: str, name: str, binding: str, query: str, *, again: bool = False) -> str:
        """Where to send the browser. `query`: the authorization request to go on with; `again`: even if logged in there.

        Errors: NotFoundError; UnavailableError when the provider does not answer.
        """
        provider = await self._offered(realm, name)
        endpoint = _endpoint(await self._issuers.keys.metadata(provider.issuer), "authorization_endpoint")
        state = self._binding.state(binding, _purpose(provider), {"query": query})
        parameters = {
            "response_type": "code",
            "client_id": provider.client_id or "",
            "redirect_uri": self.redirect_uri(provider),
            "scope": provider.login_scope,
            "state": state,
            "nonce": self._binding.nonce(binding, state),
            "code_challenge": challenge_of(self._binding.verifier(binding, state)),
            "code_challenge_method": "S256",
            **({"prompt": "login"} if again else {}),
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    async def complete(self, realm: str, name: str, binding: str | None, answer: Mapping[str, str]) -> ProvenElsewhere:
        """The person that the provider's answer names.

        Errors: NotFoundError; LoginRefusedError, saying what happened; UnavailableError.
        """
        provider = await self._offered(realm, name)
        state = answer.get("state", "")
        content = self._binding.content(binding, _purpose(provider), state)
        if content is None or binding is None:
            raise LoginRefusedError("this login was not begun in this browser, or it took too long: log in again")
        metadata = await self._issuers.keys.metadata(provider.issuer)
        _check_answer(provider, metadata, answer)
        try:
            async with self._issuers.keys.client() as http:
                tokens = await self._redeem(http, provider, metadata, answer["code"], self._binding.verifier(binding, state))
                claims = await self._id_claims(provider, tokens, self._binding.nonce(binding, state))
                sources = [claims, *await self._more_claims(http, provider, metadata, tokens, claims)]
        except (httpx.HTTPError, ValueError, InvalidTokenError) as error:
            notes = "; ".join(getattr(error, "__notes__", ()))
            _log.warning("login by provider refused", realm=realm, provider=name, error=f"{error} {notes}"[:300])
            raise LoginRefusedError(f"{provider.display_name} did not confirm this login: try again") from None
        role = foreign_tokens.role_of(provider, *sources)
        if role is None:
            raise LoginRefusedError(f"your account at {provider.display_name} gives you no role here: ask your administrator")
        return ProvenElsewhere(
            provider=provider,
            subject=claims["sub"],
            name=next((name for name in map(_person, sources) if name), claims["sub"]),
            email=next((str(source["email"]) for source in sources if isinstance(source.get("email"), str)), ""),
            role=role,
            query=content["query"],
        )

    def redirect_uri(self, provider: IdentityProvider) -> str:
        """What is registered at the provider."""
        return callback_address(self._realms.issuer(provider.realm), provider.name)

    async def _offered(self, realm: str, name: str) -> IdentityProvider:
        provider = await self._issuers.provider(realm, name)
        if not provider.login_button:
            raise NotFoundError("there is no such identity provider")
        return provider

    async def _redeem(
        self, http: httpx.AsyncClient, provider: IdentityProvider, metadata: Mapping[str, Any], code: str, verifier: str
    ) -> dict[str, Any]:
        client_id, secret = provider.client_id or "", self._issuers.secret(provider)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri(provider),
            "code_verifier": verifier,
        }
        options: dict[str, Any] = {}
        if secret is None:
            form["client_id"] = client_id
        elif "client_secret_basic" in metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            options["auth"] = (quote(client_id, safe=""), quote(secret, safe=""))  # RFC 6749 section 2.3.1
        else:
            form |= {"client_id": client_id, "client_secret": secret}
        return await fetch_json(http, _endpoint(metadata, "token_endpoint"), method="POST", data=form, **options)

    async def _id_claims(self, provider: IdentityProvider, tokens: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """The claims of the ID token, believed. Errors: InvalidTokenError, UnavailableError."""
        token, client_id = str(tokens.get("id_token", "")), provider.client_id or ""
        claims = await self._believed(provider, token)
        foreign_tokens.check_claims(claims, provider.issuer, client_id, self._clock.now().timestamp())
        if claims.get("nonce") != nonce or "iat" not in claims:
            foreign_tokens.refuse("nonce")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else client_id) != client_id:
            foreign_tokens.refuse("azp")
        return claims

    async def _believed(self, provider: IdentityProvider, token: str) -> dict[str, Any]:
        header, claims = foreign_tokens.unverified(token)
        kid = header.get("kid")
        key = await self._issuers.keys.key(provider.issuer, kid if isinstance(kid, str) else None)
        foreign_tokens.check_signature(token, header, key)
        return claims

    async def _more_claims(
        self,
        http: httpx.AsyncClient,
        provider: IdentityProvider,
        metadata: Mapping[str, Any],
        tokens: Mapping[str, Any],
        id_claims: Mapping[str, Any],
    ) -> list[dict[str, Any]]:
        """What access token and userinfo say of the same person, when the ID token lacks the role claim."""
        access_token = tokens.get("access_token")
        if not isinstance(access_token, str) or foreign_tokens.claim_at(id_claims, provider.role_claim) is not None:
            return []
        more = []
        try:
            claims = await self._believed(provider, access_token)
            foreign_tokens.check_times(claims, self._clock.now().timestamp())
            more.append(claims)
        except InvalidTokenError:
            pass  # opaque, or signed for somebody else's eyes
        if trusted_address(str(metadata.get("userinfo_endpoint", ""))):
            headers = {"Authorization": f"Bearer {access_token}"}
            more.append(await fetch_json(http, metadata["userinfo_endpoint"], headers=headers))
        return [claims for claims in more if claims.get("sub") == id_claims["sub"]]


def _check_answer(provider: IdentityProvider, metadata: Mapping[str, Any], answer: Mapping[str, str]) -> None:
    """The provider said yes, and it is the one we asked (RFC 9207). Errors: LoginRefusedError."""
    promised = metadata.get("authorization_response_iss_parameter_supported") is True
    if answer.get("iss", None if promised else provider.issuer) != provider.issuer:
        raise LoginRefusedError(f"the answer does not come from {provider.display_name}: log in again")
    if "error" in answer or not answer.get("code"):
        raise LoginRefusedError(f"{provider.display_name} did not log you in ({answer.get('error', 'no code')[:80]})")


def _endpoint(metadata: Mapping[str, Any], name: str) -> str:
    """Errors: UnavailableError when the provider names none that may be used."""
    address = metadata.get(name)
    if not isinstance(address, str) or not trusted_address(address):
        raise UnavailableError(f"the identity provider names no {name} that is https")
    return address


def _person(claims: Mapping[str, Any]) -> str:
    return next((str(claims[key]) for key in ("preferred_username", "name", "email") if isinstance(claims.get(key), str)), "")


def _purpose(provider: IdentityProvider) -> str:
    return f"provider {provider.realm}/{provider.name}"
