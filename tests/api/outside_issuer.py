"""An OIDC issuer on this machine, and tokens that it signs."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from joserfc import jwk, jwt

from sentinel.clock import FakeClock
from sentinel.settings import Settings

__all__ = [
    "ALERTS", "EC", "ME", "NEW", "OTHER", "RSA", "Issuer", "Seconds", "get", "settings_of", "token",
]  # fmt: skip

ALERTS = "/api/v1/alerts/alerts"
ME = "/api/v1/alerts/me"
RSA = jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
EC = jwk.ECKey.generate_key("P-256", {"kid": "two", "alg": "ES256"})
NEW = jwk.RSAKey.generate_key(2048, {"kid": "new"})
OTHER = jwk.RSAKey.generate_key(2048, {"kid": "one"})


class Issuer:
    """An issuer on this machine: its discovery document and keys."""

    def __init__(self) -> None:
        self.keys: list[Any] = [RSA, EC]
        self.asked: list[str] = []
        self.status = 200
        self.jwks_uri = ""
        issuer = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                jwks_uri = issuer.jwks_uri or f"{issuer.url}/jwks"
                found: dict[str, Any] = {"issuer": issuer.url, "jwks_uri": jwks_uri}
                if self.path == "/jwks":
                    found = {"keys": [one.as_dict(private=False) for one in issuer.keys]}
                body = json.dumps(found).encode()
                self.send_response(issuer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - its name there

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Seconds:
    """Seconds that rise when told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def settings_of(issuer: Issuer, **more: Any) -> Settings:
    return Settings.model_validate(
        {
            "oidc_issuer": issuer.url, "oidc_audience": "sentinel",
            "oidc_roles": "ops=admin, oncall=responder", **more,
        }
    )  # fmt: skip


def token(issuer: Issuer, clock: FakeClock, key: Any = RSA, alg: str = "RS256", **more: Any) -> str:
    now = int(clock.now().timestamp())
    claims: dict[str, Any] = {
        "iss": issuer.url, "aud": "sentinel", "sub": "u-1", "preferred_username": "ada",
        "roles": ["oncall"], "iat": now, "nbf": now, "exp": now + 300, **more,
    }  # fmt: skip
    header = {"alg": alg, "kid": more.pop("kid", key.kid)}
    given = {name: value for name, value in claims.items() if value is not None and name != "kid"}
    return jwt.encode(header, given, key, algorithms=[alg])


def get(client: httpx.Client, token: str, path: str = ALERTS) -> httpx.Response:
    return client.get(path, headers={"Authorization": f"Bearer {token}"})
