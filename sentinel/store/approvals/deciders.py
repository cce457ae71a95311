"""Who may decide on a pending change: a person that is known as one, with the role for the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select

from sentinel.access import Permission, Principal
from sentinel.audit.origin import present
from sentinel.errors import Conflict, OutOfScope
from sentinel.store.access.grants import grants_of
from sentinel.store.access.person_views import PERSON
from sentinel.store.rules.asking import person_behind

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["decider"]


_VIA = " via "


def decider(store: Store, connection: Connection, actor: str, asked: Row[Any]) -> tuple[str, bool]:
    """Return the person who decides on a change, and whether they may edit its rule.

    Somebody who is logged in is known, and the door has checked the role. Whoever uses a key, or
    the command line on the database, must have an account under their name.

    Args:
        store: the shared database, whose `origin` says how the actor was recognized
        connection: an open transaction
        actor: as timelines name them
        asked: the row of the change

    Returns:
        The name of the person, and whether they have the role editor there.

    Raises:
        OutOfScope: nobody knows which person this is
        Conflict: a key asked for the change, or is used to decide, in the name of the person on
            the other side
    """
    origin = present(store.origin)
    if origin.kind in ("token", "system"):
        raise OutOfScope(
            "the token of the instance belongs to no person, so it approves nothing",
            hint="Log in, or use a key of your own.",
        )
    person = person_behind(connection, origin, actor)
    _refuse_own(person, actor, asked)
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
    return person, principal.allows(Permission.EDIT, asked.tenant, asked.team)


def _refuse_own(person: str, actor: str, asked: Row[Any]) -> None:
    """Refuse who decides where a key acted for one side in the name of the other.

    Where the same person simply is both sides, `approve` and `reject` of the domain refuse.

    Raises:
        Conflict: it did
    """
    named, asked_for = _acts_for(actor), _acts_for(asked.asked_as)
    own = named & {_folded(asked.asked_by), *asked_for} | {_folded(person)} & asked_for
    for name in sorted(own):
        raise Conflict(
            f"{asked.asked_as} asked for this change, so somebody else than {name} has to decide "
            "on it",
            hint="Ask another person with the role editor.",
        )


def _acts_for(actor: str) -> set[str]:
    """Return the person that a key says it acts for, as one entry; empty where it says none."""
    name, via, _ = actor.partition(_VIA)
    return {_folded(name)} if via else set()


def _folded(name: str) -> str:
    return name.strip().casefold()
