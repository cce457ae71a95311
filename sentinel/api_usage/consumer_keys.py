"""Keys of the consumers of an API: how they are written, and the tokens that stand for one. Pure.

A key is `snc_PREFIX_SECRET`. It opens the API that it was made for and never Sentinel's own, whose
keys begin with `snt_` and are in another table. An offline token is a JWT (RFC 7519), signed with
Ed25519, that says what verifying the key said: whoever has the public key reads it alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from sentinel.access.keys import NewSecret, new_secret
from sentinel.errors import ConfigurationError

__all__ = [
    "LONGEST_TOKEN",
    "Consumer",
    "KeyState",
    "checked_words",
    "consumer_of",
    "new_consumer_secret",
    "new_signing_key",
    "prefix_of",
    "public_keys",
    "token_for",
]

LONGEST_TOKEN = timedelta(minutes=15)
"""For so long at most a revoked key may still pass where tokens are read offline."""
_AUDIENCE, _ISSUER, _ALGORITHM = "sentinel-consumer", "sentinel", "Ed25519"
_KEY = re.compile(r"snc_([a-z0-9]{8})_[A-Za-z0-9_-]{43}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/*-]{0,99}")
_MOST_WORDS = 100
_LONGEST = 8000


class KeyState(StrEnum):
    """What verifying a key says."""

    VALID = "valid"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    FORBIDDEN = "forbidden"


class Consumer(msgspec.Struct, frozen=True, kw_only=True):
    """Whose key it is, and what it may do.

    Attributes:
        key: id of the key
        tenant: of the API
        name: of the key
        consumer: whose it is, in the words of the API; may be empty
        plan: may be empty
        permissions: in the words of the API; empty for none
        expires_at: when the secret that was sent ends; None for never
    """

    key: str
    tenant: str
    name: str
    consumer: str = ""
    plan: str = ""
    permissions: tuple[str, ...] = ()
    expires_at: datetime | None = None


def new_consumer_secret() -> NewSecret:
    """Make a key from the system's random numbers."""
    return new_secret("snc")


def prefix_of(given: str) -> str | None:
    """Return the prefix of what may be a consumer key; None where it has another form."""
    found = _KEY.fullmatch(given)
    return found[1] if found else None


def checked_words(given: Collection[str], what: str) -> tuple[str, ...]:
    """Return permissions, or a plan, in order and without repetitions.

    Args:
        given: each up to 100 letters, digits and `_ . : / * -`
        what: for the message

    Returns:
        The same words.

    Raises:
        ConfigurationError: one is none, or there are over 100
    """
    for one in given:
        if not _WORD.fullmatch(one):
            raise ConfigurationError(
                f"{what}: {one[:100]!r} is not valid",
                hint="Use 1 to 100 letters, digits and _ . : / * -, a letter or digit first.",
            )
    if len(given) > _MOST_WORDS:
        raise ConfigurationError(f"{what}: {len(given)} words; at most {_MOST_WORDS}")
    return tuple(sorted(set(given)))


def new_signing_key() -> str:
    """Return a new private key of Ed25519, as the JSON of a JWK."""
    key = OKPKey.generate_key("Ed25519", auto_kid=True)
    return msgspec.json.encode(key.as_dict(private=True)).decode()


def public_keys(signing_key: str) -> dict[str, Any]:
    """Return what reads the tokens of a private key, as a JWK Set (RFC 7517)."""
    key = OKPKey.import_key(msgspec.json.decode(signing_key))
    return {"keys": [dict(key.as_dict(private=False))]}


def token_for(signing_key: str, who: Consumer, now: datetime, length: timedelta) -> str:
    """Return a token that stands for a key.

    Args:
        signing_key: of `new_signing_key`
        who: what verifying the key said
        now: the present moment
        length: how long it is valid, at most `LONGEST_TOKEN`; never longer than the key

    Returns:
        The JWT.
    """
    ends = now + min(length, LONGEST_TOKEN)
    ends = ends if who.expires_at is None else min(ends, who.expires_at)
    at = int(now.timestamp())
    claims = {
        "iss": _ISSUER, "aud": _AUDIENCE, "sub": who.consumer, "iat": at, "nbf": at,
        "exp": int(ends.timestamp()), "key": who.key, "tenant": who.tenant, "name": who.name,
        "plan": who.plan, "permissions": list(who.permissions),
    }  # fmt: skip
    key = OKPKey.import_key(msgspec.json.decode(signing_key))
    return jwt.encode({"alg": _ALGORITHM, "kid": key.kid}, claims, key, algorithms=[_ALGORITHM])


def consumer_of(keys: Mapping[str, Any], token: str, now: datetime) -> Consumer | None:
    """Read a token without asking anybody.

    Args:
        keys: the JWK Set of `public_keys`
        token: what was sent
        now: the present moment

    Returns:
        Whose it is; None where another key signed it, it is for something else, or it is over.
    """
    if len(token) > _LONGEST or token.count(".") != 2:
        return None
    rules = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        iss={"essential": True, "value": _ISSUER},
        aud={"essential": True, "value": _AUDIENCE},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        read = jwt.decode(token, KeySet.import_key_set(dict(keys)), algorithms=[_ALGORITHM])  # pyright: ignore[reportArgumentType] - a JWK Set as JSON has it
        rules.validate(read.claims)
        claims = read.claims
        said = {name: claims[name] for name in ("key", "tenant", "name", "plan", "permissions")}
        ends = datetime.fromtimestamp(claims["exp"], now.tzinfo)
        return msgspec.convert({**said, "consumer": claims["sub"], "expires_at": ends}, Consumer)
    except (JoseError, ValueError, TypeError, KeyError):  # also msgspec's, which is a ValueError
        return None
