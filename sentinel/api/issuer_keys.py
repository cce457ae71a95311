"""The public keys of the outside issuer of tokens, fetched from its JWKS and kept.

An unknown key id makes them be fetched again, at most once a minute, so that made-up ids cost the
issuer nothing. Without one they are fetched again after ten minutes, so that a key which the issuer
takes back is not accepted for much longer. While the issuer does not answer, it is asked again
every ten seconds, and the keys before serve.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

import httpx
import msgspec

from sentinel.access import Principal
from sentinel.access.outside_tokens import (
    AccountDisabled,
    OutsideKey,
    OutsideTerms,
    TokenRefused,
    key_id_of,
    outside_keys,
    outside_principal,
    outside_terms,
)
from sentinel.api.outside_people import OutsidePeople
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.store import Store

__all__ = [
    "AGAIN_SECONDS",
    "FAILED_SECONDS",
    "FRESH_SECONDS",
    "KeysUnavailable",
    "OutsideTokens",
    "checked_terms",
    "outside_tokens",
]

AGAIN_SECONDS = 60.0
"""Least time between two fetches."""
FAILED_SECONDS = 10.0
"""The same after one that failed."""
FRESH_SECONDS = 600.0
MOST_BYTES = 1_048_576
TIMEOUT = 5.0
_log = logging.getLogger(__name__)


class KeysUnavailable(Exception):
    """The keys of the issuer could not be fetched, so that nothing can be said of a token."""


class OutsideTokens:
    """Recognizes tokens of one issuer.

    Args:
        store: the shared database, whose clock says what time it is
        terms: what a token must say
        jwks_url: where the keys are; empty to read it from the issuer's discovery document
        monotonic: seconds that only rise
    """

    def __init__(
        self,
        store: Store,
        terms: OutsideTerms,
        jwks_url: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._terms = terms
        self._url = jwks_url
        self._monotonic = monotonic
        self._threads = ThreadPoolExecutor(1, "issuer")
        self._people = OutsidePeople(store, terms.issuer, monotonic)
        self._lock = Lock()
        self._keys: Mapping[str, OutsideKey] = {}
        self._tried: float | None = None
        self._failed = False
        self._fetching: Future[None] | None = None

    async def principal(self, given: str) -> Principal | None:
        """Return whose token `given` is.

        Args:
            given: the text of a bearer token

        Returns:
            The principal; None for what is no JWT.

        Raises:
            TokenRefused: it is a JWT, and not accepted
            KeysUnavailable: its key is unknown, and the issuer's could not be fetched lately
            AccountDisabled: it is right, and the person's account is disabled
            DatabaseError: the person's account cannot be looked up
        """
        kid = key_id_of(given)
        if kid is None:
            return None
        key = self._key(kid)
        if key is None or self._is_old():
            fetching = self._fetched()
            # A key that is known serves meanwhile: the issuer may be slow, or down.
            if key is None and fetching is not None:
                await asyncio.shield(asyncio.wrap_future(fetching))
                key = self._key(kid)
        if key is None and self._failed:
            raise KeysUnavailable
        if key is None:
            raise TokenRefused("its key is not one of the issuer's")
        found = outside_principal(given, key, self._terms, self._store.now())
        subject = found.id.removeprefix(f"{self._terms.issuer}#")
        name = await self._people.name(subject, found.name)
        if name is None:
            raise AccountDisabled("the account of this person is disabled")
        return msgspec.structs.replace(found, name=name)

    def close(self) -> None:
        """End the threads when they have done what they are at."""
        self._people.close()
        self._threads.shutdown(wait=True)

    def _key(self, kid: str) -> OutsideKey | None:
        if not kid and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    def _is_old(self) -> bool:
        if self._failed or self._tried is None:
            return True
        return self._monotonic() - self._tried >= FRESH_SECONDS

    def _fetched(self) -> Future[None] | None:
        """Fetch the keys in the thread; None where that was tried a short while ago."""
        with self._lock:
            future = self._fetching
            if future is None:
                now = self._monotonic()
                pause = FAILED_SECONDS if self._failed else AGAIN_SECONDS
                if self._tried is not None and now - self._tried < pause:
                    return None
                self._tried = now
                future = self._fetching = self._threads.submit(self._fetch)
        return future

    def _fetch(self) -> None:
        try:
            self._keys = outside_keys(self._read(), self._terms.algorithms)
            self._failed = False
        except Exception as error:  # noqa: BLE001 - nobody may be waiting who would see it
            self._failed = True
            _log.warning("the keys of %s were not fetched: %s", self._terms.issuer, error)
        finally:
            with self._lock:
                self._fetching = None

    def _read(self) -> object:
        with httpx.Client(timeout=TIMEOUT) as client:
            url = self._url
            if not url:
                at = f"{self._terms.issuer.rstrip('/')}/.well-known/openid-configuration"
                document = _json_of(client, at)
                if document.get("issuer") != self._terms.issuer:
                    raise ValueError(f"{at} is of the issuer {document.get('issuer')!r}")
                url = checked_url(str(document.get("jwks_uri")))
            return _json_of(client, url)


def _json_of(client: httpx.Client, url: str) -> dict[str, Any]:
    with client.stream("GET", url, headers={"Accept": "application/json"}) as answer:
        answer.raise_for_status()
        body = b""
        for part in answer.iter_bytes():
            body += part
            if len(body) > MOST_BYTES:
                raise ValueError(f"{url} answers more than {MOST_BYTES:,} bytes")
    return msgspec.json.decode(body, type=dict[str, Any])


def checked_url(url: str) -> str:
    """Return the address of an issuer or its keys, if nobody on the way can change the answer.

    Args:
        url: as configured, or as the issuer says

    Returns:
        The same address.

    Raises:
        ConfigurationError: it is no address, or neither https nor of this machine
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigurationError(
            f"{url[:200]!r} is no address: {error}",
            hint="Mend SENTINEL_OIDC_ISSUER or SENTINEL_OIDC_JWKS_URL.",
        ) from None
    local = parsed.host in ("localhost", "127.0.0.1", "::1")
    if parsed.scheme != "https" and not (parsed.scheme == "http" and local):
        raise ConfigurationError(
            f"{url!r} cannot give the keys of tokens: others on the way could exchange them",
            hint="Use an https address in SENTINEL_OIDC_ISSUER and SENTINEL_OIDC_JWKS_URL.",
        )
    return url


