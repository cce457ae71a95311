"""Tokens of logins: short JWTs by which a person's programs act as the person.

A token names the session of the login, which is looked up with every request, so that it ends
with the session. Its algorithm, issuer, audience and times are all checked, whatever it says.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

__all__ = ["AUDIENCE", "ISSUER", "LENGTH", "is_login_token", "issue", "session_of"]

ISSUER = "sentinel"
AUDIENCE = "sentinel-api"
LENGTH = timedelta(minutes=15)
_ALGORITHM = "HS256"
_LONGEST = 2000
_PARTS = 3


def issue(key: str, session: str, name: str, now: datetime) -> str:
    """Make a token.

    Args:
        key: that signs it, of this instance
        session: id of the session that it belongs to
        name: of the person
        now: the present moment

    Returns:
        A JWT that is valid for `LENGTH`, while its session is.
    """
    at = int(now.timestamp())
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": name, "sid": session, "iat": at, "nbf": at,
        "exp": at + int(LENGTH.total_seconds()),
    }  # fmt: skip
    return jwt.encode({"alg": _ALGORITHM}, claims, OctKey.import_key(key), algorithms=[_ALGORITHM])


def is_login_token(text: str) -> bool:
    """Return whether a bearer token may be a JWT: three parts, and not too long."""
    return len(text) <= _LONGEST and text.count(".") == _PARTS - 1


def session_of(key: str, text: str, now: datetime) -> str | None:
    """Return the id of the session that a token names.

    Args:
        key: of this instance
        text: what was sent
        now: the present moment

    Returns:
        The id; None where this instance did not sign it for its API, or its time is over.
    """
    if not is_login_token(text):
        return None
    seconds = int(now.timestamp())
    claims = jwt.JWTClaimsRegistry(
        now=seconds,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
        iat={"essential": True},
        sid={"essential": True},
    )
    try:
        token = jwt.decode(text, OctKey.import_key(key), algorithms=[_ALGORITHM])
        claims.validate(token.claims)
    except (JoseError, ValueError, TypeError):
        return None
    session = token.claims["sid"]
    return session if isinstance(session, str) else None
