"""The key by which push services of browsers know this instance (VAPID, RFC 8292). Pure.

A browser that subscribes is given the public half, and its push service then takes messages from
nobody else, so that the key must stay the same for as long as browsers are subscribed.
"""

from __future__ import annotations

import base64

from joserfc.jwk import ECKey

__all__ = ["new_private_key", "public_key"]


def new_private_key() -> str:
    """Return a new random private key of the curve P-256: 32 bytes in 43 characters of base64."""
    return str(ECKey.generate_key("P-256").as_dict(private=True)["d"])


def public_key(private: str) -> str:
    """Return the public half of a key, as browsers take it.

    Args:
        private: of `new_private_key`

    Returns:
        The point in its uncompressed form: 65 bytes in 87 characters of base64.

    Raises:
        ValueError: this is no such key
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    number = int.from_bytes(base64.urlsafe_b64decode(f"{private}="), "big")
    point = ec.derive_private_key(number, ec.SECP256R1()).public_key().public_numbers()
    raw = b"\x04" + point.x.to_bytes(32, "big") + point.y.to_bytes(32, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
