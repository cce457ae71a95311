"""Receivers: named sets of channels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, or_, select

from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.notifications.channel import INBOX
from sentinel.notifications.channel_names import is_channel, is_receiver
from sentinel.notifications.notify_plan import FILE
from sentinel.notifications.summary import is_summary
from sentinel.oncall.document import OnCallDocument
from sentinel.schema.message_templates import MessageTemplateRow
from sentinel.schema.notifications import Receiver
from sentinel.store.database.alone import alone
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import GROUP, model_of, table_of
from sentinel.store.notifications.active_routes import active_tree
from sentinel.store.notifications.message_limits import set_message_limit_in
from sentinel.store.notifications.new_channels import OpenGroup, begin_later, begin_now
from sentinel.store.notifications.paged_receivers import rules_that_page

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["DEFAULT", "FALLBACK", "INBOX", "Receivers"]

RECEIVER = table_of(Receiver)
_TEMPLATE = table_of(MessageTemplateRow)
_TEMPLATES_OF = _TEMPLATE.delete().where(_TEMPLATE.c.receiver == bindparam("receiver"))

DEFAULT = "default"
FALLBACK = "fallback"
"""The receiver that is notified where no channel of another takes messages; else the inbox is."""
_ALL = select(RECEIVER).order_by(RECEIVER.c.name)
_INCIDENTS = {"pager-duty-webhook": "PagerDuty", "opsgenie-webhook": "Opsgenie"}
"""Prefect's blocks that know no resolve, by type: their product."""
_NAMED = 5
"""So many rules that page a receiver are named where it cannot be removed."""
Check = Callable[[list[str]], None]


class Receivers:
    """Receivers in the shared database. `default` is the inbox until it is set.

    Args:
        store: the shared database
        oncall: returns the on-call document, which names receivers, as an open transaction reads
            it
    """

    def __init__(self, store: Store, oncall: Callable[[Connection], OnCallDocument]) -> None:
        self._store = store
        self.oncall = oncall

    def all(self) -> dict[str, list[str]]:
        """Return the channels of every receiver, by name."""
        with self._store.read() as connection:
            return self.all_in(connection)

    def declared(self) -> set[str]:
        """Return the names of the receivers that the document in Git declares."""
        with self._store.read() as connection:
            return {row.name for row in self.rows_in(connection) if row.source == FILE}

    def rows_in(self, connection: Connection) -> list[Receiver]:
        """Return every receiver that is stored, by name; `default` may not be."""
        return [model_of(Receiver, row) for row in connection.execute(_ALL)]

    def all_in(self, connection: Connection) -> dict[str, list[str]]:
        """Return the channels of every receiver as an open transaction reads them."""
        found = {row.name: list(row.channels) for row in connection.execute(_ALL)}
        found.setdefault(DEFAULT, [INBOX])
        return found

    def set(
        self,
        name: str,
        channels: Sequence[str],
        *,
        description: str = "",
        source: str = "ui",
        notify_open: bool = False,
        actor: str = "",
        check: Check | None = None,
    ) -> int:
        """Create a receiver or replace its channels.

        A new channel is notified of what opens from now on, and of open groups of which no
        channel that is left has been notified.

        Args:
            name: of the receiver
            channels: each `inbox` or `<block type slug>/<block name>`
            description: for people
            source: `file` or `ui`, who owns it
            notify_open: notify new channels of every open group at once
            actor: who does it; empty where no person does
            check: called with the present channels while nobody else changes them, so that it may
                refuse another version

        Returns:
            How many alerts are open that new channels are not notified of.

        Raises:
            ConfigurationError: a channel has another form, or is a new one of a block that opens
                an incident for each message.
        """
        return self._store.in_transaction(
            lambda connection: self.set_in(
                connection, name, channels, description=description, source=source,
                notify_open=notify_open, actor=actor, check=check,
            )
        )  # fmt: skip

    def set_in(
        self,
        connection: Connection,
        name: str,
        channels: Sequence[str],
        *,
        description: str = "",
        source: str = "ui",
        notify_open: bool = False,
        actor: str = "",
        check: Check | None = None,
    ) -> int:
        """Do what `set` does, within an open writing transaction."""
        if not is_receiver(name):
            raise ConfigurationError(
                f"{name!r} is not a valid name",
                hint="Use lower-case letters, digits, '-', '_' and '.'.",
            )
        wrong = [one for one in channels if not is_channel(one)]
        if wrong or not channels:
            raise ConfigurationError(
                f"receiver {name!r}: {', '.join(wrong) or 'nothing'} is not a channel",
                hint="Write inbox, or a block as sentinel-webhook/ops.",
            )
        values: dict[str, Any] = {
            "channels": list(dict.fromkeys(channels)),
            "description": description,
            "source": source,
            "updated_at": self._store.now(),
        }

        alone(connection)
        before = self.all_in(connection)
        if check is not None:
            check(before.get(name, []))
        _refuse_incidents(name, set(values["channels"]).difference(before.get(name, ())))
        done = connection.execute(RECEIVER.update().where(RECEIVER.c.name == name).values(**values))
        if not done.rowcount:
            connection.execute(RECEIVER.insert().values(name=name, **values))
        was = {"channels": before[name]} if name in before else None
        now = {"channels": values["channels"]}
        if was != now:
            self._record(connection, "receiver.set", name, actor, was, now)
        had = before.get(name, ())
        new = [one for one in values["channels"] if one not in had]
        if not new and set(had).issubset(values["channels"]):
            return 0
        groups = _open_groups(connection, name, before, self.all_in(connection))
        heard = set[str]() if notify_open else begin_later(self._store, connection, groups, new)
        self._make_due(connection, [one.id for one in groups if one.id not in heard])
        return sum(one.firing for one in groups if one.id in heard and not one.summary)

    def remove(self, name: str, *, actor: str = "", check: Check | None = None) -> None:
        """Delete a receiver; rules that name it notify `default` from then on.

        Args:
            name: of the receiver
            actor: who does it; empty where no person does
            check: as of `set`

        Its message limits and templates go with it.

        Raises:
            NotFound: there is no receiver of that name.
            Conflict: the on-call document, the active routes or `escalation_rules` of a rule name
                it
        """
        self._store.in_transaction(
            lambda connection: self.remove_in(connection, name, actor=actor, check=check)
        )

    def remove_in(
        self, connection: Connection, name: str, *, actor: str = "", check: Check | None = None,
        routes_follow: bool = False,
    ) -> None:  # fmt: skip
        """Do what `remove` does, within an open writing transaction.

        Args:
            connection: the transaction
            name: of the receiver
            actor: who does it; empty where no person does
            check: as of `set`
            routes_follow: whether the transaction looks at the routes itself, once they are applied

        Raises:
            NotFound: there is no receiver of that name
            Conflict: the on-call document, the active routes or `escalation_rules` of a rule name
                it
        """
        alone(connection)
        before = self.all_in(connection)
        if check is not None and name in before:
            check(before[name])
        if name != DEFAULT and name in before and name in self.oncall(connection).receivers:
            raise Conflict(
                f"the on-call document names the receiver {name!r}",
                hint="Take it out there first: sentinel oncall show, sentinel oncall apply FILE",
            )
        tree = None if routes_follow or name == DEFAULT else active_tree(connection)
        if tree is not None and name in before and name in tree.document.receivers:
            raise Conflict(
                f"the active routes name the receiver {name!r}",
                hint="Take it out there first: sentinel route show, sentinel route apply FILE",
            )
        # A document may come with rules that no longer page it: they are evaluated after it.
        pages = [] if routes_follow or name == DEFAULT else rules_that_page(connection, name)
        if pages and name in before:
            raise Conflict(
                f"escalation_rules.channels name the receiver {name!r}: rule {_some(pages)}",
                hint="Take it out there first and let the rule be evaluated, or disable or delete "
                "the rule: sentinel rule disable NAME",
            )
        done = connection.execute(RECEIVER.delete().where(RECEIVER.c.name == name))
        if done.rowcount:
            set_message_limit_in(self._store, connection, "receiver", name, None, actor=actor)
        connection.execute(_TEMPLATES_OF, {"receiver": name})
        if not done.rowcount:
            raise NotFound(f"there is no receiver {name!r}", hint="See: sentinel receiver list")
        was = {"channels": before.get(name, [])}
        self._record(connection, "receiver.removed", name, actor, was, None)
        groups = _open_groups(connection, name, before, self.all_in(connection))
        begin_now(connection, groups)
        self._make_due(connection, [one.id for one in groups])

    def _record(
        self,
        connection: Connection,
        action: str,
        name: str,
        actor: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
    ) -> None:
        change = Change(
            action=action, object_kind="receiver", object_id=name, object_name=name,
            before=before, after=after,
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)

    def _make_due(self, connection: Connection, ids: Sequence[str]) -> None:
        """Make open groups due at once, so that new channels are notified.

        Channels that were notified before get no repeat, since each channel is decided on alone.
        """
        now = self._store.now()
        for piece in chunks(sorted(ids)):
            connection.execute(
                GROUP.update()
                .where(GROUP.c.id.in_(piece))
                .where(GROUP.c.status != "resolved")
                .where(or_(GROUP.c.due_at.is_(None), GROUP.c.due_at > now))
                .values(due_at=now)
            )
        if ids:
            self._store.wakes.request(connection, now)


