"""The signature of Twilio's requests, `X-Twilio-Signature`. Pure.

Twilio signs the URL as it was told it, followed by name and value of each parameter of the form,
decoded and sorted by name, with the account's auth token: HMAC-SHA1 in base64
(https://www.twilio.com/docs/usage/security#validating-requests). It signs with or without the
port, so that both are accepted, as its own library does
(https://github.com/twilio/twilio-python/blob/main/twilio/request_validator.py, read on 2026-11-30).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

__all__ = ["is_signed", "signature"]

_PORTS = {"https": 443, "http": 80}


def signature(auth_token: str, url: str, form: Sequence[tuple[str, str]]) -> str:
    """Return the signature of a request.

    Args:
        auth_token: of the account
        url: that Twilio was told, with its query
        form: names and values of the body, decoded; a pair that comes twice counts once

    Returns:
        20 bytes in base64.
    """
    text = url + "".join(name + value for name, value in sorted(set(form)))
    mac = hmac.new(auth_token.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha1)
    return base64.b64encode(mac.digest()).decode("ascii")


def is_signed(auth_token: str, url: str, form: Sequence[tuple[str, str]], given: str) -> bool:
    """Return whether Twilio signed a request with the auth token of this account.

    Args:
        auth_token: of the account; where it is empty, nothing is signed
        url: that Twilio was told, with its query
        form: names and values of the body, decoded
        given: the header `X-Twilio-Signature`

    Returns:
        Whether it is the signature of exactly this.
    """
    parts = urlsplit(url)
    host = parts.netloc.removesuffix(f":{parts.port}") if parts.port else parts.netloc
    port = parts.port or _PORTS.get(parts.scheme, 80)
    urls = {urlunsplit(parts._replace(netloc=one)) for one in (host, f"{host}:{port}")}
    expected = [signature(auth_token, one, form) for one in sorted(urls)]
    same = [hmac.compare_digest(one.encode(), given.encode("utf-8", "replace")) for one in expected]
    return bool(auth_token) and any(same)
