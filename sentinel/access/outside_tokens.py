"""Tokens of an outside OIDC issuer (JWT): verified, and turned into a principal.

A token is accepted with the algorithm that its key is for, never with the one that it names itself;
only asymmetric ones are allowed, since with the others the public key would be the secret. Issuer,
audience and times are validated after the signature: decoding alone accepts an expired token.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec
from joserfc import jwk, jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError

from sentinel.access.outside_names import LONGEST_SUBJECT
from sentinel.access.principal import Principal
from sentinel.access.roles import Role
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from sentinel.settings import Settings

__all__ = [
    "ALGORITHMS",
    "AccountDisabled",
    "OutsideKey",
    "OutsideTerms",
    "TokenRefused",
    "checked_algorithms",
    "key_id_of",
    "outside_keys",
    "outside_principal",
    "outside_terms",
    "roles_of",
]

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
    "EdDSA",
)  # fmt: skip
"""All that may be allowed: signatures with a private key."""
_KINDS = {"RSA": ("RS", "PS"), "EC": ("ES",), "OKP": ("Ed",)}
_LONGEST = 16_384
_PARTS = 3
MOST_TENANTS = 1_000


class TokenRefused(Exception):
    """A token is not accepted; the message says why, and holds nothing of the token."""


class AccountDisabled(TokenRefused):
    """A token is right, and the person's account here is disabled."""


class OutsideTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a token must say, and what its claims mean.

    Attributes:
        issuer, audience: that it must name
        algorithms: that are allowed, of `ALGORITHMS`
        leeway: seconds by which clocks may differ
        name_claim: has the name; without it, `sub` is the name
        role_claim: has a text or a list of texts
        roles: the role that each of these texts means; `*` is any text
        tenants_claim: has the names of the tenants; empty for all tenants
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...] = ("RS256", "ES256", "PS256", "Ed25519", "EdDSA")
    leeway: int = 30
    name_claim: str = "preferred_username"
    role_claim: str = "roles"
    roles: Mapping[str, Role] = msgspec.field(default_factory=dict[str, Role])
    tenants_claim: str = ""


class OutsideKey(msgspec.Struct, frozen=True):
    """A public key of the issuer, and the algorithms that it may be used with."""

    key: jwk.Key
    algorithms: tuple[str, ...]


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str | None = None


def checked_algorithms(text: str) -> tuple[str, ...]:
    """Read the allowed algorithms.

    Args:
        text: names with commas between

    Returns:
        The names.

    Raises:
        ConfigurationError: one is none of `ALGORITHMS`, or there is none
    """
    found = tuple(filter(None, (one.strip() for one in text.split(","))))
    wrong = [one for one in found if one not in ALGORITHMS]
    if wrong or not found:
        raise ConfigurationError(
            f"SENTINEL_OIDC_ALGORITHMS: {', '.join(wrong) or 'nothing'} is not allowed",
            hint=f"Use some of: {', '.join(ALGORITHMS)}.",
        )
    return found


def roles_of(text: str) -> dict[str, Role]:
    """Read which role each text of a claim means.

    Args:
        text: such as `sentinel-admins=admin, oncall=responder, *=viewer`

    Returns:
        The roles by text.

    Raises:
        ConfigurationError: a part is not of that form, or names no role
    """
    found: dict[str, Role] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        value, equals, role = (one.strip() for one in part.rpartition("="))
        if not equals or not value or role not in set(Role):
            raise ConfigurationError(
                f"SENTINEL_OIDC_ROLES: {part!r} is not VALUE=ROLE",
                hint=f"Roles are {', '.join(Role)}: sentinel-admins=admin, *=viewer",
            )
        found[value] = Role(role)
    return found


def outside_terms(settings: Settings, audience: str) -> OutsideTerms:
    """Read what a token must say from the settings.

    Args:
        settings: of the process
        audience: that it must name

    Returns:
        The terms.

    Raises:
        ConfigurationError: an algorithm or a role is not usable
    """
    return OutsideTerms(
        issuer=settings.oidc_issuer,
        audience=audience,
        algorithms=checked_algorithms(settings.oidc_algorithms),
        leeway=int(settings.oidc_leeway.total_seconds()),
        name_claim=settings.oidc_name_claim,
        role_claim=settings.oidc_role_claim,
        roles=roles_of(settings.oidc_roles),
        tenants_claim=settings.oidc_tenants_claim,
    )


