"""Where a login may lead afterwards: to a page of this server and nowhere else."""

from urllib.parse import urlsplit

HOME = "/"
_LONGEST = 2_000


def local_path(wanted: str | None) -> str:
    """The path with its query when it is one of ours, else the home page.

    A browser takes `//host`, `/\\host` and a path with a line break or tab in it for an address elsewhere, so none of these passes.
    """
    if not wanted or len(wanted) > _LONGEST or not wanted.startswith("/") or wanted.startswith("//"):
        return HOME
    if "\\" in wanted or not wanted.isprintable() or not wanted.isascii() or " " in wanted:
        return HOME
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return HOME
    return HOME if parts.scheme or parts.netloc else wanted
