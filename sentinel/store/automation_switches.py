"""How users left the switches of Automations, so that a redeploy does not turn them on again.

`prefect deploy` deletes the Automations under a deployment's `triggers:` and creates new ones,
enabled, with new ids. The sweep reads them every minute: an Automation that was disabled under its
last id and is enabled under a new one was enabled by a deploy, not by a person. It misses a switch
that is moved and then deployed over between two sweeps.
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
    """One Automation: `name` identifies it across deploys, `id` changes with each."""

    name: str
    id: str
    enabled: bool


def turned_on_by_deploy(before: Seen | None, now: Seen) -> bool:
    """Return whether `now` is enabled only because a deploy created it anew."""
    return before is not None and before.id != now.id and not before.enabled and now.enabled


class Switches:
    """Switches of Automations in the shared database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> dict[str, Seen]:
        """Return every Automation as the last sweep saw it, by name."""
        with self._store.read() as connection:
            return {
                row.name: Seen(name=row.name, id=row.automation_id, enabled=row.enabled)
                for row in connection.execute(select(SWITCH))
            }

    def remember(self, seen: Sequence[Seen]) -> int:
        """Store the present state of Automations.

        Args:
            seen: the Automations that a sweep read

        Returns:
            How many differ from what was stored.
        """
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
