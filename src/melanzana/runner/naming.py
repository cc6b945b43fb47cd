"""How names of the model become names of code, and which name somebody probably meant."""

import difflib
import keyword
import unicodedata
from collections.abc import Iterable


def slug(name: str) -> str:
    """The function name of an element: `Add to basket` is `add_to_basket`, `2nd try` is `_2nd_try`, `import` is `import_`."""
    text = unicodedata.normalize("NFKC", name).casefold()
    words = "".join(letter if letter.isalnum() else " " for letter in text).split()
    joined = "_".join(words)
    if joined[:1].isdigit():
        return f"_{joined}"
    return f"{joined}_" if keyword.iskeyword(joined) else joined


def class_key(name: str) -> str:
    """What a class and the model or state it stands for have in common: `WebShop`, `Web_shop` and `Web shop` are one."""
    return slug(name).replace("_", "")


def did_you_mean(wanted: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?`, or nothing when nothing is close."""
    close = difflib.get_close_matches(wanted, sorted(set(known)), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""
