"""What the shell may complete: names that are there at this moment.

Completion must never print an error or keep a person waiting: where nothing is known, nothing is
offered.
"""

from __future__ import annotations

import importlib.util
import pkgutil
from collections.abc import Iterable

from sentinel.errors import SentinelError

__all__ = ["alerts", "channels", "receivers", "rules", "triggers"]


def rules(incomplete: str) -> list[str]:
    """Names of rules that have run."""
    from sentinel.cli.target import open_store

    try:
        with open_store() as store:
            return _beginning(incomplete, (row.name for row in store.rules.list()))
    except SentinelError:
        return []


def receivers(incomplete: str) -> list[str]:
    """Names of receivers."""
    from sentinel.cli.target import open_store

    try:
        with open_store() as store:
            return _beginning(incomplete, store.receivers.all())
    except SentinelError:
        return []


def channels(incomplete: str) -> list[str]:
    """Channels that receivers name."""
    from sentinel.cli.target import open_store

    try:
        with open_store() as store:
            refs = {ref for refs in store.receivers.all().values() for ref in refs}
    except SentinelError:
        return []
    return _beginning(incomplete, refs)


def alerts(incomplete: str) -> list[tuple[str, str]]:
    """Ids of alerts that are not over, each with its title."""
    from sentinel.cli.target import open_store

    try:
        with open_store() as store:
            found = store.alerts.page(limit=100, order="live").items
    except SentinelError:
        return []
    return [(one.id, one.title) for one in found if one.id.startswith(incomplete)]


def triggers(incomplete: str) -> list[str]:
    """Names of the files in `triggers/`; none is imported, which could take seconds."""
    spec = importlib.util.find_spec("triggers")
    places = spec.submodule_search_locations if spec is not None else None
    names = (found.name for found in pkgutil.iter_modules(places or []))
    return _beginning(incomplete, (name for name in names if not name.startswith("_")))


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
