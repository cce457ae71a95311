"""The names of people whom an outside OIDC issuer knows: what its claims say, as accounts have it.

A person is known by issuer and subject. The name is what timelines and audit rows show, so that it
must not be one that somebody else has, nor look as if a program acted for them.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

__all__ = ["LONGEST_SUBJECT", "name_from", "names_of"]

LONGEST_SUBJECT = 255
"""Characters of the claim `sub`, after OpenID Connect Core 1.0, section 2."""
_LONGEST = 100
_OTHERS = re.compile(r"[^a-z0-9._@+-]+")


def name_from(text: str) -> str:
    r"""Return the name of an account that comes closest to what an issuer says.

    Args:
        text: such as `José`, `auth0|6512` or `CORP\ada`

    Returns:
        Small letters without accents, and `-` for what a name cannot have: `jose`, `auth0-6512`,
        `corp-ada`; empty where nothing is left.
    """
    split = unicodedata.normalize("NFKD", text[: 3 * _LONGEST].casefold())
    plain = "".join(one for one in split if not unicodedata.combining(one)).lower()
    return _OTHERS.sub("-", plain).lstrip("._@+-")[:_LONGEST].rstrip("._@+-")


def names_of(claim: str, issuer: str, subject: str) -> tuple[str, ...]:
    """Return the names that somebody may act under, the best first.

    Args:
        claim: the name, as the issuer says
        issuer: of the token
        subject: its claim `sub`

    Returns:
        At least one; the last is of this issuer and subject alone.
    """
    digest = hashlib.sha256(f"{issuer}#{subject}".encode("utf-8", "surrogatepass")).hexdigest()
    names = (name_from(claim), name_from(subject), f"oidc-{digest[:16]}")
    return tuple(dict.fromkeys(filter(None, names)))
