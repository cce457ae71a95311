"""Passes for the door beside Streamlit: whoever Streamlit showed a page to has one.

A pass names who acts, as the page's own session has it, and is signed with a key that this
process made for itself. Only a page that Streamlit let in is given one; a page of another site
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

__all__ = ["HEADER", "PLACE", "holder", "issue"]

HEADER = "x-sentinel-pass"
PLACE = "sentinel"
"""The folder of the door, under the dashboard's base path."""
_KEY = secrets.token_bytes(32)


def issue(actor: str) -> str:
    """A pass for `actor`."""
    name = base64.urlsafe_b64encode(actor.encode()).decode()
    return f"{name}.{_signed(name)}"


def holder(given: str) -> str | None:
    """Whose pass this is; None where this process did not issue it."""
    name, _, signature = given.partition(".")
    if not hmac.compare_digest(signature.encode(), _signed(name).encode()):
        return None
    try:
        return base64.urlsafe_b64decode(name).decode()
    except (binascii.Error, ValueError):
        return None


def _signed(name: str) -> str:
    return hmac.new(_KEY, name.encode(), hashlib.sha256).hexdigest()
