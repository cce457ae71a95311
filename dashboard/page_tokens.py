"""Page tokens: what proves to the live API that Streamlit showed a page to its sender.

A token names who acts and the page's session, signed with HMAC-SHA256 by a key that this process
made for itself. Only a page that Streamlit let in is given one; a page of another site can neither
read it nor send it. It is valid as long as the process: a server that was restarted gives new ones
when its browsers reconnect. Where a proxy names who is signed in, the live API accepts a token from
that person only, so that it ends with the login.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import NamedTuple

__all__ = ["FOLDER", "HEADER", "Holder", "holder", "issue"]

HEADER = "x-sentinel-page-token"
FOLDER = "sentinel"
"""The folder of the live API, under the dashboard's base path."""
_KEY = secrets.token_bytes(32)


class Holder(NamedTuple):
    """Whose token it is: who acts, and the id of the session that it was given to."""

    actor: str
    session: str


def issue(actor: str, session: str) -> str:
    """Make a token.

    Args:
        actor: who acts
        session: the id of the page's session, without a dot

    Returns:
        `name.session.signature`; the name comes first, in base64 (live_api.js reads it)
    """
    named = f"{base64.urlsafe_b64encode(actor.encode()).decode()}.{session}"
    return f"{named}.{_signature(named)}"


def holder(token: str) -> Holder | None:
    """Return whose token this is; None where this process did not issue it."""
    named, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(named).encode()):
        return None
    name, _, session = named.partition(".")
    try:
        return Holder(base64.urlsafe_b64decode(name).decode(), session)
    except (binascii.Error, ValueError):
        return None


def _signature(named: str) -> str:
    return hmac.new(_KEY, named.encode(), hashlib.sha256).hexdigest()
