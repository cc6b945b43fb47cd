"""The bodies of the OAuth endpoints, as the API documentation shows them."""

from typing import Any

from pydantic import BaseModel, Field

from melanzana.auth import token_request
from melanzana.auth.records import Grant


class TokenAnswer(BaseModel):
    """An access token, in Keycloak's fields and order."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    expires_in: int = Field(description="Seconds until it expires.")
    refresh_expires_in: int = Field(description="Seconds until the refresh token expires; 0 for a client, which has none.")
    refresh_token: str | None = Field(None, description="A person's only; good once.")
    token_type: str = Field(description="`Bearer`, or `DPoP` when the token is bound to a key.")
    id_token: str | None = Field(None, description="A person's only, when the scope `openid` was asked for.")
    not_before_policy: int = Field(alias="not-before-policy", description="Tokens issued before this second are refused; 0: none.")
    session_state: str = Field(description="Id of this grant's session.")
    scope: str = Field(description="What the token allows.")


class ClientForm(BaseModel):
    """How a client says who it is. Id and secret may come by Basic authentication instead."""

    client_id: str | None = None
    client_secret: str | None = None
    client_assertion_type: str | None = Field(None, description="`urn:ietf:params:oauth:client-assertion-type:jwt-bearer`")
    client_assertion: str | None = Field(None, description="A JWT signed with the client's registered key (RFC 7523).")


class TokenForm(ClientForm):
    """The form of the token endpoint."""

    grant_type: str = Field(description="`client_credentials`; for people `authorization_code` and `refresh_token`.")
    scope: str | None = Field(None, description="Permission words divided by spaces; all of the client's when absent.")
    code: str | None = Field(None, description="With `authorization_code`.")
    redirect_uri: str | None = Field(None, description="With `authorization_code`: the one the code was sent to.")
    code_verifier: str | None = Field(None, description="With `authorization_code`: RFC 7636.")
    refresh_token: str | None = Field(None, description="With `refresh_token`.")


class GivenTokenForm(ClientForm):
    """A form about a token."""

    token: str = Field(description="The token.")
    token_type_hint: str | None = Field(None, description="Not needed.")


class LogoutForm(ClientForm):
    """The form of the logout without a browser."""

    refresh_token: str


class Introspection(BaseModel):
    """Whether a token is good, and then everything it says."""

    active: bool
    client_id: str | None = None
    username: str | None = None
    token_type: str | None = None
    scope: str | None = Field(None, description="What the token allows now.")
    exp: int | None = None
    iat: int | None = None
    sub: str | None = None
    aud: list[str] | None = None
    iss: str | None = None
    jti: str | None = None


def body_of(form: type[BaseModel]) -> dict[str, Any]:
    """The `openapi_extra` of a route that reads this form itself."""
    schema = {"schema": form.model_json_schema()}
    return {"requestBody": {"required": True, "content": {token_request.FORM_TYPE: schema, token_request.JSON_TYPE: schema}}}


def token_answer(grant: Grant, not_before: int) -> dict[str, Any]:
    """Seven fields in Keycloak's order; refresh and ID token only where there is one."""
    answer: dict[str, Any] = {
        "access_token": grant.access_token,
        "expires_in": grant.expires_in_seconds,
        "refresh_expires_in": grant.refresh_expires_in_seconds,
        "refresh_token": grant.refresh_token,
        "token_type": grant.token_type,
        "id_token": grant.id_token,
        "not-before-policy": not_before,
        "session_state": grant.session_state,
        "scope": grant.scope,
    }
    return {name: value for name, value in answer.items() if value is not None}
