"""What a caller may do, in words `resource:verb`.

A route asks for one word (`gate.requires(Scope.MODELS_READ)`). Which words a client can have follows from its kind; a token may
carry fewer when the client asked for fewer.
"""

from enum import StrEnum

from melanzana.access.records import PrincipalKind


class Scope(StrEnum):
    """The permission words."""

    MODELS_READ = "models:read"
    MODELS_WRITE = "models:write"
    EXECUTIONS_READ = "executions:read"
    EXECUTIONS_START = "executions:start"
    EXECUTIONS_ABORT = "executions:abort"
    AGENTS_READ = "agents:read"
    AGENTS_WRITE = "agents:write"
    AGENTS_WORK = "agents:work"  #: the lease protocol
    SUTS_READ = "suts:read"
    SUTS_WRITE = "suts:write"  #: make, change, delete and unlock systems under test
    CONFIGURATIONS_READ = "configurations:read"
    CONFIGURATIONS_WRITE = "configurations:write"  #: make, change and delete test configurations and schedules
    NOTIFICATIONS_MANAGE = "notifications:manage"  #: who is told by webhook or e-mail, and the mail server
    REPORTS_READ = "reports:read"
    CLIENTS_MANAGE = "clients:manage"  #: API clients; people only
    USERS_READ = "users:read"
    USERS_MANAGE = "users:manage"
    AUDIT_READ = "audit:read"
    REALMS_MANAGE = "realms:manage"  #: keys and token settings of the own realm; in the home realm, every realm


class Role(StrEnum):
    """What a person is, in the original product's words."""

    ADMIN = "dai:admin"
    USER = "dai:user"


#: An API client may do everything except make clients; an agent may do its work and nothing else.
SCOPES_OF: dict[PrincipalKind, frozenset[str]] = {
    PrincipalKind.API_CLIENT: frozenset(Scope) - {Scope.CLIENTS_MANAGE, Scope.AGENTS_WORK},
    PrincipalKind.AGENT: frozenset({Scope.AGENTS_WORK}),
}
#: What a person of each role may do; an agent's work is no person's.
SCOPES_OF_ROLE: dict[Role, frozenset[str]] = {
    Role.ADMIN: frozenset(Scope) - {Scope.AGENTS_WORK},
    Role.USER: frozenset(
        {
            Scope.MODELS_READ,
            Scope.MODELS_WRITE,
            Scope.EXECUTIONS_READ,
            Scope.EXECUTIONS_START,
            Scope.EXECUTIONS_ABORT,
            Scope.AGENTS_READ,
            Scope.SUTS_READ,
            Scope.CONFIGURATIONS_READ,
            Scope.CONFIGURATIONS_WRITE,
            Scope.REPORTS_READ,
        }
    ),
}

#: Words that clients send out of habit. They are accepted and give nothing: no ID token, no e-mail address.
HABITUAL_SCOPES = frozenset({"openid", "email", "profile", "template:dai:agents"})


def granted(kind: PrincipalKind, words: frozenset[str]) -> frozenset[str]:
    """The permissions that a token with these scope words has: those it names, or all of its client's when it names none."""
    named = words & frozenset(Scope)
    return SCOPES_OF[kind] & named if named else SCOPES_OF[kind]
