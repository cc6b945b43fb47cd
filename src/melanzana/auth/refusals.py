"""Which refused grants the audit trail keeps, and what it says of them.

A refusal that looked at who asks is kept: wrong secrets, codes, proofs, scopes. A request that could not be read, and one that was
sent away for coming too often, are not: anybody could fill the disk with them. They are in the log.
"""

from melanzana.access.records import Actor
from melanzana.audit.records import Action, AuditEntry, Outcome
from melanzana.auth.records import TokenCall
from melanzana.clients.credentials import SECRET_PREFIX
from melanzana.errors import OAuthError

_UNREAD = frozenset({"invalid_request", "unsupported_grant_type", "too_many_requests"})
_LONGEST_ID = 255


def refused_entry(call: TokenCall, error: OAuthError) -> AuditEntry | None:
    """The record of this refusal; None when there is to be none."""
    client_id = shown_id(str(error.detail.get("client_id") or call.credentials.client_id or ""))
    if error.error in _UNREAD or not client_id:
        return None
    reason = error.detail.get("reason")
    detail = {"grant": call.parameters.get("grant_type") or "", "error": error.error, **({"reason": str(reason)} if reason else {})}
    return AuditEntry(
        realm=call.realm,
        action=Action.TOKEN_GRANT,
        actor=Actor(kind="nobody", id=client_id, name="", address=call.address),
        subject=client_id,
        outcome=Outcome.FAILURE,
        detail=detail,
    )


def shown_id(client_id: str) -> str:
    """A client id as it was claimed; somebody may have put a secret in its place."""
    return "(a secret)" if SECRET_PREFIX in client_id else client_id[:_LONGEST_ID]
