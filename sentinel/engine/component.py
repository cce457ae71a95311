"""The state of a component, as doctor, the API and the dashboard show it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sentinel.store.database.component_reports import State

__all__ = ["Component"]


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """A component.

    Attributes:
        name: of the component
        state: a note needs no action; a warning breaks nothing
        says: what was seen, in words
        hint: what to do; empty where there is nothing to do
        since: since when it has been in this state, or what it says is from; None where nobody
            knows
    """

    name: str
    state: State
    says: str
    hint: str = ""
    since: datetime | None = None
