"""How the audit trail tells what was done to a client: settings in words, never a secret or a key."""

from melanzana.access.records import Actor
from melanzana.audit.records import Action, AuditEntry
from melanzana.clients.public_keys import key_ids
from melanzana.clients.records import Client


def told(client: Client) -> dict[str, str]:
    """The settings by name."""
    return {
        "name": client.name,
        "description": client.description,
        "scopes": "all" if client.scopes is None else " ".join(sorted(client.scopes)),
        "expires_at": "never" if client.expires_at is None else client.expires_at.isoformat(timespec="seconds"),
        "allowed_addresses": " ".join(client.allowed_addresses) or "any",
        "public_keys": " ".join(key_ids(client.public_keys)) or "none",
    }


def entry(client: Client, action: Action, actor: Actor, **detail: str) -> AuditEntry:
    """One entry about this client."""
    return AuditEntry(realm=client.realm, action=action, actor=actor, subject=client.client_id, detail=detail)
