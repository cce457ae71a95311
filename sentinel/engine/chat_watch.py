"""Alert about chats whose buttons do nothing; the relay, which listens to them, asks here."""

from __future__ import annotations

from datetime import datetime, timedelta

from sentinel.checks.reading import Reading
from sentinel.engine.own_rules import apply_own
from sentinel.labels.text import storable
from sentinel.store import Store
from sentinel.store.alerts.live_labels import live_labels
from sentinel.store.notifications.chat_connections import lost_connections

__all__ = ["RULE", "ChatWatch"]

RULE = "sentinel-chats"
CHAT = "chat"
"""Label with the channel's reference. The channel still takes messages, so the alert is sent there,
too."""


class ChatWatch:
    """Keeps one alert of high severity open for each chat to which the connection is lost.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def evaluate(self, now: datetime) -> None:
        """Evaluate once.

        Args:
            now: the present time
        """
        lost = lost_connections(self._store)
        live = {labels.get(CHAT, "") for labels in live_labels(self._store, RULE)}
        if not lost and not live:
            return
        readings = [
            Reading(
                labels={CHAT: ref}, firing=ref in lost,
                summary=storable(f"the buttons of {ref} do nothing: {lost[ref]}")[:500]
                if ref in lost
                else "",
            )
            for ref in sorted({*lost, *live})
        ]  # fmt: skip
        apply_own(
            self._store, now, readings, name=RULE,
            description="The connection to a chat is lost: what people press there does nothing.",
            group_by=[CHAT],
            group_wait=timedelta(minutes=1),  # a connection that is soon made again is no news
        )  # fmt: skip
