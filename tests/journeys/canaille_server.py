"""Runs Canaille, an identity provider of other people's making, on a loopback port, for `test_identity_provider.py`.

Usage: canaille_server.py CLIENT_ID CLIENT_SECRET PASSWORD REDIRECT_URI... It takes a free port, prints `ready at` its issuer, and
has one person, ada of the group testers, and one client.
"""

import datetime
import socket
import sys
from typing import Any


def main(client_id: str, client_secret: str, password: str, redirect_uris: list[str]) -> None:
    from canaille import create_app
    from canaille.app import models
    from canaille.backends import Backend
    from joserfc.jwk import RSAKey
    from werkzeug.serving import make_server

    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    config: dict[str, Any] = {
        "SECRET_KEY": "only for this test",
        "SERVER_NAME": f"localhost:{port}",
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "memory", "LOGGING": None, "ENABLE_REGISTRATION": False},
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [RSAKey.generate_key(2048, private=True).as_dict(private=True)]},
    }
    app = create_app(config)
    with app.app_context():
        user = models.User(
            user_name="ada",
            formatted_name="Ada Canaille",
            family_name="Canaille",
            display_name="ada",
            emails=["ada@canaille.example.org"],
            password=password,
        )
        Backend.instance.save(user)
        Backend.instance.save(models.Group(display_name="testers", members=[user]))
        client = models.Client(
            client_id=client_id,
            client_secret=client_secret,
            client_id_issued_at=datetime.datetime.now(datetime.UTC),
            client_name="Melanzana",
            client_uri="http://127.0.0.1",
            redirect_uris=redirect_uris,
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            scope=["openid", "profile", "email", "groups"],
            token_endpoint_auth_method="client_secret_basic",
        )
        Backend.instance.save(client)
        client.audience = [client]
        Backend.instance.save(client)
    server = make_server("127.0.0.1", port, app, threaded=True, fd=listening.fileno())
    print(f"ready at http://localhost:{port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:4], sys.argv[4:])
