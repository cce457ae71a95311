"""How users left the switches of Automations, so that a redeploy does not turn them on again.

`prefect deploy` deletes the Automations under a deployment's `triggers:` and makes new ones,
switched on, with new ids. The sweep looks every minute: an Automation that was off under its
last id and is on under a new one was switched on by a deploy, not by a person. A switch that
is moved and deployed over within one look is not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import select

from sentinel.schema.notifications import AutomationSwitch
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Seen", "Switches", "turned_on_by_deploy"]

SWITCH = table_of(AutomationSwitch)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One Automation: `name` says which it is across deploys, `id` changes with each."""

    name: str
    id: str
    enabled: bool


def turned_on_by_deploy(before: Seen | None, now: Seen) -> bool:
    """Whether `now` is on only because it was made anew. Pure."""
    return before is not None and before.id != now.id and not before.enabled and now.enabled


class Switches:
    """Switches of Automations in the shared database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> dict[str, Seen]:
        """Every Automation as it was last seen, by name."""
        with self._store.read() as connection:
            return {
                row.name: Seen(name=row.name, id=row.automation_id, enabled=row.enabled)
                for row in connection.execute(select(SWITCH))
            }

    def remember(self, seen: Sequence[Seen]) -> int:
        """Keep how these are now; returns how many differ from what was known."""
        known = self.all()
        news = [one for one in seen if known.get(one.name) != one]
        if not news:
            return 0
        now = self._store.now()
        with self._store.write() as connection:
            for one in news:
                values = {"automation_id": one.id, "enabled": one.enabled, "seen_at": now}
                connection.execute(
                    insert_into(self._store.dialect, SWITCH)
                    .values(name=one.name, **values)
                    .on_conflict_do_update(index_elements=["name"], set_=values)
                )
        return len(news)
