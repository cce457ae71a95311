"""Find a trigger by the name that a person typed."""

from __future__ import annotations

from typing import Any

from sentinel.checks.catalog import find, load
from sentinel.checks.trigger import Trigger
from sentinel.errors import NotFound, TriggerError

__all__ = ["find_trigger"]


def find_trigger(name: str) -> Trigger[..., Any]:
    """Return the trigger called `name`; only its file is imported.

    Args:
        name: name of the trigger

    Returns:
        The trigger.

    Raises:
        NotFound: no trigger has this name; the hint lists the names there are
        TriggerError: its file cannot be loaded, or two files define it
    """
    try:
        return find(name)
    except TriggerError as error:
        catalog = load()
        if name in catalog.triggers or any(name in one.source for one in catalog.broken):
            raise
        there = ", ".join(sorted(catalog.triggers)) or "none"
        raise NotFound(f"there is no trigger {name!r}", hint=f"Triggers: {there}.") from error