def checked_terms(settings: Settings) -> OutsideTerms | None:
    """Return what tokens of the issuer in the settings must say; None where there is none.

    Args:
        settings: of the process

    Returns:
        The terms of the API; those of logins at the dashboard where the issuer is for them alone.

    Raises:
        ConfigurationError: an address, an algorithm or a role is not usable
    """
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_audience and not settings.oidc_client_id:
        raise ConfigurationError(
            "SENTINEL_OIDC_ISSUER is set and SENTINEL_OIDC_AUDIENCE is not",
            hint="Name the audience of this API, so that tokens for other services are refused.",
        )
    if settings.oidc_jwks_url:
        checked_url(settings.oidc_jwks_url)
    if settings.oidc_client_id or not settings.oidc_jwks_url:
        checked_url(settings.oidc_issuer)
    return outside_terms(settings, settings.oidc_audience or settings.oidc_client_id)


def outside_tokens(settings: Settings, store: Store) -> OutsideTokens | None:
    """Return what recognizes tokens of the issuer in the settings; None where there is none.

    Args:
        settings: of the process
        store: whose clock says what time it is

    Returns:
        The recognizer, which has fetched nothing yet.

    Raises:
        ConfigurationError: an address, an algorithm or a role is not usable
    """
    terms = checked_terms(settings)
    if terms is None or not settings.oidc_audience:  # for logins at the dashboard alone
        return None
    return OutsideTokens(store, terms, settings.oidc_jwks_url)
