"""Which firing members of a group silences and inhibition rules match, muted or not.

Reading the labels of a large group costs much more than a decision on it, and most silences match
nothing of most groups. So each process keeps the answer for a group, as of a `seq` of it, and looks
only at members that fired or changed since.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, Row, bindparam, select

from sentinel.notifications.inhibition import InhibitionIndex
from sentinel.notifications.owners import Owners
from sentinel.notifications.silence import SilenceIndex, SilenceTerms
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, MEMBER
from sentinel.store.notifications.rule_labels import COLUMNS, OfRule, RuleLabels

__all__ = ["Concern", "ConcernedMembers"]

_MOST = 200_000
"""So many members a process remembers of all groups; those decided on longest ago go first."""
_FEW = 2_000
"""Up to so many members are read by their ids and not with the whole group."""


class Concern(NamedTuple):
    """What matches an alert.

    Attributes:
        silences: that match it, pending ones too
        keys: by which it is a target of inhibition rules; see `InhibitionIndex.as_target`
    """

    silences: Sequence[SilenceTerms]
    keys: Mapping[str, bool]


class _Known(NamedTuple):
    """What was found of a group at one seq, and what that followed from."""

    seq: int
    silences: SilenceIndex | None
    inhibitions: InhibitionIndex | None
    owners: Owners
    rules: Mapping[tuple[str, str], OfRule]
    words: Mapping[str, tuple[Any, ...]]
    concerns: Mapping[str, Concern]


class ConcernedMembers:
    """The members that silences and inhibition rules match, read in one transaction.

    Args:
        connection: an open transaction, in which the groups are locked
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._labels = RuleLabels(connection)
        self._kept = _of_engine(connection.engine)
        self._found: dict[str, _Known] = {}

    def of(
        self, group: Any, silences: SilenceIndex | None, inhibitions: InhibitionIndex | None
    ) -> Mapping[str, Concern]:
        """Return the firing members of a group that something matches.

        Args:
            group: its row, locked, or its model
            silences: of its tenant; the same object for as long as no silence changes
            inhibitions: of the active routes, likewise

        Returns:
            By alert; members that nothing matches are left out.
        """
        if not (silences or inhibitions):
            return {}
        known = self._kept.get(group.id)
        if known is None or not self._holds(known, silences, inhibitions):
            known = _Known(-1, silences, inhibitions, self._labels.owners, {}, {}, {})
        if known.seq != group.seq:
            known = self._with_changes(group, known)
        self._found[group.id] = known
        return known.concerns

    def at(self, group_id: str, seq: int) -> None:
        """Note that the group's seq rose without a change of what fires."""
        if group_id in self._found:
            self._found[group_id] = self._found[group_id]._replace(seq=seq)

    def keep(self) -> None:
        """Have the process remember what was found; for after the commit."""
        self._kept.keep(self._found)

    def _holds(
        self, known: _Known, silences: SilenceIndex | None, inhibitions: InhibitionIndex | None
    ) -> bool:
        """Return whether what is known followed from the silences and rules of now."""
        if known.silences is not silences or known.inhibitions is not inhibitions:
            return False
        if known.owners is not self._labels.owners:
            return False
        return all(self._labels.rule(*rule) == now for rule, now in known.rules.items())

    def _with_changes(self, group: Any, known: _Known) -> _Known:
        """Return what is known of a group, with the members that fired or changed since."""
        asked = {"group": group.id}
        if known.words:
            rows = self._connection.execute(_WORDS, asked).all()
            words = {row.alert_id: _words(row) for row in rows}
            changed = [one for one, now in words.items() if known.words.get(one) != now]
        else:
            words, changed = {}, None
        if changed is None or len(changed) > _FEW:
            found = list(self._connection.execute(_FIRING, asked).all())
            words = {row.alert_id: _words(row) for row in found}
            concerns: dict[str, Concern] = {}
        else:
            found: list[Row[Any]] = []
            for piece in chunks(changed):
                found += self._connection.execute(_SOME, {**asked, "alerts": piece}).all()
            again = set(changed)
            concerns = {
                alert: concern
                for alert, concern in known.concerns.items()
                if alert in words and alert not in again
            }
        rules = dict(known.rules)
        for row in found:
            rules[row.tenant, row.rule] = self._labels.rule(row.tenant, row.rule)
            concern = self._concern(row, known)
            if concern is not None:
                concerns[row.alert_id] = concern
        return known._replace(seq=group.seq, rules=rules, words=words, concerns=concerns)

    def _concern(self, row: Row[Any], known: _Known) -> Concern | None:
        labels = self._labels.of(row)
        silences = known.silences.matching(labels) if known.silences is not None else []
        keys = known.inhibitions.as_target(labels) if known.inhibitions is not None else {}
        return Concern(silences, keys) if silences or keys else None


class _Kept:
    """What a process remembers of the groups of one database."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._groups: OrderedDict[str, _Known] = OrderedDict()
        self._members = 0

    def get(self, group_id: str) -> _Known | None:
        return self._groups.get(group_id)

    def keep(self, found: Mapping[str, _Known]) -> None:
        with self._lock:
            for group_id, known in found.items():
                before = self._groups.pop(group_id, None)
                self._members += len(known.words) - (len(before.words) if before else 0)
                self._groups[group_id] = known
            while self._members > _MOST and len(self._groups) > 1:
                _, gone = self._groups.popitem(last=False)
                self._members -= len(gone.words)


def _of_engine(engine: Engine) -> _Kept:
    return _KEPT.setdefault(engine, _Kept())


def _words(row: Row[Any]) -> tuple[Any, ...]:
    """Return what may change of what the labels of an alert come from."""
    return row.severity_word, row.category, row.team, str(row.tags), row.work_pool


_KEPT: WeakKeyDictionary[Engine, _Kept] = WeakKeyDictionary()
_FIXED = ("tenant", "rule", "labels")
# Built once, since SQLAlchemy compiles a statement once for each object.
_OF_GROUP = MEMBER.c.group_id == bindparam("group"), MEMBER.c.resolved_seq.is_(None)
_WORDS = (
    # All of `COLUMNS` that may change.
    select(MEMBER.c.alert_id, *(one for one in COLUMNS if one.name not in _FIXED))
    .join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
    .where(*_OF_GROUP)
)
_FIRING = (
    select(MEMBER.c.alert_id, *COLUMNS)
    .join(ALERT, ALERT.c.id == MEMBER.c.alert_id)
    .where(*_OF_GROUP)
)
_SOME = _FIRING.where(MEMBER.c.alert_id.in_(bindparam("alerts", expanding=True)))
