"""Who an alert is: tenant, rule and the reading's labels, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

__all__ = ["fingerprint"]


def fingerprint(tenant: str, rule: str, labels: Mapping[str, str]) -> str:
    """Return the identity of an alert, the same always and everywhere.

    Severity, team and the rule's static labels are not part of it, so that changing them
    does not make a new alert. BLAKE2b (RFC 7693) with a 16-byte digest over netstrings
    (length, colon, text), so that no two different label sets can run together.

    Args:
        tenant: whose alert it is
        rule: the rule's name
        labels: those of the reading, in any order

    Returns:
        32 hex digits.
    """
    pairs = sorted(labels.items()) if len(labels) > 1 else labels.items()
    text = f"{len(tenant)}:{tenant}{len(rule)}:{rule}" + "".join(
        [f"{len(name)}:{name}{len(value)}:{value}" for name, value in pairs]
    )
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
