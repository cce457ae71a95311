"""The trigger that a person named, or what there is instead."""

from __future__ import annotations

from typing import Any

from sentinel.checks.catalog import find, load
from sentinel.checks.trigger import Trigger
from sentinel.errors import NotFound, TriggerError

__all__ = ["find_trigger"]


def find_trigger(name: str) -> Trigger[..., Any]:
    """The trigger called `name`; only its file is imported.

    Raises:
        NotFound: there is none
        TriggerError: its file is broken, or two define it
    """
    try:
        return find(name)
    except TriggerError as error:
        catalog = load()
        if name in catalog.triggers or any(name in one.source for one in catalog.broken):
            raise
        there = ", ".join(sorted(catalog.triggers)) or "none"
        raise NotFound(f"there is no trigger {name!r}", hint=f"There are: {there}.") from error
