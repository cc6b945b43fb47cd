"""The system under test of this example: WsgiDAV, a WebDAV server, on loopback, serving a temporary folder.

    python examples/webdav/server.py                        # prints its URL, ends on SIGTERM or Ctrl-C
    python examples/webdav/server.py --fault lost-overwrite # the same server with one planted fault
    python examples/webdav/server.py --list-faults

It serves without a password, so it never listens anywhere but on 127.0.0.1. Without `--root` its files live in a temporary folder
that is removed at the end.
"""

import argparse
import logging
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

from cheroot.wsgi import Server
from faults import FAULTS, HEALTHY, Fault, FaultyProvider, ignoring, plant_locks
from wsgidav.error_printer import ErrorPrinter
from wsgidav.http_authenticator import HTTPAuthenticator
from wsgidav.request_resolver import RequestResolver
from wsgidav.wsgidav_app import WsgiDAVApp


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    if options.list_faults:
        width = max(map(len, FAULTS))
        print("\n".join(f"{name:<{width}}  {fault.summary}" for name, fault in FAULTS.items()))
        return 0
    signal.signal(signal.SIGTERM, _end)
    with ExitStack() as stack:
        root = options.root or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="webdav-")))
        server = make_server(root, options.port, FAULTS.get(options.fault, HEALTHY))
        _serve(server, options.ready_file)
    return 0


def make_server(root: Path, port: int, fault: Fault) -> Server:
    """A server that is not yet bound, serving `root` on loopback; port 0 lets the system choose."""
    provider = FaultyProvider(root, fault)
    application = WsgiDAVApp(_configuration(provider))
    plant_locks(provider, fault)
    server = Server(("127.0.0.1", port), ignoring(application, fault.ignored_headers), numthreads=8, timeout=10)
    server.shutdown_timeout = 1
    return server


def _configuration(provider: FaultyProvider) -> dict[str, Any]:
    logging.getLogger("wsgidav").setLevel(logging.ERROR)
    return {
        "provider_mapping": {"/": provider},
        "middleware_stack": [ErrorPrinter, HTTPAuthenticator, RequestResolver],
        "http_authenticator": {"accept_basic": False, "accept_digest": True, "default_to_digest": True},
        "simple_dc": {"user_mapping": {"*": True}},  # nobody needs to log in
        "lock_storage": True,
        "property_manager": True,
        "verbose": 1,
        "logging": {"enable": False},
    }


def _serve(server: Server, ready_file: Path | None) -> None:
    server.prepare()
    url = f"http://127.0.0.1:{server.bind_addr[1]}/"
    print(url, flush=True)
    if ready_file is not None:
        whole = ready_file.with_name(f"{ready_file.name}.new")
        whole.write_text(url, encoding="utf-8")
        whole.replace(ready_file)
    try:
        server.serve()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()


def _end(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A WebDAV server on loopback, healthy or with one planted fault.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 (the default) takes a free one")
    parser.add_argument("--fault", choices=sorted(FAULTS), help="plant this fault")
    parser.add_argument("--list-faults", action="store_true", help="list the faults and end")
    parser.add_argument("--root", type=Path, help="serve this folder and keep it; default: a temporary one")
    parser.add_argument("--ready-file", type=Path, help="write the URL here once the server answers")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
