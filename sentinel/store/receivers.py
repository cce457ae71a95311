"""Receivers: named sets of channels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Table, select

from sentinel.errors import ConfigurationError, NotFound
from sentinel.models import Receiver

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["DEFAULT", "INBOX", "Receivers"]

RECEIVER = cast("Table", Receiver.__table__)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - SQLModel sets it on table models

DEFAULT = "default"
INBOX = "inbox"
_CHANNEL = re.compile(r"inbox|[a-z0-9][a-z0-9-]*/[A-Za-z0-9][A-Za-z0-9_.-]*")


class Receivers:
    """Receivers in the shared database. `default` is the inbox until somebody says otherwise."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> dict[str, list[str]]:
        """The channels of every receiver, by name."""
        with self._store.read() as connection:
            found = {
                row.name: list(row.channels)
                for row in connection.execute(select(RECEIVER).order_by(RECEIVER.c.name))
            }
        found.setdefault(DEFAULT, [INBOX])
        return found

    def set(
        self, name: str, channels: Sequence[str], *, description: str = "", source: str = "ui"
    ) -> None:
        """Make a receiver, or give it other channels.

        Raises:
            ConfigurationError: a channel is not `inbox` or `<block type slug>/<block name>`
        """
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", name):
            raise ConfigurationError(
                f"{name!r} is no usable name", hint="Use small letters, digits, '-', '_' and '.'."
            )
        wrong = [one for one in channels if not _CHANNEL.fullmatch(one)]
        if wrong or not channels:
            raise ConfigurationError(
                f"receiver {name!r}: {', '.join(wrong) or 'nothing'} is no channel",
                hint="Write inbox, or a block as sentinel-webhook/ops.",
            )
        values: dict[str, Any] = {
            "channels": list(dict.fromkeys(channels)),
            "description": description,
            "source": source,
            "updated_at": self._store.now(),
        }
        with self._store.write() as connection:
            done = connection.execute(
                RECEIVER.update().where(RECEIVER.c.name == name).values(**values)
            )
            if not done.rowcount:
                connection.execute(RECEIVER.insert().values(name=name, **values))
            self._store.log.add(
                connection, "info", "receiver.set", f"{name} tells {', '.join(channels)}"
            )

    def remove(self, name: str) -> None:
        """Forget a receiver; what names it is told to `default` from then on.

        Raises:
            NotFound: there is none of that name
        """
        with self._store.write() as connection:
            done = connection.execute(RECEIVER.delete().where(RECEIVER.c.name == name))
            if not done.rowcount:
                raise NotFound(f"there is no receiver {name!r}", hint="See: sentinel receiver list")
            self._store.log.add(connection, "info", "receiver.removed", f"{name} is gone")
