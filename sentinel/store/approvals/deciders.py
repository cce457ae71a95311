"""Who may decide on a pending change: a person that is known as one, with the role for the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from sentinel.access import Permission, Principal
from sentinel.audit.origin import present
from sentinel.errors import OutOfScope
from sentinel.store.access.grants import grants_of
from sentinel.store.access.person_views import PERSON
from sentinel.store.rules.asking import person_behind

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["decider"]


def decider(
    store: Store, connection: Connection, actor: str, tenant: str, team: str
) -> tuple[str, bool]:
    """Return the person who decides, and whether they may edit rules of a tenant and team.

    Somebody who is logged in is known, and the door has checked the role. Whoever uses a key, or
    the command line on the database, must have an account under their name.

    Args:
        store: the shared database, whose `origin` says how the actor was recognized
        connection: an open transaction
        actor: as timelines name them
        tenant: of the rule
        team: of the rule

    Returns:
        The name of the person, and whether they have the role editor there.

    Raises:
        OutOfScope: nobody knows which person this is
    """
    origin = present(store.origin)
    if origin.kind in ("token", "system"):
        raise OutOfScope(
            "the token of the instance belongs to no person, so it approves nothing",
            hint="Log in, or use a key of your own.",
        )
    person = person_behind(connection, origin, actor)
    if origin.kind == "person":
        return person, True
    row = connection.execute(
        select(PERSON.c.id, PERSON.c.disabled_at).where(PERSON.c.name == person.strip().lower())
    ).first()
    if row is None or row.disabled_at is not None:
        raise OutOfScope(
            f"{person!r} has no account that can be used, so nobody knows which person this is",
            hint="An admin makes one: sentinel user create. SENTINEL_USER names who acts.",
        )
    grants = grants_of(connection, "person", [row.id]).get(row.id, ())
    if not grants:
        return person, False
    first, *further = grants
    principal = Principal(
        name=person, kind="person", role=first.role, tenants=first.tenants, teams=first.teams,
        further=tuple(further),
    )  # fmt: skip
    return person, principal.allows(Permission.EDIT, tenant, team)
