"""Which variables of the agent's environment action code gets: those that programs need anyway, and those it was told to pass on.

An allow-list, so that what happens to be set on an agent's machine (a deployment key, a cloud token) is not in the hands of every
suite.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

#: What programs need to start, find their files, speak a language, show a window and reach the network.
ALLOWED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TERM"),
    "BASE_URL",  # where the fixtures `http` and `page` begin
    *("PYTHON*", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_*", "JAVA_HOME", "ANDROID_HOME", "ANDROID_SDK_ROOT"),
    *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_*", "DBUS_SESSION_BUS_ADDRESS", "PLAYWRIGHT_*", "CHROME_*"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
)
#: The agent's own credentials: not even on request.
NEVER = frozenset({"DAI_CLIENT_SECRET", "MELANZANA_CLIENT_SECRET", "MELANZANA_PARENT"})


def passed_on(environment: Mapping[str, str], more: Iterable[str] = ()) -> dict[str, str]:
    """The allowed part; `more` names variables besides, `*` stands for anything."""
    patterns = (*ALLOWED, *more)
    return {
        name: value
        for name, value in environment.items()
        if name not in NEVER and any(fnmatchcase(name, pattern) for pattern in patterns)
    }
