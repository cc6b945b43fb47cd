"""Reads an HTTP request to an OAuth endpoint into a `TokenCall`, in the order in which Keycloak checks.

`api.py` calls it for token, introspect, revoke and logout. What the bytes mean is decided in `token_request.py`.
"""

from fastapi import Request
from starlette.exceptions import HTTPException

from melanzana.auth import token_request
from melanzana.auth.records import TokenCall
from melanzana.auth.token_request import Parameters
from melanzana.errors import OAuthError, TooLargeError


async def read_parameters(request: Request) -> Parameters:
    """The parameters of the body. Errors: HTTPException 415; OAuthError; TooLargeError."""
    kind = token_request.media_type(request.headers.get("content-type"))
    if kind is None:
        raise HTTPException(415)
    if not token_request.BODY_ONLY.isdisjoint(request.query_params):
        raise OAuthError("invalid_request", "Parameters are taken from the body, never from the address")
    return token_request.read_parameters(await _body(request), kind)


def call_of(realm: str, request: Request, parameters: Parameters, key_thumbprint: str | None = None) -> TokenCall:
    """The call with who it says it comes from. Errors: OAuthError."""
    return TokenCall(
        realm=realm,
        parameters=parameters,
        credentials=token_request.read_credentials(request.headers.getlist("authorization"), parameters, realm),
        address=request.client.host if request.client else "",
        key_thumbprint=key_thumbprint,
    )


async def read_call(realm: str, request: Request) -> TokenCall:
    """A call to an endpoint that has no grant type. Errors: as above; OAuthError when a parameter stands twice."""
    parameters = await read_parameters(request)
    call = call_of(realm, request, parameters)
    token_request.check_not_duplicated(parameters)
    return call


async def _body(request: Request) -> bytes:
    """Errors: TooLargeError as soon as the limit is passed."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > token_request.MAXIMUM_BYTES:
            raise TooLargeError(f"the body is larger than {token_request.MAXIMUM_BYTES} bytes", maximum=token_request.MAXIMUM_BYTES)
    return bytes(content)
