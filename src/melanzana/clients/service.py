"""The verbs of clients: make, list, renew, end, and recognise the one that presents credentials.

The agents' room makes the credentials of agents here, System > API Access and the command line those of scripts; the token
endpoint asks whose credentials were presented. A client is looked up by primary key on every request of its tokens: so a revoked
client and a replaced secret end their tokens at the next request, in every process, not when the tokens expire.
"""

import hmac
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from melanzana.access.records import PrincipalKind
from melanzana.access.throttle import Throttle, ThrottleLimits
from melanzana.clients import store
from melanzana.clients.credentials import new_client_id, new_client_secret
from melanzana.clients.records import Client, CreatedClient, Credentials
from melanzana.clock import Clock
from melanzana.errors import NotFoundError, OAuthError, RequestError, UnavailableError
from melanzana.realms.master_key import DUMMY_DIGEST, MasterKey
from melanzana.realms.service import RealmService
from melanzana.storage.database import Database

_LONGEST_CLIENT_ID = 255
#: `last_used_at` is brought up to date no more often, to spare a write a grant.
_USED_RESOLUTION = timedelta(minutes=1)
_log = structlog.get_logger("melanzana.clients")


class ClientService:
    """Programs that get tokens."""

    def __init__(
        self, database: Database, clock: Clock, master: MasterKey, realms: RealmService, limits: ThrottleLimits | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._master = master
        self._realms = realms
        self._throttle = Throttle(clock, limits or ThrottleLimits())

    async def create_client(
        self,
        realm: str,
        name: str,
        description: str = "",
        created_by: str = "",
        *,
        kind: PrincipalKind = PrincipalKind.API_CLIENT,
        agent_id: int | None = None,
    ) -> CreatedClient:
        """A new client; its secret is in the answer and nowhere else.

        Errors: NotFoundError for an unknown realm; RequestError for a bad name or description.
        """
        home = await self._realms.realm(realm)
        _check_text("name", name, 200)
        if description:
            _check_text("description", description, 2_000)
        secret = new_client_secret()
        client = Client(
            client_id=new_client_id(kind),
            realm=realm,
            kind=kind,
            name=name,
            description=description,
            subject=str(uuid4()),
            agent_id=agent_id,
            secret_digest=self._master.digest(secret),
            pepper_version=self._master.pepper_version,
            generation=1,
            created_by=created_by,
            created_at=self._clock.now(),
            last_used_at=None,
            revoked_at=None,
        )
        await self._database.write(lambda tx: store.add_client(tx, client))
        _log.info("client created", client_id=client.client_id, realm=realm, kind=kind.value, created_by=created_by)
        return CreatedClient(client_id=client.client_id, client_secret=secret, token_url=self._realms.token_url(home), name=name)

    async def list_clients(self, realm: str, kind: PrincipalKind | None = None) -> list[Client]:
        """The realm's clients, oldest first, revoked ones too."""
        await self._realms.realm(realm)
        return await self._database.read(lambda tx: store.clients_of(tx, realm, kind))

    async def regenerate_secret(self, client_id: str) -> CreatedClient:
        """A new secret; the old one and every token got with it end at once.

        Errors: NotFoundError when the client is unknown or revoked.
        """
        secret = new_client_secret()
        digest, version = self._master.digest(secret), self._master.pepper_version
        client = await self._database.write(lambda tx: store.replace_secret(tx, client_id, digest, version))
        if client is None:
            raise NotFoundError(f"there is no client {client_id!r} that could get a new secret")
        _log.info("client secret regenerated", client_id=client_id)
        home = await self._realms.realm(client.realm)
        return CreatedClient(client_id=client_id, client_secret=secret, token_url=self._realms.token_url(home), name=client.name)

    async def revoke_client(self, client_id: str) -> Client:
        """End the client and its tokens, for good; revoking again changes nothing.

        Errors: NotFoundError when the client is unknown.
        """
        at = self._clock.now()
        client = await self._database.write(lambda tx: store.revoke(tx, client_id, at))
        if client is None:
            raise NotFoundError(f"there is no client {client_id!r}")
        _log.info("client revoked", client_id=client_id)
        return client

    async def authenticate(self, realm: str, credentials: Credentials, address: str) -> Client:
        """The client that presented these credentials.

        An unknown client, a revoked one, a missing secret and a wrong one take the same way to the same answer.
        Errors: NotFoundError for an unknown realm; OAuthError.
        """
        if not (await self._realms.realm(realm)).enabled:
            raise OAuthError("access_denied", "Realm not enabled", status=403)
        client_id = credentials.client_id
        if client_id is None:
            raise OAuthError("invalid_client", "Missing client_id parameter", status=400)
        if wait := self._throttle.wait_seconds(client_id, address):
            raise OAuthError("too_many_requests", f"Too many failed attempts; wait {wait} seconds", status=429, retry_after=wait)
        client = await self.live_client(realm, client_id[:_LONGEST_CLIENT_ID])
        presented = self._master.digest(credentials.client_secret or "")
        right = hmac.compare_digest(presented, DUMMY_DIGEST if client is None else client.secret_digest)
        if client is None or not right:
            self._throttle.failed(client_id, address)
            _log.warning("token refused", client_id=client_id[:_LONGEST_CLIENT_ID], realm=realm, address=address)
            raise _invalid_client(realm, credentials)
        return client

    async def live_client(self, realm: str, client_id: str) -> Client | None:
        """The client, unless it is unknown, revoked, of another realm, or its realm is disabled: one look at the database.

        Errors: UnavailableError when the database does not answer.
        """
        return await self._database.glance(lambda tx: store.live_client(tx, realm, client_id))

    async def mark_used(self, client: Client, now: datetime) -> None:
        """Note the use; a disk that does not take the note is no reason to refuse a token."""
        if client.last_used_at is None or now - client.last_used_at >= _USED_RESOLUTION:
            with suppress(UnavailableError):
                await self._database.write(lambda tx: store.mark_used(tx, client.client_id, now))


def _check_text(field: str, text: str, longest: int) -> None:
    if len(text) > longest or not text.strip() or not text.isprintable():
        raise RequestError(f"{field} has 1 to {longest} characters, not all of them blank, on one line", field=field)


def _invalid_client(realm: str, credentials: Credentials) -> OAuthError:
    challenge = f'Basic realm="{realm}"' if credentials.by_header else None
    return OAuthError("invalid_client", "Invalid client or Invalid client credentials", status=401, challenge=challenge)
