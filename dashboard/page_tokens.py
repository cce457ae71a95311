"""Passes for the door beside Streamlit: whoever Streamlit showed a page to has one.

A pass names who acts and the page's own session, and is signed with a key that this process made
for itself. Only a page that Streamlit let in is given one; a page of another site
can neither read it nor send it. It holds as long as the process: a server that was started again
gives new ones when its browsers come back. Where a proxy names who is signed in, the door takes a
pass from the same person only, so that it ends with the login.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import NamedTuple

__all__ = ["HEADER", "PLACE", "Holder", "holder", "issue"]

HEADER = "x-sentinel-pass"
PLACE = "sentinel"
"""The folder of the door, under the dashboard's base path."""
_KEY = secrets.token_bytes(32)


class Holder(NamedTuple):
    """Whose pass it is: who acts, and the id of the session that it was given to."""

    actor: str
    session: str


def issue(actor: str, session: str) -> str:
    """A pass for `actor` in this session, whose id has no dot; the name comes first (door.js)."""
    named = f"{base64.urlsafe_b64encode(actor.encode()).decode()}.{session}"
    return f"{named}.{_signed(named)}"


def holder(given: str) -> Holder | None:
    """Whose pass this is; None where this process did not issue it."""
    named, _, signature = given.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signed(named).encode()):
        return None
    name, _, session = named.partition(".")
    try:
        return Holder(base64.urlsafe_b64decode(name).decode(), session)
    except (binascii.Error, ValueError):
        return None


def _signed(named: str) -> str:
    return hmac.new(_KEY, named.encode(), hashlib.sha256).hexdigest()
