"""What an OIDC provider publishes of itself, its discovery document and its keys, kept for a while.

A login may be begun by anybody who reaches the dashboard, so that it must not make the dashboard
ask the provider each time: each document is fetched by one thread, serves for ten minutes, and
longer while the provider does not answer. A failure is remembered for ten seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from sentinel.access.outside_tokens import OutsideKey, outside_keys
from sentinel.errors import ConfigurationError

__all__ = ["HINT", "TIMEOUT", "ProviderDocuments", "address_in"]

FRESH_SECONDS = 600.0
AGAIN_SECONDS = 60.0
"""Least age of the keys that are fetched again for a token whose key is not among them."""
FAILED_SECONDS = 10.0
TIMEOUT = 10.0
HINT = "Try again; if it fails again, ask whoever runs the provider."


class _Fetched(msgspec.Struct, frozen=True):
    document: dict[str, Any]
    at: float


class ProviderDocuments:
    """Fetches the documents of one provider.

    Args:
        issuer: the provider's name, which is where its discovery document is
        monotonic: seconds that only rise
    """

    def __init__(self, issuer: str, monotonic: Callable[[], float]) -> None:
        self._issuer = issuer
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._fetched: dict[str, _Fetched] = {}
        self._failed: dict[str, tuple[ConfigurationError, float]] = {}

    def discovered(self) -> dict[str, Any]:
        """Return the discovery document.

        Returns:
            The decoded JSON.

        Raises:
            ConfigurationError: the provider does not answer, calls itself by another name, or its
                address is not https
        """
        issuer = _checked(self._issuer).rstrip("/")
        return self._document(f"{issuer}/.well-known/openid-configuration", self._name_is_right)

    def key(self, kid: str, allowed: Collection[str]) -> OutsideKey | None:
        """Return the key that signed a token.

        Args:
            kid: its id, as the token names it; empty where it names none
            allowed: algorithms

        Returns:
            The key; None where the provider has no such one.

        Raises:
            ConfigurationError: the provider does not answer, or its address is not https
        """
        url = address_in(self.discovered(), "jwks_uri")
        for age in (FRESH_SECONDS, AGAIN_SECONDS):  # it may have a new one since
            keys = outside_keys(self._document(url, most_age=age), allowed)
            if kid in keys:
                return keys[kid]
            if not kid and len(keys) == 1:
                return next(iter(keys.values()))
        return None

    def _name_is_right(self, document: dict[str, Any]) -> None:
        if document.get("issuer") != self._issuer:
            raise ConfigurationError("the provider calls itself by another name", hint=HINT)

    def _document(
        self, url: str, check: Callable[[dict[str, Any]], None] = lambda _: None,
        most_age: float = FRESH_SECONDS,
    ) -> dict[str, Any]:  # fmt: skip
        with self._lock:  # the others wait for whoever fetches it
            kept = self._fetched.get(url)
            if kept is not None and self._monotonic() - kept.at < most_age:
                return kept.document
            error, failed_at = self._failed.get(url, (None, 0.0))
            if error is None or self._monotonic() - failed_at >= FAILED_SECONDS:
                try:
                    document = _json(url)
                    check(document)
                except ConfigurationError as failed:
                    error = failed
                    self._failed[url] = failed, self._monotonic()
                else:
                    self._fetched[url] = _Fetched(document, self._monotonic())
                    self._failed.pop(url, None)
                    return document
            if kept is not None:
                return kept.document
            raise ConfigurationError(error.message, hint=error.hint)


def address_in(document: dict[str, Any], name: str) -> str:
    """Return an address that the provider gives, if nobody on the way can change what it answers.

    Args:
        document: the provider's discovery document
        name: of the address in it

    Returns:
        The URL.

    Raises:
        ConfigurationError: it is no address, or neither https nor of this machine
    """
    return _checked(str(document.get(name, "")))


def _json(url: str) -> dict[str, Any]:
    try:
        answer = httpx.get(url, timeout=TIMEOUT, headers={"accept": "application/json"})
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError) as error:
        raise ConfigurationError("the provider does not answer", hint=HINT) from error


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as https://[::1
        raise ConfigurationError("an address of the provider is not valid", hint=HINT) from None
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and here)):
        raise ConfigurationError("an address of the provider is not https", hint=HINT)
    return url
