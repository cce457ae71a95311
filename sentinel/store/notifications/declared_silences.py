"""Silences that a document in Git declares, made and ended in the transaction that applies it.

Groups are locked before the locks of what mutes them are taken (`mute_locks`), so that rows are
written first, and decisions are made again once the routes of the document are applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from sentinel.clock import utc
from sentinel.errors import ConfigurationError
from sentinel.notifications.silence import matcher_sets, team_of
from sentinel.notifications.silence_document import (
    PresentSilence,
    SilenceChange,
    SilenceNode,
    start_of,
)
from sentinel.schema.columns import new_id
from sentinel.schema.silences import Silence
from sentinel.store.database.tables import SILENCE, model_of
from sentinel.store.notifications.matcher_silences import MatcherSilences, check_end, next_change
from sentinel.store.notifications.mute_locks import before_unmuting
from sentinel.store.notifications.silenced_groups import (
    groups_of,
    lock_groups,
    matching,
    muted_by,
)

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["DeclaredSilences", "present_silences"]

_ACTIONS = {
    "extend": "silence.extended", "change": "silence.changed", "replace": "silence.expired",
    "end": "silence.expired",
}  # fmt: skip
"""What the audit trail calls a change of a silence that is there."""


def present_silences(connection: Connection, now: datetime) -> list[PresentSilence]:
    """Return the silences that documents made and that are not over, by name.

    Args:
        connection: an open transaction
        now: the present moment

    Returns:
        Those silences.
    """
    query = (
        select(SILENCE)
        .where(SILENCE.c.declared != "", SILENCE.c.until > now, SILENCE.c.ended_at.is_(None))
        .order_by(SILENCE.c.declared)
    )
    return [
        PresentSilence(
            id=row.id, name=row.declared, start=row.starts_at, until=row.until,
            created_at=row.created_at,
            terms={
                "tenant": row.tenant, "matchers": list(row.matchers),
                "recurrence": dict(row.recurrence), "comment": row.reason,
                "maintenance": row.maintenance, "announce": row.announce,
            },
        )
        for row in connection.execute(query)
    ]  # fmt: skip


class DeclaredSilences:
    """Changes of silences by one document.

    Args:
        store: the shared database
        connection: its transaction, alone among those that change what is configured
        changes: of `silence_changes`
        actor: who applies the document
    """

    def __init__(
        self, store: Store, connection: Connection, changes: Sequence[SilenceChange], actor: str
    ) -> None:
        self._store, self._connection = store, connection
        self._changes, self._actor = changes, actor
        self._now = store.now()
        self._silences = MatcherSilences(store)
        self._ended: list[str] = []
        self._held: list[str] = []

    def write(self) -> None:
        """Write the silences, and lock the groups that they mute or muted.

        Raises:
            ConfigurationError: the end of one is none
        """
        groups: set[str] = set()
        for change in self._changes:
            if change.present is not None:
                values: dict[str, Any] = {"ended_at": self._now, "ended_by": self._actor}
                if change.what == "extend" and change.node is not None:
                    values = {"until": self._end_of(change.node, change.present.start)}
                if change.what == "change" and change.node is not None:
                    values = self._changed(change.node, change.present)
                    rows = matching(
                        self._connection, change.node.tenant, matcher_sets(change.node.matchers)
                    )
                    groups.update(groups_of(self._connection, [row.id for row in rows]))
                self._change(change.present.id, values, _ACTIONS[change.what])
                groups.update(muted_by(self._connection, change.present.id))
            if change.node is not None and change.what in ("create", "replace"):
                groups.update(self._make(change.node))
        self._held = sorted(groups)
        lock_groups(self._connection, self._held)

    def decide(self) -> None:
        """Decide again on what is muted by now, or no longer."""
        if not self._changes:
            return
        before_unmuting(self._connection)
        # What a claim has muted meanwhile.
        late = {one for id_ in self._ended for one in muted_by(self._connection, id_)}
        self._silences.decide_again(
            self._connection, self._held, self._now, sorted(late - set(self._held))
        )

    def _changed(self, node: SilenceNode, present: PresentSilence) -> dict[str, Any]:
        """Return what is written of a silence that goes on under the same matchers."""
        begins = start_of(node, present)
        return {
            "starts_at": begins, "until": self._end_of(node, begins),
            "recurrence": node.terms["recurrence"], "reason": node.comment,
            "maintenance": node.maintenance, "announce": node.announce,
        }  # fmt: skip

    def _change(self, silence_id: str, values: dict[str, Any], action: str) -> None:
        before = self._one(silence_id)
        self._connection.execute(
            SILENCE.update()
            .where(SILENCE.c.id == silence_id)
            .values(version=before.version + 1, change=next_change(self._connection), **values)
        )
        after = self._one(silence_id)
        self._silences.record(
            self._connection, action, after, self._actor, before=before, after=after
        )
        self._ended.append(silence_id)

    def _make(self, node: SilenceNode) -> list[str]:
        """Add a silence, and return the groups of what it matches."""
        sets, terms = matcher_sets(node.matchers), node.terms
        begins = self._now if node.start is None else max(utc(node.start), self._now)
        rows = matching(self._connection, node.tenant, sets)
        id_ = new_id()
        self._connection.execute(
            SILENCE.insert().values(
                id=id_, tenant=node.tenant, rule="", until=self._end_of(node, begins),
                reason=node.comment, actor=self._actor, created_at=self._now, starts_at=begins,
                ended_at=None, ended_by="", matchers=terms["matchers"], team=team_of(sets),
                version=1, change=next_change(self._connection), maintenance=node.maintenance,
                announce=node.announce, recurrence=terms["recurrence"], declared=node.name,
            )
        )  # fmt: skip
        made = self._one(id_)
        self._silences.record(self._connection, "silence.created", made, self._actor, after=made)
        return groups_of(self._connection, [row.id for row in rows])

    def _end_of(self, node: SilenceNode, begins: datetime) -> datetime:
        until = utc(node.until)
        try:
            check_end(begins, until, self._now, recurring=node.recurrence is not None)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"silence {node.name}: {error.message}", hint=error.hint
            ) from None
        return until

    def _one(self, silence_id: str) -> Silence:
        query = select(SILENCE).where(SILENCE.c.id == silence_id)
        return model_of(Silence, self._connection.execute(query).one())