def outside_keys(document: object, allowed: Collection[str]) -> dict[str, OutsideKey]:
    """Return the keys of a JWKS that may verify tokens, by their ids.

    Args:
        document: the decoded JSON
        allowed: algorithms

    Returns:
        The keys; those for encryption, secret ones and those that cannot be read are left out.
    """
    found: dict[str, OutsideKey] = {}
    keys: Any = cast("Any", document).get("keys") if isinstance(document, dict) else None
    for one in cast("list[Any]", keys if isinstance(keys, list) else []):
        if not isinstance(one, dict):
            continue
        given = cast("dict[str, Any]", one)
        begins = _KINDS.get(str(given.get("kty")))
        if begins is None or given.get("use", "sig") != "sig":
            continue
        named = given.get("alg")
        algorithms = tuple(
            alg for alg in allowed if alg.startswith(begins) and named in (None, alg)
        )
        try:
            key = jwk.import_key(cast("Any", given))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if algorithms:
            found[str(given.get("kid", ""))] = OutsideKey(key, algorithms)
    return found


def key_id_of(text: str) -> str | None:
    """Return the id of the key that signed a token; empty where it names none.

    Args:
        text: what was sent

    Returns:
        None where it is no JWT.
    """
    if len(text) > _LONGEST or text.count(".") != _PARTS - 1:
        return None
    first = text.partition(".")[0]
    try:
        header = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4))
        return msgspec.json.decode(header, type=_Header).kid or ""
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None


def outside_principal(
    text: str, key: OutsideKey, terms: OutsideTerms, now: datetime
) -> Principal:  # fmt: skip
    """Return whose token it is.

    Args:
        text: the token
        key: the issuer's, with the id that the token names
        terms: what it must say
        now: the present moment

    Returns:
        A person with the role and tenants that the claims mean. The name is what the issuer says,
        which may be that of somebody else here; the id is `ISSUER#SUBJECT`.

    Raises:
        TokenRefused: the signature, a claim or a time is wrong, or no claim means a role
    """
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=terms.leeway,
        iss={"essential": True, "value": terms.issuer},
        aud={"essential": True, "value": terms.audience},
        exp={"essential": True},
        sub={"essential": True},
    )
    try:
        token = jwt.decode(text, key.key, algorithms=list(key.algorithms))
        registry.validate(token.claims)
    except ExpiredTokenError:
        raise TokenRefused("it is expired") from None
    except (InvalidClaimError, MissingClaimError) as error:
        raise TokenRefused(f"a claim is wrong or missing: {error.description or error}") from None
    except (JoseError, ValueError, TypeError) as error:
        raise TokenRefused(f"it cannot be verified: {type(error).__name__}") from None
    claims = token.claims
    role = max(
        (
            role
            for value, role in terms.roles.items()
            if value == "*" or value in _texts(claims.get(terms.role_claim))
        ),
        default=None,
        key=lambda role: role.level,
    )
    if role is None:
        raise TokenRefused(f"its claim {terms.role_claim!r} means no role")
    tenants = None
    if terms.tenants_claim:
        tenants = frozenset(_texts(claims.get(terms.tenants_claim))[:MOST_TENANTS])
        if not tenants:
            raise TokenRefused(f"its claim {terms.tenants_claim!r} names no tenant")
    subject = cast("str", claims["sub"])
    if not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise TokenRefused("its claim 'sub' is empty, too long or not printable")
    name = claims.get(terms.name_claim)
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        name = subject
    return Principal(
        name=name.strip()[:100], kind="person", role=role, tenants=tenants,
        id=f"{terms.issuer}#{subject}",
    )  # fmt: skip


def _texts(claim: object) -> list[str]:
    given = cast("list[Any]", claim) if isinstance(claim, list) else [claim]
    return [one for one in given if isinstance(one, str)]
