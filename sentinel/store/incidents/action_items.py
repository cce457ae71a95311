"""Action items of incidents: what is to be done, by whom and by when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from sentinel.access import EVERYTHING, Scope
from sentinel.errors import ConfigurationError, NotFound
from sentinel.incidents.post_mortem import ActionItem
from sentinel.incidents.state import Incident
from sentinel.schema.columns import new_id
from sentinel.store.incidents.changing import Changed, Check, change
from sentinel.store.incidents.rows import (
    ACTION,
    INCIDENT,
    NewEntry,
    action_of,
    incident_of,
    incident_row,
    seen_by,
)

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_ITEMS", "ActionItems", "actions_in"]

MOST_ITEMS = 200
"""Of one incident."""
_MOST_OPEN = 1000


class ActionItems:
    """The action items of incidents.

    Args:
        store: the shared database
        scope: of whoever asks
    """

    def __init__(self, store: Store, scope: Scope = EVERYTHING) -> None:
        self._store = store
        self._scope = scope

    def of(self, incident_id: str) -> list[ActionItem]:
        """Return the action items of an incident, the oldest first; raises `NotFound`."""
        with self._store.read() as connection:
            incident_row(connection, self._scope, incident_id)
            return actions_in(connection, incident_id)

    def open_items(self, owner: str | None = None) -> list[tuple[Incident, ActionItem]]:
        """Return what is not done yet in all incidents, what is due first, at most 1,000.

        Args:
            owner: only this person's; None for all

        Returns:
            Incidents with an item each; items without a date come last.
        """
        query = (
            select(ACTION, INCIDENT.c.id.label("of"))
            .join(INCIDENT, INCIDENT.c.id == ACTION.c.incident_id)
            .where(ACTION.c.done_at.is_(None), *seen_by(self._scope))
            .order_by(ACTION.c.due.is_(None), ACTION.c.due, ACTION.c.id)
            .limit(_MOST_OPEN)
        )
        if owner is not None:
            query = query.where(ACTION.c.owner == owner)
        with self._store.read() as connection:
            rows = connection.execute(query).all()
            ids = {row.of for row in rows}
            named = select(INCIDENT).where(INCIDENT.c.id.in_(ids))
            incidents = {one.id: incident_of(one) for one in connection.execute(named)}
        return [(incidents[row.of], action_of(row)) for row in rows]

    def add(
        self, incident_id: str, title: str, *, actor: str, owner: str = "",
        due: date | None = None, item_id: str = "",
    ) -> ActionItem:  # fmt: skip
        """Add an action item.

        Args:
            incident_id: of the incident
            title: what is to be done
            actor: who adds it
            owner: who does it; empty for nobody yet
            due: by when; None for no date
            item_id: 32 hex digits; a new id by default

        Returns:
            The item.

        Raises:
            NotFound: there is no such incident
            ConfigurationError: there is no title, or there are too many
        """
        _refuse_empty(title)
        made: list[ActionItem] = []

        def work(connection: Connection, before: Incident) -> Changed:
            if len(actions_in(connection, incident_id)) >= MOST_ITEMS:
                raise ConfigurationError(f"there are {MOST_ITEMS} action items already")
            item = ActionItem(
                id=item_id or new_id(), title=title, owner=owner, due=due,
                created_at=self._store.now(), created_by=actor,
            )  # fmt: skip
            made[:] = [item]
            connection.execute(
                ACTION.insert().values(
                    id=item.id, incident_id=incident_id, title=title, owner=owner, due=due,
                    done_by="", created_at=item.created_at, created_by=actor, version=1,
                )
            )  # fmt: skip
            return _changed(before, "added", title, _told(item))

        change(self._store, self._scope, incident_id, actor, work)
        return made[0]

    def edit(
        self, incident_id: str, item_id: str, fields: Mapping[str, Any], *, actor: str,
        check: Check | None = None,
    ) -> ActionItem:  # fmt: skip
        """Change an action item.

        Args:
            incident_id: of the incident
            item_id: of the item
            fields: any of title, owner, due (a date or None) and done (true or false)
            actor: who changes it
            check: is given the incident, and may refuse

        Returns:
            The item.

        Raises:
            NotFound: there is no such incident or item
            ConfigurationError: there is no title, or no such field
        """
        unknown = sorted(set(fields) - {"title", "owner", "due", "done"})
        if unknown:
            raise ConfigurationError(f"an action item has no field {unknown[0]!r}")
        if "title" in fields:
            _refuse_empty(fields["title"])
        made: list[ActionItem] = []

        def work(connection: Connection, before: Incident) -> Changed:
            key = (ACTION.c.incident_id == incident_id, ACTION.c.id == item_id)
            row = connection.execute(select(ACTION).where(*key).with_for_update()).first()
            if row is None:
                raise NotFound(f"the incident has no action item {item_id[:40]!r}")
            values = {name: value for name, value in fields.items() if name != "done"}
            if "done" in fields and bool(row.done_at) != bool(fields["done"]):
                over = bool(fields["done"])
                values |= {
                    "done_at": self._store.now() if over else None, "done_by": actor if over else ""
                }  # fmt: skip
            differ = any(getattr(row, name) != value for name, value in values.items())
            if differ:
                connection.execute(
                    ACTION.update().where(*key).values(**values, version=row.version + 1)
                )
            after = connection.execute(select(ACTION).where(*key)).one()
            made[:] = [action_of(after)]
            done = _changed(before, "changed", after.title, _told(made[0]))
            return done if differ else Changed(incident=before, entries=[], action=done.action)

        change(self._store, self._scope, incident_id, actor, work, check)
        return made[0]


def actions_in(connection: Connection, incident_id: str) -> list[ActionItem]:
    """Return the action items of an incident, in an open transaction."""
    query = select(ACTION).where(ACTION.c.incident_id == incident_id).order_by(ACTION.c.id)
    return [action_of(row) for row in connection.execute(query)]


def _refuse_empty(title: str) -> None:
    if not title.strip():
        raise ConfigurationError("title: it is missing", hint="Say what is to be done.")


def _told(item: ActionItem) -> dict[str, Any]:
    return {
        "action_item": item.title, "owner": item.owner,
        "due": item.due.isoformat() if item.due else None, "done": item.done_at is not None,
    }  # fmt: skip


def _changed(before: Incident, verb: str, title: str, note: dict[str, Any]) -> Changed:
    entry = NewEntry(kind=f"action_{verb}", data={"title": title})
    return Changed(incident=before, entries=[entry], action=f"incident.action_{verb}", note=note)