def _some(rules: Sequence[str]) -> str:
    more = f" and {len(rules) - _NAMED:,} more" if len(rules) > _NAMED else ""
    return ", ".join(rules[:_NAMED]) + more


def _refuse_incidents(name: str, new: Collection[str]) -> None:
    """Refuse new channels whose blocks open one more incident for each message.

    Raises:
        ConfigurationError: there is one
    """
    for ref in sorted(new):
        product = _INCIDENTS.get(ref.partition("/")[0])
        if product is not None:
            raise ConfigurationError(
                f"receiver {name!r}: Prefect's block {ref} opens one more incident in {product} "
                "for each reminder and for the resolve, always with the same severity",
                hint=f"Use a sentinel-{product.lower()}: it opens one for the life of a group, "
                f"acknowledges and resolves it: sentinel channel add {product.lower()} NAME",
            )


def _open_groups(
    connection: Connection, name: str, before: Mapping[str, Sequence[str]],
    after: Mapping[str, Sequence[str]],
) -> list[OpenGroup]:  # fmt: skip
    """Return the open groups that notify a receiver.

    Args:
        connection: an open transaction
        name: of the receiver
        before: the channels of every receiver, as they were
        after: as they are now

    Returns:
        The groups; groups of a receiver that does not exist notify `default`.
    """
    query = select(
        GROUP.c.id, GROUP.c.receivers, GROUP.c.seq, GROUP.c.severity, GROUP.c.firing, GROUP.c.route
    ).where(GROUP.c.status != "resolved")
    found: list[OpenGroup] = []
    for row in connection.execute(query):
        named = [
            one for one in row.receivers if one == name or (name == DEFAULT and one not in before)
        ]
        if named:
            refs = {ref for one in row.receivers for ref in after.get(one, after[DEFAULT])}
            found.append(
                OpenGroup(
                    row.id, tuple(named), frozenset(refs), row.seq, row.severity, row.firing,
                    is_summary(row.route),
                )
            )  # fmt: skip
    return found
