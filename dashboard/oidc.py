"""Login at an outside OIDC provider: authorization code with PKCE, state and nonce (Authlib).

What a login needs until the browser comes back is kept in this process, once, for ten minutes. A
cookie ties it to the browser that began it, so that nobody can finish a login of their own in
somebody else's browser.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from requests import RequestException

from sentinel.access import Grant
from sentinel.access.outside_tokens import (
    OutsideTerms,
    TokenRefused,
    checked_algorithms,
    key_id_of,
    outside_keys,
    outside_principal,
    roles_of,
)
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.store import Store

__all__ = ["Oidc", "OutsidePerson", "Started"]

KEPT_SECONDS = 600.0
MOST_KEPT = 1_000
TIMEOUT = 10.0
HINT = "Try again; if it fails again, ask whoever runs the provider."


class Started(msgspec.Struct, frozen=True):
    """A login that began: where the browser goes, and the state that its cookie keeps."""

    url: str
    state: str


class OutsidePerson(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the provider recognized, with the role that the claims mean."""

    issuer: str
    subject: str
    name: str
    display_name: str
    role: Grant
    target: str


class _Kept(msgspec.Struct, frozen=True):
    verifier: str
    nonce: str
    target: str
    until: float


class Oidc:
    """Logs people in at one provider.

    Args:
        store: whose clock says what time it is
        settings: of the process; `oidc_client_id` is set
        callback: returns the address to which the provider sends browsers back
        monotonic: seconds that only rise

    Raises:
        ConfigurationError: an algorithm or a role of the settings cannot be used
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        callback: Callable[[], str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._settings = settings
        self._callback = callback
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._terms = OutsideTerms(
            issuer=settings.oidc_issuer,
            audience=settings.oidc_client_id,
            algorithms=checked_algorithms(settings.oidc_algorithms),
            leeway=int(settings.oidc_leeway.total_seconds()),
            name_claim=settings.oidc_name_claim,
            role_claim=settings.oidc_role_claim,
            roles=roles_of(settings.oidc_roles),
            tenants_claim=settings.oidc_tenants_claim,
        )

    def start(self, target: str) -> Started:
        """Begin a login.

        Args:
            target: the page that is opened after it

        Returns:
            Where the browser goes.

        Raises:
            ConfigurationError: the provider does not answer, or not as a provider does
        """
        endpoint = _address(self._discovered(), "authorization_endpoint")
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        with self._client() as client:
            url, state = cast(
                "tuple[str, str]",
                client.create_authorization_url(endpoint, code_verifier=verifier, nonce=nonce),  # pyright: ignore[reportUnknownMemberType] - Authlib has no types
            )
        with self._lock:
            self._kept[state] = _Kept(verifier, nonce, target, self._monotonic() + KEPT_SECONDS)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return Started(url, state)

    def finish(self, code: str, state: str, cookie: str) -> OutsidePerson:
        """Finish a login, with what the provider sent the browser back with.

        Args:
            code: to be exchanged for a token
            state: as it came back
            cookie: the state that this browser began with

        Returns:
            Whom the provider recognized.

        Raises:
            ConfigurationError: this browser began no such login, the provider does not answer, or
                its token is not accepted
        """
        same = secrets.compare_digest(state.encode(), cookie.encode())
        with self._lock:
            kept = self._kept.pop(state, None) if same else None
        if kept is None or self._monotonic() >= kept.until:
            raise ConfigurationError("this login is over", hint="Log in again.")
        document = self._discovered()
        token = self._exchanged(_address(document, "token_endpoint"), code, kept.verifier)
        keys = outside_keys(_json(_address(document, "jwks_uri")), self._terms.algorithms)
        kid = key_id_of(token)
        key = keys.get(kid or "") or (next(iter(keys.values())) if len(keys) == 1 else None)
        if kid is None or key is None:
            raise ConfigurationError("the provider's token is signed by no key of it", hint=HINT)
        try:
            principal = outside_principal(token, key, self._terms, self._store.now())
        except TokenRefused as error:
            raise ConfigurationError(
                f"the provider's token is not accepted: {error}", hint=HINT
            ) from None
        claims = jwt.decode(token, key.key, algorithms=list(key.algorithms)).claims
        nonce, azp = str(claims.get("nonce", "")), claims.get("azp", self._terms.audience)
        if not secrets.compare_digest(nonce.encode(), kept.nonce.encode()):
            raise ConfigurationError("the provider's token is of another login", hint=HINT)
        if azp != self._terms.audience:
            raise ConfigurationError("the provider's token is for another client", hint=HINT)
        shown = claims.get("name")
        return OutsidePerson(
            issuer=self._terms.issuer, subject=str(claims["sub"]), name=principal.name,
            display_name=shown if isinstance(shown, str) else principal.name,
            role=Grant(principal.role, principal.tenants), target=kept.target,
        )  # fmt: skip

    def _client(self) -> Any:
        secret = self._settings.oidc_client_secret.get_secret_value()
        return OAuth2Session(
            self._settings.oidc_client_id, secret or None, scope="openid profile email",
            redirect_uri=self._callback(), code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
        )  # fmt: skip

    def _exchanged(self, endpoint: str, code: str, verifier: str) -> str:
        try:
            with self._client() as client:
                answer = client.fetch_token(
                    endpoint, code=code, code_verifier=verifier, grant_type="authorization_code",
                    timeout=TIMEOUT, allow_redirects=False,
                )  # fmt: skip
        except (AuthlibBaseError, RequestException, ValueError) as error:
            raise ConfigurationError(
                f"the provider gave no token: {type(error).__name__}", hint=HINT
            ) from error
        token = cast("dict[str, Any]", answer).get("id_token")
        if not isinstance(token, str):
            raise ConfigurationError("the provider gave no ID token", hint=HINT)
        return token

    def _discovered(self) -> dict[str, Any]:
        issuer = self._terms.issuer
        document = _json(f"{_checked(issuer).rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != issuer:
            raise ConfigurationError("the provider calls itself by another name", hint=HINT)
        return document


def _json(url: str) -> dict[str, Any]:
    try:
        answer = httpx.get(url, timeout=TIMEOUT, headers={"accept": "application/json"})
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError) as error:
        raise ConfigurationError("the provider does not answer", hint=HINT) from error


def _address(document: dict[str, Any], name: str) -> str:
    return _checked(str(document.get(name, "")))


def _checked(url: str) -> str:
    """Return an address of the provider, if nobody on the way can change what it answers."""
    parts = urlsplit(url)
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and here)):
        raise ConfigurationError("an address of the provider is not https", hint=HINT)
    return url
