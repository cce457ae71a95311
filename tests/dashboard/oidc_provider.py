"""A small OIDC provider over HTTP, with real keys, that logs in whomever a test names."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

__all__ = ["CLIENT", "SECRET", "Provider", "provider"]

CLIENT, SECRET = "sentinel-dashboard", "a secret of the client"


class Provider(ThreadingHTTPServer):
    """Who is logged in there, and what its tokens say.

    Attributes:
        url: its issuer
        claims: of the next tokens, over those that are usual; None leaves a claim out
        codes: by code, what the browser was sent with
        down: whether it answers 503 to everything
        asked: paths, as they were asked for
        signs: what signs the tokens; by default the key that the JWKS names
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.signs = self.key
        self.claims: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.down = False

    def token(self, asked: dict[str, str]) -> str:
        """Return an ID token for whoever began this login."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url, "aud": CLIENT, "sub": "u-1", "exp": now + 300, "iat": now,
            "nonce": asked["nonce"], "preferred_username": "lena", "name": "Lena Meyer",
            "roles": ["oncall"], **self.claims,
        }  # fmt: skip
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(
            {"alg": "RS256", "kid": self.signs.kid or "one"}, kept, self.signs, algorithms=["RS256"]
        )


class _Answers(BaseHTTPRequestHandler):
    @property
    def provider(self) -> Provider:
        assert isinstance(self.server, Provider)
        return self.server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing on standard error."""

    def do_GET(self) -> None:
        at = urlsplit(self.path)
        url = self.provider.url
        self.provider.asked.append(at.path)
        if self.provider.down:
            self.send_error(503)
        elif at.path == "/.well-known/openid-configuration":
            self._json({
                "issuer": url, "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/token", "jwks_uri": f"{url}/keys",
            })  # fmt: skip
        elif at.path == "/keys":
            self._json({"keys": [self.provider.key.as_dict(private=False)]})
        elif at.path == "/authorize":
            asked = dict(parse_qsl(at.query))
            assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
            assert asked["code_challenge_method"] == "S256"
            assert "openid" in asked["scope"].split()
            code = f"code-{len(self.provider.codes)}"
            self.provider.codes[code] = asked
            back = urlencode({"code": code, "state": asked["state"]})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.end_headers()
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self.provider.codes.pop(form.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        right = (
            asked is not None
            and self.headers["Authorization"] == f"Basic {basic}"
            and asked["code_challenge"] == challenge
            and asked["redirect_uri"] == form["redirect_uri"]
        )
        if not right or asked is None:
            self._json({"error": "invalid_grant"}, 400)
            return
        token = self.provider.token(asked)
        self._json({"access_token": "a", "token_type": "Bearer", "id_token": token})

    def _json(self, value: object, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def provider() -> Generator[Provider]:
    """A provider that runs."""
    with Provider() as running:
        serving = threading.Thread(target=running.serve_forever, args=(0.02,))
        serving.start()
        try:
            yield running
        finally:
            running.shutdown()
            serving.join(60)
