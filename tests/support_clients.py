"""The faces of API clients over the authorization server of `support_auth`, with people whose tokens and sessions are made up."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy import text

from melanzana.access.gate import Gate
from melanzana.access.permissions import SCOPES_OF_ROLE, Role
from melanzana.access.records import Principal, PrincipalKind, Visitor
from melanzana.clients import api
from melanzana.server import problems
from support_auth import BASE_URL, Auth

Key = RSAKey | ECKey | OKPKey
CLIENTS = "/client_service/api/v1/clients"


def person(role: Role = Role.ADMIN, realm: str = "eggplant") -> Principal:
    """Somebody who logged in."""
    return Principal(
        realm=realm,
        kind=PrincipalKind.USER,
        client_id="melanzana-web",
        subject="0d9a3f6e-0000-4000-8000-000000000001",
        name="ada",
        scopes=SCOPES_OF_ROLE[role],
        address="192.0.2.9",
    )


def visitor(session_id: str = "first session", role: Role = Role.ADMIN) -> Visitor:
    """The same in front of a page."""
    return Visitor(principal=person(role), session_id=session_id, csrf_token=f"csrf of {session_id}")


@dataclass
class Faces:
    """The REST of clients; the token `admin` is an admin's, `user` a user's, `other` an admin's of another realm."""

    auth: Auth
    app: FastAPI

    def http(self, token: str = "admin", address: str = "192.0.2.9") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, client=(address, 40_000))
        return httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers={"Authorization": f"Bearer {token}"})


def faces(auth: Auth) -> Faces:
    people = {"admin": person(), "user": person(Role.USER), "other": person(realm="other")}

    async def believe(request: Request, token: str) -> Principal:
        return people.get(token) or await auth.service.believe(request, token)

    app = FastAPI()
    app.include_router(api.router(auth.clients, Gate(believe), auth.clock))
    problems.install(app)
    return Faces(auth, app)


def signed_assertion(key: Key, client_id: str, audience: Any, now: datetime, algorithm: str = "ES256", **changes: Any) -> str:
    """What a client sends that proves itself by a key; a change to None takes the claim away."""
    seconds = int(now.timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": seconds,
        "exp": seconds + 60,
        "jti": str(uuid4()),
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": algorithm}, kept, key, algorithms=[algorithm])


async def dump(auth: Auth, *tables: str) -> str:
    """Everything that these tables hold, as text."""
    return await auth.database.read(
        lambda tx: "\n".join(str(row) for table in tables for row in tx.execute(text(f"SELECT * FROM {table}")))
    )


def instant(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]
