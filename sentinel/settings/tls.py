"""TLS for the API and the dashboard, by a certificate and its key."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sentinel.errors import ConfigurationError
from sentinel.settings import Settings

if TYPE_CHECKING:
    from uvicorn import Config

__all__ = ["CIPHERS", "secured", "tls_options"]

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption alone. Those of 1.3 are fixed."""


def tls_options(settings: Settings) -> dict[str, Any]:
    """Return the options of uvicorn for the certificate in the settings; none without one.

    Args:
        settings: of the process

    Returns:
        Keyword arguments of `uvicorn.run`.

    Raises:
        ConfigurationError: the certificate or its key cannot be used
    """
    if settings.tls_certificate is None:
        if settings.tls_key is not None:
            raise ConfigurationError(
                "SENTINEL_TLS_KEY is set and SENTINEL_TLS_CERTIFICATE is not",
                hint="Name the file of the certificate too, or neither.",
            )
        return {}
    password = settings.tls_key_password.get_secret_value()
    try:
        # An empty password, so that OpenSSL asks nobody at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            settings.tls_certificate, settings.tls_key, password
        )
    except OSError as error:  # of which ssl.SSLError is one
        why = error.strerror or str(error)
        key = f" with the key {settings.tls_key}" if settings.tls_key else ""
        raise ConfigurationError(
            f"the certificate {settings.tls_certificate}{key} cannot be used: {why}",
            hint="Both must be PEM files that this user may read, and belong together; a key with "
            "a password needs SENTINEL_TLS_KEY_PASSWORD.",
        ) from None
    return {
        "ssl_certfile": settings.tls_certificate,
        "ssl_keyfile": settings.tls_key,
        "ssl_keyfile_password": password,
        "ssl_ciphers": CIPHERS,
        "ssl_context_factory": secured,
    }


def secured(config: Config, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return uvicorn's context, which speaks TLS 1.2 and 1.3 alone."""
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
