"""The certificate authorities that HTTP clients trust, read once in a process.

Every client of httpx would read them anew: 25 ms of processor time, for servers without TLS too.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from functools import cache

from httpx._transports import default

__all__ = ["share_certificates"]


def share_certificates() -> None:
    """From now on the clients of this process that trust what httpx trusts share one context."""
    default.create_ssl_context = _sharing(default.create_ssl_context)  # pyright: ignore[reportPrivateImportUsage] - where clients look it up


def _sharing(create: Callable[..., ssl.SSLContext]) -> Callable[..., ssl.SSLContext]:
    @cache
    def usual(*environment: str | None) -> ssl.SSLContext:
        return create()

    def created(
        verify: ssl.SSLContext | str | bool = True, cert: object = None, trust_env: bool = True
    ) -> ssl.SSLContext:
        if verify is True and cert is None and trust_env:
            return usual(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        return create(verify=verify, cert=cert, trust_env=trust_env)

    return created
