"""A real server in a process of its own, for benchmarks: with TLS by a certificate made on the fly, or plain; its CPU time from /proc.

    python benchmarks/tls_server.py DATA PORT_FILE [CERTIFICATE KEY]

runs the server and writes its port; `TlsServer` starts that and stops it. ECDSA P-256, TLS 1.3, no session resumption on the client's
side: the cheapest handshake that clients take today, and a full one each time.
"""

import asyncio
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_START_SECONDS = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


class TlsServer:
    """The server process; use it in a `with` statement."""

    def __init__(self, data: Path, folder: Path, *, plain: bool = False) -> None:
        self.certificate, self._key = folder / "certificate.pem", folder / "key.pem"
        self._port_file = folder / "port"
        make_certificate(self.certificate, self._key)
        self._port_file.unlink(missing_ok=True)
        secured = () if plain else (self.certificate, self._key)
        self._arguments = [str(path) for path in (data, self._port_file, *secured)]

    def __enter__(self) -> "TlsServer":
        self._process = subprocess.Popen([sys.executable, __file__, *self._arguments])
        until = time.monotonic() + _START_SECONDS
        while not (self._port_file.exists() and self._port_file.read_text("utf-8")):
            if self._process.poll() is not None or time.monotonic() > until:
                raise SystemExit("the server did not start")
            time.sleep(0.05)
        self.port = int(self._port_file.read_text("utf-8"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(30)

    def cpu_seconds(self) -> float:
        """User and system time of the server so far, all threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def make_certificate(certificate: Path, key: Path) -> None:
    """A self-signed certificate for localhost, good for a day."""
    private, name, now = generate_private_key(SECP256R1()), x509.Name([]), datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, SHA256())
    )
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


async def serve(data: Path, port_file: Path, certificate: Path | None = None, key: Path | None = None) -> None:
    import uvicorn

    from melanzana.clock import SystemClock
    from melanzana.server.app import create_app
    from melanzana.server.services import open_services
    from melanzana.server.settings import ServerSettings

    listening = socket.create_server(("127.0.0.1", 0), backlog=2_048)
    settings = ServerSettings(data=data, port=8000)
    async with open_services(settings, SystemClock()) as services:
        config = uvicorn.Config(
            create_app(settings, services),
            log_config=None,
            access_log=False,
            lifespan="off",
            ssl_certfile=certificate and str(certificate),
            ssl_keyfile=key and str(key),
        )
        port_file.write_text(str(listening.getsockname()[1]), "utf-8")
        await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    import logging

    import structlog
    import uvloop

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(*(Path(argument) for argument in sys.argv[1:5])))
