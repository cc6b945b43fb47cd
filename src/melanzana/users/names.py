"""What a username, a group's name, a shown name and an e-mail address may be, and when two names are one."""

import re
import unicodedata

from melanzana.errors import RequestError

_USERNAME = re.compile(r"[^\W_][\w.@+-]{0,99}")
_EMAIL = re.compile(r"[^@\s]{1,100}@[^@\s]{1,100}")


def name_key(name: str) -> str:
    """Names with the same key are the same name: Unicode forms and case make no difference."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def checked_username(username: str) -> str:
    """Errors: RequestError."""
    username = unicodedata.normalize("NFKC", username.strip())
    if not _USERNAME.fullmatch(username):
        raise RequestError(
            "username has 1 to 100 letters, digits and the characters . _ @ + -, the first a letter or digit", field="username"
        )
    return username


def checked_text(field: str, text: str, longest: int = 200, *, may_be_empty: bool = True) -> str:
    """One line of text that people read. Errors: RequestError."""
    text = text.strip()
    if len(text) > longest or not text.isprintable() or not (text or may_be_empty):
        least = 0 if may_be_empty else 1
        raise RequestError(f"{field} has {least} to {longest} characters on one line", field=field)
    return text


def checked_email(email: str) -> str:
    """Empty, or an address with one @. Errors: RequestError."""
    email = checked_text("email", email)
    if email and not _EMAIL.fullmatch(email):
        raise RequestError("email is an address such as name@example.org, or empty", field="email")
    return email
