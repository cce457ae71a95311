"""Events: any JSON objects, stored before their sender gets an answer.

`incoming` says what is taken and what is refused, `bodies` reads what people send: one object, a
list, or a line each. `sentinel.store.events` keeps them, `sentinel.event_policies` says which
matter.
"""

from __future__ import annotations

from sentinel.events.bodies import MOST_AT_ONCE, NoEvents, read_events, read_with_nan
from sentinel.events.incoming import Kept, Refused, Taken, event_id, happened_at, taken

__all__ = [
    "MOST_AT_ONCE",
    "Kept",
    "NoEvents",
    "Refused",
    "Taken",
    "event_id",
    "happened_at",
    "read_events",
    "read_with_nan",
    "taken",
]
