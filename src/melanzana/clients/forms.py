"""What the forms of System > API Access say, read into the words of the service and back.

`pages.py` hands in the fields of a POST and, when the service refuses one, shows the same form again with what was typed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from starlette.datastructures import FormData

from melanzana.access.permissions import SCOPES_OF, Scope
from melanzana.access.records import PrincipalKind
from melanzana.clients.public_keys import key_ids
from melanzana.clients.records import Client, ClientFields
from melanzana.errors import RequestError

RIGHTS = sorted(SCOPES_OF[PrincipalKind.API_CLIENT])
_READING = frozenset(word for word in RIGHTS if word.endswith(":read"))
#: Sets of rights by name; `full` is what the original product gives, `chosen` are the boxes that are ticked.
PRESETS: Mapping[str, frozenset[str]] = {
    "run": frozenset(
        {Scope.EXECUTIONS_START, Scope.EXECUTIONS_READ, Scope.EXECUTIONS_ABORT, Scope.MODELS_READ, Scope.REPORTS_READ}
    ),
    "read": _READING,
}
RIGHTS_OPTIONS = (
    ("full", "Full: everything an admin can do, except managing API clients"),
    ("run", "Run models: start, watch and abort executions, read models and reports"),
    ("read", "Read only"),
    ("chosen", "Only what is ticked below"),
)
EXPIRY_OPTIONS = (("never", "Never"), ("90", "In 90 days"), ("365", "In a year"), ("date", "On the date below"))
GRACE_OPTIONS = (("0", "Ends now"), ("3600", "Works for 1 more hour"), ("86400", "Works for 24 more hours"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The fields as they stand in the form."""

    name: str = ""
    description: str = ""
    rights: str = "full"
    scopes: tuple[str, ...] = ()
    expiry: str = "never"
    date: str = ""
    addresses: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether anything below "More options" is set."""
        return self.rights != "full" or self.expiry != "never" or bool(self.addresses.strip())


def given(form: FormData) -> Given:
    """What was sent; a field that is missing counts as left alone."""
    return Given(
        name=_text(form, "name").strip(),
        description=_text(form, "description").strip(),
        rights=_text(form, "rights") or "full",
        scopes=tuple(word for word in form.getlist("scopes") if isinstance(word, str)),
        expiry=_text(form, "expiry") or "never",
        date=_text(form, "date"),
        addresses=_text(form, "addresses"),
    )


def given_of(client: Client) -> Given:
    """The form that changes this client, as it is now."""
    rights = (
        "full" if client.scopes is None else next((name for name, words in PRESETS.items() if words == client.scopes), "chosen")
    )
    return Given(
        name=client.name,
        description=client.description,
        rights=rights,
        scopes=tuple(sorted(client.scopes or ())),
        expiry="keep" if client.expires_at else "never",
        addresses="\n".join(client.allowed_addresses),
    )


def fields_of(form: Given, now: datetime) -> ClientFields:
    """The settings that the form asks for. Errors: RequestError with the field of the form that is wrong."""
    fields = ClientFields(
        name=form.name,
        description=form.description,
        scopes=_scopes(form),
        allowed_addresses=tuple(form.addresses.replace(",", " ").split()),
    )
    if form.expiry != "keep":
        fields["expires_at"] = _expires_at(form, now)
    return fields


def rights_in_words(client: Client) -> str:
    """For the table: the name of the set, or the permissions."""
    if client.scopes is None:
        return "full"
    named = {PRESETS["run"]: "run models", PRESETS["read"]: "read only"}
    return named.get(client.scopes, ", ".join(sorted(client.scopes)))


def proofs_in_words(client: Client) -> str:
    """How the client shows who it is."""
    keys = [f"key {kid}" for kid in key_ids(client.public_keys)]
    return ", ".join((["secret"] if client.secret_digest else []) + keys)


def _scopes(form: Given) -> frozenset[str] | None:
    if form.rights not in {name for name, _ in RIGHTS_OPTIONS}:
        raise RequestError("choose rights of the list", field="rights")
    if form.rights == "full":
        return None
    if form.rights == "chosen" and not form.scopes:
        raise RequestError("tick at least one permission, or choose Full", field="scopes")
    return PRESETS.get(form.rights, frozenset(form.scopes))


def _expires_at(form: Given, now: datetime) -> datetime | None:
    if form.expiry == "never":
        return None
    if form.expiry in {"90", "365"}:
        return now + timedelta(days=int(form.expiry))
    if form.expiry != "date":
        raise RequestError("choose an expiry of the list", field="expires_at")
    try:
        return datetime.combine(date.fromisoformat(form.date), time(), UTC)
    except ValueError:
        raise RequestError("write the date as year-month-day, such as 2027-01-31", field="expires_at") from None


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
