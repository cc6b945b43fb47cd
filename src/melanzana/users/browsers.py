"""What a browser calls itself, in words that its owner knows: "Firefox on Windows". Pages that list sessions ask it.

A guess for the eye only; the whole text stands beside it. Nothing is decided by it.
"""

#: Word in the User-Agent field, and the name it stands for; the first that is found counts, since most browsers name others too.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi", "Vivaldi"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chromium", "Chromium"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """Browser and system; the text itself when neither is known, "unknown" when there is none."""
    browser, system = _first(user_agent, _BROWSERS), _first(user_agent, _SYSTEMS)
    if browser and system:
        return f"{browser} on {system}"
    return browser or user_agent or "unknown"


def _first(text: str, words: tuple[tuple[str, str], ...]) -> str:
    return next((name for word, name in words if word in text), "")
