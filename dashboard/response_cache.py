"""The responses that many screens ask for, made once for all of a scope, as the bytes to send.

They are the heart-beat with the current counts, which every screen asks for every two seconds; the
rows of a view, read again when the store's change number has risen; and one alert with everything
about it. Nothing of Streamlit or HTTP is used here: `live_api` sends the responses, and the pages
begin with them.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec

from dashboard import serializers
from dashboard.data import Data
from dashboard.live_filter import View
from dashboard.view_models import LiveView
from sentinel.access import Scope
from sentinel.errors import ConfigurationError, SentinelError

__all__ = ["BEAT_INTERVAL", "CachedRows", "ResponseCache"]

BEAT_INTERVAL = 2.0
"""Seconds between two heart-beats of a screen."""
BEAT_VALID_FOR = 0.25
"""Seconds for which a heart-beat is sent to other screens, which beat at other moments."""
VALID_FOR = 10.0
"""Seconds after which a response is read again although nothing changed: suppressions end."""
MOST_KEPT = 32
# Level 1 takes a tenth of the time of level 6, for a response a third longer.
GZIP_LEVEL = 1
DATABASE_DOWN = "The database is not available."
PREFECT_DOWN = (
    "warn",
    "Prefect does not answer.",
    "No rule is evaluated until it does. You can still work on the alerts shown here.",
)

_RowsKey = tuple[View, str, Scope]
_AlertKey = tuple[str, Scope]


class CachedRows(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a view, ready to be sent.

    Attributes:
        number: the store's change number that they were read at
        tag: a hash of the content, whatever the number
        plain: JSON
        packed: the same, compressed with gzip
        made: when they were read, in seconds of this process's own clock
    """

    number: int
    tag: str
    plain: bytes
    packed: bytes
    made: float


class ResponseCache:
    """The responses that screens share.

    Args:
        data: the dashboard's access to the store
        clock: seconds that only rise
    """

    def __init__(self, data: Data, clock: Callable[[], float] = time.monotonic) -> None:
        self._data = data
        self._clock = clock
        self._lock = threading.Lock()
        self._expired = clock()
        self._beats: OrderedDict[Scope, tuple[float, bytes]] = OrderedDict()
        self._rows: OrderedDict[_RowsKey, CachedRows] = OrderedDict()
        self._alerts: OrderedDict[_AlertKey, tuple[int | None, float, dict[str, Any]]]
        self._alerts = OrderedDict()

    def status(self, scope: Scope) -> dict[str, Any]:
        """Read the current counts, the change number, and what does not work right now."""
        data = self._data
        number, counts, problem = data.now_counts(scope)
        notes = [("down", DATABASE_DOWN, problem)] if problem else []
        if data.prefect.answers() is False and not problem:
            notes.append(PREFECT_DOWN)
        return {
            "number": number,
            "now": serializers.milliseconds(data.now()),
            "counts": serializers.figures(counts),
            "problem": problem,
            "notes": notes,
        }

    def cached_beat(self, scope: Scope) -> bytes | None:
        """Return the last heart-beat as JSON; None where it is too old or something changed."""
        known = self._beats.get(scope)
        if known is None or known[0] < self._expired or self._clock() - known[0] >= BEAT_VALID_FOR:
            return None
        return known[1]

    def beat(self, scope: Scope) -> bytes:
        """Make a heart-beat for a scope, as JSON."""
        began = self._clock()
        made = msgspec.json.encode(self.status(scope))
        with self._lock:
            self._beats[scope] = (began, made)
            self._beats.move_to_end(scope)
            while len(self._beats) > MOST_KEPT:
                self._beats.popitem(last=False)
        return made

    def read(self, view: View, me: str, scope: Scope) -> tuple[LiveView, bytes, str]:
        """Read a view now.

        Args:
            view: what to show
            me: who it is for
            scope: where they may read

        Returns:
            the view, its rows as JSON, and what is wrong with its search; empty where nothing is
        """
        try:
            return *self._data.rows(scope, view.filter(me), limit=view.limit), ""
        except ConfigurationError as error:
            return self._data.rows(scope, None, limit=1)[0], b"[]", str(error)

    def cached_rows(self, view: View, me: str, scope: Scope, number: int) -> CachedRows | None:
        """Look a view up in the cache.

        Args:
            view: what to show
            me: who it is for
            scope: where they may read
            number: the store's change number that the rows must have at least

        Returns:
            the rows; None where they are older than that, or than `VALID_FOR`
        """
        rows = self._rows.get(_key(view, me, scope))
        if rows is None or rows.number < number:
            return None
        valid = rows.made >= self._expired and self._clock() - rows.made < VALID_FOR
        return rows if valid else None

    def rows(self, view: View, me: str, scope: Scope) -> CachedRows:
        """Read the rows of a view, and keep them for other screens.

        Args:
            view: what to show; the browser sorts and groups by itself
            me: who it is for
            scope: where they may read

        Returns:
            the rows as they are now
        """
        key, began = _key(view, me, scope), self._clock()
        shown, rows, fault = self.read(key[0], me, scope)
        head = msgspec.json.encode(serializers.head(shown, key[0], me) | {"fault": fault})
        tag = hashlib.blake2b(rows + head, digest_size=12).hexdigest()
        with self._lock:
            known = self._rows.get(key)
        if known is not None and known.tag == tag:
            made = msgspec.structs.replace(known, number=shown.number, made=began)
        else:
            plain = serializers.joined(head, rows)
            made = CachedRows(
                number=shown.number,
                tag=tag,
                plain=plain,
                packed=gzip.compress(plain, GZIP_LEVEL, mtime=0),
                made=began,
            )
        with self._lock:
            self._rows[key] = made
            self._rows.move_to_end(key)
            while len(self._rows) > MOST_KEPT:
                self._rows.popitem(last=False)
        return made

    def alert(self, alert_id: str, scope: Scope) -> dict[str, Any]:
        """Read one alert with everything about it; `problem` says why there is none."""
        data = self._data
        number = data.change_number()
        with self._lock:
            known = self._alerts.get((alert_id, scope))
        if known and known[0] == number and self._clock() - known[1] < VALID_FOR:
            return known[2]
        made: dict[str, Any] = {"id": alert_id, "number": number, "problem": "", "alert": None}
        try:
            made |= serializers.details(data.details(scope, alert_id), data.addresses)
            why = data.why(scope, alert_id)
            made["notifications"] = serializers.notifications(why)
            made["outcomes"] = serializers.outcomes(why)
            made["escalations"] = serializers.escalations(why)
            made["why"] = why.text
            made["orchestration"] = why.orchestration
            made["onCall"] = "" if why.on_call is None else why.on_call.text
        except SentinelError as error:
            return made | {"problem": str(error)}
        with self._lock:
            self._alerts[alert_id, scope] = (number, self._clock(), made)
            self._alerts.move_to_end((alert_id, scope))
            while len(self._alerts) > MOST_KEPT:
                self._alerts.popitem(last=False)
        return made

    def expire(self) -> None:
        """Send no response any more that was made before now, as a command changed something."""
        self._expired = self._clock()


def _key(view: View, me: str, scope: Scope) -> _RowsKey:
    return msgspec.structs.replace(view, sort="", group=""), me, scope
