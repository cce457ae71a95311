"""The tenant of what belongs to a tenant as a whole, such as keys and limits of an API."""

from __future__ import annotations

from sentinel.access import Permission, Principal
from sentinel.api.problems import Problem

__all__ = ["whole_tenant"]


def whole_tenant(who: Principal, permission: Permission, given: str | None) -> str:
    """Return the tenant that a request is about.

    Args:
        who: makes it
        permission: that it needs
        given: as they named it; None for the only one in reach, or `default`

    Returns:
        Its name.

    Raises:
        Problem: 403 where the caller may not do that in all of it
    """
    whole = who.scope(permission).whole_tenants
    if given is None:
        given = next(iter(whole)) if whole is not None and len(whole) == 1 else "default"
    if whole is not None and given not in whole:
        raise Problem(
            403, "forbidden", f"{who.name} may not {permission} all of the tenant {given}",
            hint=f"Name a tenant in which you are {permission.role} for all teams.",
            field="tenant",
        )  # fmt: skip
    return given
