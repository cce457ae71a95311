"""The view of the live page: filter, order and groups, as the page's address has them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from sentinel.severity import Severity
from sentinel.store.alerts.filter import AlertFilter, both
from sentinel.store.alerts.search_syntax import is_group_id, read_search

__all__ = ["View"]

SEVERITIES = tuple(level.word for level in reversed(Severity))
SORTS = ("severity", "age", "title", "ticker", "value", "rule", "assignee", "count")
MOST_LETTERS = 2000
"""Of a search in an address; one that is longer than may be asked is refused in words."""
FEWEST, MOST = 500, 5000


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A view of the live page; each field is a parameter of its address.

    Attributes:
        q: the typed search (see `sentinel.store.alerts.search_syntax`)
        severity: only these; empty for all
        mine: only alerts assigned to the viewer
        suppressed: whether suppressed alerts are shown too
        sort: a column and a direction, as in `age-down`; empty for the most urgent first
        group: empty, `rule`, `notified` (together in one group), or `label:` and its name
        limit: how many rows at most
    """

    q: str = ""
    severity: tuple[str, ...] = ()
    mine: bool = False
    suppressed: bool = False
    sort: str = ""
    group: str = ""
    limit: int = FEWEST

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> View:
        """Read a view; unknown or invalid parameters count as absent.

        A link in a message has the id of its group as `group`; it becomes a search for the group.

        Args:
            given: parameters of an address, or JSON from a browser

        Returns:
            the view
        """
        words: object = given.get("severity")
        words = words.split(",") if isinstance(words, str) else words
        known = cast("Sequence[object]", words) if isinstance(words, list | tuple) else ()
        sort = str(given.get("sort") or "")
        name, _, way = sort.partition("-")
        group = str(given.get("group") or "")[:100]
        q = str(given.get("q") or "").replace("\x00", "")
        if is_group_id(group):
            q = f"group:{group} {q}".rstrip()
        return cls(
            q=q[:MOST_LETTERS],
            severity=tuple(word for word in SEVERITIES if word in known),
            mine=_yes(given.get("mine")),
            suppressed=_yes(given.get("suppressed")),
            sort=sort if name in SORTS and way in ("up", "down") else "",
            group=group
            if group in ("rule", "notified") or (group[:6] == "label:" and group[6:])
            else "",
            limit=_limit(given.get("limit")),
        )

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the address: every field that differs from its default."""
        all_of_it = {
            "q": self.q,
            "severity": ",".join(self.severity),
            "mine": "yes" if self.mine else "",
            "suppressed": "yes" if self.suppressed else "",
            "sort": self.sort,
            "group": self.group,
            "limit": str(self.limit) if self.limit != FEWEST else "",
        }
        return {name: value for name, value in all_of_it.items() if value}

    def filter(self, me: str) -> AlertFilter:
        """Return the filter of the store, with `me` as the viewer."""
        asked = read_search(self.q, me=me)
        usual = ("open", "escalated", "acknowledged")
        usual += ("suppressed",) if self.suppressed else ()
        any_of = asked.any_of
        if any_of and not asked.status:  # each alternative says itself which alerts it means
            any_of = tuple(
                msgspec.structs.replace(one, status=_status(one, usual)) for one in any_of
            )
            status = tuple(dict.fromkeys(each for one in any_of for each in one.status))
        else:
            status = _status(asked, usual)
        pressed = AlertFilter(severity=self.severity, assignee=me if self.mine else None)
        return both(pressed, msgspec.structs.replace(asked, any_of=any_of, status=status))


def _status(asked: AlertFilter, usual: tuple[str, ...]) -> tuple[str, ...]:
    """Return which statuses a search shows: of a group all, also when it is resolved."""
    every = ("open", "escalated", "acknowledged", "suppressed", "resolved")
    return asked.status or (every if asked.group else usual)


def _yes(given: object) -> bool:
    return given is True or given in ("yes", "true", "1")


def _limit(given: object) -> int:
    try:
        wanted = int(str(given))
    except ValueError:
        return FEWEST
    return min(MOST, max(FEWEST, wanted))
