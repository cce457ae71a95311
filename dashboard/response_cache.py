"""What many screens ask for, made once for all of them, as the bytes that are sent.

The figures of now, which every screen asks for every two seconds; the rows of a view, read and
written when the store's change number has risen; one alert with all about it. It knows nothing
of Streamlit and nothing of HTTP: `door.py` hands it out, and Streamlit's pages begin with it.
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
from sentinel.errors import ConfigurationError, SentinelError

__all__ = ["EVERY", "Sheet", "Sheets"]

EVERY = 2.0
"""Seconds between two heart-beats of a screen."""
AS_NEW = 0.25
"""Seconds for which the figures of now are as good as new: screens beat at different moments."""
BELIEVED_FOR = 10.0
MOST_KEPT = 32
# The first level takes a tenth of the time of the sixth, for an answer a third longer.
LEVEL = 1
PREFECT_DOWN = (
    "warn",
    "Prefect does not answer.",
    "No rule is checked until it does; alerts that are here can be worked on.",
)


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a view, ready to be sent.

    Attributes:
        number: the store's change number that they were read at
        tag: of what they say, whatever the number
        plain: JSON
        packed: the same, packed with gzip
        made: when they were read, in seconds of this process's own clock
    """

    number: int
    tag: str
    plain: bytes
    packed: bytes
    made: float


class Sheets:
    """What screens share.

    Args:
        data: the dashboard's side of the store
        clock: seconds that only rise
    """

    def __init__(self, data: Data, clock: Callable[[], float] = time.monotonic) -> None:
        self._data = data
        self._clock = clock
        self._lock = threading.Lock()
        self._changed = clock()
        self._beat: tuple[float, bytes] | None = None
        self._sheets: OrderedDict[tuple[View, str], Sheet] = OrderedDict()
        self._alerts: OrderedDict[str, tuple[int | None, float, dict[str, Any]]] = OrderedDict()

    def now(self) -> dict[str, Any]:
        """The figures of now, the number that tells of news, and what is not as it should be."""
        data = self._data
        number, counts, problem = data.now_counts()
        notes = [("down", "The database cannot be used.", problem)] if problem else []
        if data.prefect.answers() is False and not problem:
            notes.append(PREFECT_DOWN)
        return {
            "number": number,
            "now": serializers.milliseconds(data.store.now()),
            "counts": serializers.figures(counts),
            "problem": problem,
            "notes": notes,
        }

    def known_beat(self) -> bytes | None:
        """The heart-beat as JSON, where the last one is as good as new."""
        known = self._beat
        if known is None or known[0] < self._changed or self._clock() - known[0] >= AS_NEW:
            return None
        return known[1]

    def beat(self) -> bytes:
        """The heart-beat as JSON."""
        began = self._clock()
        made = msgspec.json.encode(self.now())
        self._beat = (began, made)
        return made

    def read(self, view: View, me: str) -> tuple[LiveView, bytes, str]:
        """What a view shows, its rows as JSON, and what is wrong with its words, if so."""
        try:
            return *self._data.rows(view.filter(me), limit=view.limit), ""
        except ConfigurationError as error:
            return self._data.rows(None, limit=1)[0], b"[]", str(error)

    def known(self, view: View, me: str, number: int) -> Sheet | None:
        """The rows of a view, where those that are known are at least as new as `number`."""
        sheet = self._sheets.get(_key(view, me))
        if sheet is None or sheet.number < number:
            return None
        new = sheet.made >= self._changed and self._clock() - sheet.made < BELIEVED_FOR
        return sheet if new else None

    def sheet(self, view: View, me: str) -> Sheet:
        """The rows of a view as they are now.

        Args:
            view: its order and groups are the browser's own affair
            me: who looks
        """
        key, began = _key(view, me), self._clock()
        shown, rows, fault = self.read(key[0], me)
        head = msgspec.json.encode(serializers.head(shown, key[0], me) | {"fault": fault})
        tag = hashlib.blake2b(rows + head, digest_size=12).hexdigest()
        with self._lock:
            known = self._sheets.get(key)
        if known is not None and known.tag == tag:
            made = msgspec.structs.replace(known, number=shown.number, made=began)
        else:
            plain = serializers.joined(head, rows)
            made = Sheet(
                number=shown.number,
                tag=tag,
                plain=plain,
                packed=gzip.compress(plain, LEVEL, mtime=0),
                made=began,
            )
        with self._lock:
            self._sheets[key] = made
            self._sheets.move_to_end(key)
            while len(self._sheets) > MOST_KEPT:
                self._sheets.popitem(last=False)
        return made

    def alert(self, alert_id: str) -> dict[str, Any]:
        """One alert with all about it; `problem` says why there is none."""
        data = self._data
        number = data.change_number()
        with self._lock:
            known = self._alerts.get(alert_id)
        if known and known[0] == number and self._clock() - known[1] < BELIEVED_FOR:
            return known[2]
        told: dict[str, Any] = {"id": alert_id, "number": number, "problem": "", "alert": None}
        try:
            told |= serializers.details(data.details(alert_id), data.addresses)
            told["told"] = serializers.tellings(data.told(alert_id))
        except SentinelError as error:
            return told | {"problem": str(error)}
        with self._lock:
            self._alerts[alert_id] = (number, self._clock(), told)
            self._alerts.move_to_end(alert_id)
            while len(self._alerts) > MOST_KEPT:
                self._alerts.popitem(last=False)
        return told

    def changed(self) -> None:
        """Somebody here has just changed something: what was made before is no longer new."""
        self._changed = self._clock()


def _key(view: View, me: str) -> tuple[View, str]:
    return msgspec.structs.replace(view, sort="", group=""), me
