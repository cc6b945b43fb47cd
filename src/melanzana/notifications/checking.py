"""What a profile and a mail server must keep to. Pure; called by `service.py` whenever one is saved."""

import re

from melanzana.errors import RequestError
from melanzana.notifications.addresses import check_url
from melanzana.notifications.records import MailSettings, ProfileDraft, ProfileKind
from melanzana.notifications.wording import NAMES, unknown_names

_NAME = re.compile(r"\S(?:[^\x00-\x1f\x7f]{0,98}\S)?")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]{0,2000}")
_MAIL = re.compile(r"[^\s@<>,;\x00-\x1f\x7f]{1,64}@[^\s@<>,;\x00-\x1f\x7f]{1,255}")
#: Headers that are ours to set.
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "user-agent"})
METHODS = ("POST", "PUT", "PATCH")
SECURITIES = ("starttls", "tls", "none")
_MOST = 50
_CONTENT = 20_000


def check_profile(draft: ProfileDraft) -> None:
    """Raises RequestError naming the field."""
    if not _NAME.fullmatch(draft.name):
        raise RequestError("a name has 1 to 100 characters, and no space at its ends", field="name")
    if draft.kind is ProfileKind.WEBHOOK:
        _check_webhook(draft)
    else:
        _check_email(draft)


def check_mail(settings: MailSettings) -> None:
    """Raises RequestError naming the field."""
    if not re.fullmatch(r"[A-Za-z0-9.:-]{1,255}", settings.host):
        raise RequestError("host is the name or address of a mail server", field="host")
    if not 1 <= settings.port <= 65_535:
        raise RequestError(f"port is {settings.port}; it may be 1 to 65535", field="port")
    if settings.security not in SECURITIES:
        raise RequestError(f"security is {settings.security!r}; it may be {', '.join(SECURITIES)}", field="security")
    if not _MAIL.fullmatch(settings.sender):
        raise RequestError("sender is one e-mail address, such as melanzana@example.org", field="sender")
    if settings.password and not settings.username:
        raise RequestError("a password without a username; give both or none", field="username")


def _check_webhook(draft: ProfileDraft) -> None:
    check_url(draft.url)
    if draft.recipients:
        raise RequestError("a webhook has no recipients", field="recipients")
    if draft.method not in METHODS:
        raise RequestError(f"method is {draft.method!r}; it may be {', '.join(METHODS)}", field="method")
    if len(draft.headers) > _MOST or len(draft.content) > _CONTENT:
        raise RequestError(f"at most {_MOST} headers and {_CONTENT} characters of content", field="content")
    for name, value in draft.headers.items():
        if not _HEADER.fullmatch(name) or name.lower() in _OURS or name.lower().startswith("webhook-"):
            raise RequestError(f"{name[:100]!r} is no header that a profile may set", field="headers")
        if not _VALUE.fullmatch(value):
            raise RequestError(f"the value of {name} has characters that no header may have", field=f"headers.{name}")
    if unknown := unknown_names(draft.content):
        raise RequestError(f"nothing is called {unknown[0]!r}; there are {', '.join(NAMES)}", field="content")


def _check_email(draft: ProfileDraft) -> None:
    if draft.url or draft.headers or draft.content:
        raise RequestError("an e-mail profile has recipients alone: no url, headers or content", field="url")
    if not 1 <= len(draft.recipients) <= _MOST:
        raise RequestError(f"an e-mail profile has 1 to {_MOST} recipients", field="recipients")
    for number, address in enumerate(draft.recipients):
        if not _MAIL.fullmatch(address):
            raise RequestError(f"{address[:100]!r} is no e-mail address", field=f"recipients.{number}")
