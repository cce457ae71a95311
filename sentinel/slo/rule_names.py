"""The names of the rules of SLOs, which are unique over all tenants. Pure."""

from __future__ import annotations

from hashlib import sha256

__all__ = ["rule_of_slo"]

_LONGEST = 100
"""Of the name of a rule."""


def rule_of_slo(tenant: str, name: str, *, in_full: bool = False) -> str:
    """Return the name of an SLO's rule.

    The names of SLOs have no dot, so that no two of them have one rule.

    Args:
        tenant: of the SLO
        name: of the SLO
        in_full: whether to name the tenant `default`, too

    Returns:
        `slo-NAME` in the tenant `default`, `slo-NAME.TENANT` in others; of a tenant with a name
        that is too long, the beginning of its SHA-256.
    """
    if tenant == "default" and not in_full:
        return f"slo-{name}"
    whole = f"slo-{name}.{tenant}"
    if len(whole) <= _LONGEST:
        return whole
    return f"slo-{name}.{sha256(tenant.encode()).hexdigest()[:15]}"
