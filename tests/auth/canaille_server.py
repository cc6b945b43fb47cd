"""Runs Canaille, an identity provider of other people's making, on a loopback port, for `test_external_canaille.py`.

Usage: canaille_server.py PORT REDIRECT_URI. It has one person, ada of the group testers, and one client.
"""

import datetime
import sys
from typing import Any

PASSWORD = "correct horse battery staple"
CLIENT_ID, CLIENT_SECRET = "melanzana", "a-client-secret%of+canaille"


def main(port: int, redirect_uri: str) -> None:
    from canaille import create_app
    from canaille.app import models
    from canaille.backends import Backend
    from joserfc.jwk import RSAKey
    from werkzeug.serving import make_server

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
            password=PASSWORD,
        )
        Backend.instance.save(user)
        Backend.instance.save(models.Group(display_name="testers", members=[user]))
        client = models.Client(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            client_id_issued_at=datetime.datetime.now(datetime.UTC),
            client_name="Melanzana",
            client_uri="http://127.0.0.1",
            redirect_uris=[redirect_uri],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            scope=["openid", "profile", "email", "groups"],
            token_endpoint_auth_method="client_secret_basic",
        )
        Backend.instance.save(client)
        client.audience = [client]
        Backend.instance.save(client)
    server = make_server("127.0.0.1", port, app, threaded=True)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
