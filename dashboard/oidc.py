"""Login at an outside OIDC provider: authorization code with PKCE, state and nonce (Authlib).

What a login needs until the browser comes back is in a cookie, sealed by a key that this process
made for itself, so that logins which were only begun, by whomever, keep nothing here. It ends after
ten minutes, serves once, and only in the browser that began the login, so that nobody can finish a
login of their own in somebody else's browser. Another process cannot open it: one dashboard process
serves an instance.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, cast

import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from cryptography.fernet import Fernet, InvalidToken
from joserfc import jwt
from requests import RequestException

from dashboard.provider_documents import HINT, TIMEOUT, ProviderDocuments, address_in
from sentinel.access import Grant
from sentinel.access.outside_tokens import (
    TokenRefused,
    key_id_of,
    outside_principal,
    outside_terms,
)
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.store import Store

__all__ = ["Oidc", "OutsidePerson", "Started"]

KEPT_SECONDS = 600
MOST_USED = 10_000
"""Finished logins that are remembered; the provider accepts no code a second time besides."""
LONGEST_COOKIE = 3_800
"""Browsers keep 4,096 bytes of a cookie with its name and flags."""


class Started(msgspec.Struct, frozen=True):
    """A login that began: where the browser goes, and what its cookie keeps meanwhile."""

    url: str
    cookie: str


class OutsidePerson(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the provider recognized, with the role that the claims mean."""

    issuer: str
    subject: str
    name: str
    display_name: str
    role: Grant
    target: str


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    state: str
    verifier: str
    nonce: str
    target: str


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
        self._documents = ProviderDocuments(settings.oidc_issuer, monotonic)
        self._seal = Fernet(Fernet.generate_key())
        self._lock = threading.Lock()
        self._used: OrderedDict[str, None] = OrderedDict()
        self._terms = outside_terms(settings, settings.oidc_client_id)

    def start(self, target: str) -> Started:
        """Begin a login.

        Args:
            target: the page that is opened after it

        Returns:
            Where the browser goes. The first page is opened where the target is too long for a
            cookie.

        Raises:
            ConfigurationError: the provider does not answer, or not as a provider does
        """
        endpoint = address_in(self._documents.discovered(), "authorization_endpoint")
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        with self._client() as client:
            url, state = cast(
                "tuple[str, str]",
                client.create_authorization_url(endpoint, code_verifier=verifier, nonce=nonce),  # pyright: ignore[reportUnknownMemberType] - Authlib has no types
            )
        cookie = self._sealed(_Kept(state, verifier, nonce, target))
        if len(cookie) > LONGEST_COOKIE:
            cookie = self._sealed(_Kept(state, verifier, nonce, ""))
        return Started(url, cookie)

    def finish(self, code: str, state: str, cookie: str) -> OutsidePerson:
        """Finish a login, with what the provider sent the browser back with.

        Args:
            code: to be exchanged for a token
            state: as it came back
            cookie: what this browser began with

        Returns:
            Whom the provider recognized.

        Raises:
            ConfigurationError: this browser began no such login, the provider does not answer, or
                its token is not accepted
        """
        kept = self._opened(cookie)
        if kept is None or not secrets.compare_digest(state.encode(), kept.state.encode()):
            raise ConfigurationError("this login is over", hint="Log in again.")
        self._use(kept.state)
        endpoint = address_in(self._documents.discovered(), "token_endpoint")
        token = self._exchanged(endpoint, code, kept.verifier)
        kid = key_id_of(token)
        key = None if kid is None else self._documents.key(kid, self._terms.algorithms)
        if key is None:
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

    def _sealed(self, kept: _Kept) -> str:
        now = int(self._monotonic())
        return self._seal.encrypt_at_time(msgspec.json.encode(kept), now).decode()

    def _opened(self, cookie: str) -> _Kept | None:
        """Return what a cookie keeps; None for one that is too old or not of this process."""
        now = int(self._monotonic())
        try:
            found = self._seal.decrypt_at_time(cookie.encode(), KEPT_SECONDS, now)
        except InvalidToken:
            return None
        return msgspec.json.decode(found, type=_Kept)

    def _use(self, state: str) -> None:
        with self._lock:
            if state in self._used:
                raise ConfigurationError("this login is over", hint="Log in again.")
            self._used[state] = None
            while len(self._used) > MOST_USED:
                self._used.popitem(last=False)

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
