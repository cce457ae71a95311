"""Shell completion: names and ids that exist at this moment.

Completion must never print an error or block the shell: without an answer it completes nothing.
"""

from __future__ import annotations

import importlib.util
import pkgutil
from collections.abc import Iterable

import typer

from sentinel.errors import SentinelError
from sentinel.printable import has_controls, printable

__all__ = ["alerts", "channels", "query_terms", "receivers", "rules", "triggers"]


def rules(incomplete: str) -> list[str]:
    """Return the names of rules that have run and begin with `incomplete`."""
    from sentinel.cli.target import open_store

    try:
        with open_store() as store:
            return _beginning(incomplete, (row.name for row in store.rules.list()))
    except SentinelError:
        return []


def receivers(incomplete: str) -> list[str]:
    """Return the names of receivers that begin with `incomplete`."""
    from sentinel.cli.target import open_store

    try:
        with open_store() as store:
            return _beginning(incomplete, store.receivers.all())
    except SentinelError:
        return []


def channels(incomplete: str) -> list[str]:
    """Return the channels of all receivers that begin with `incomplete`."""
    from sentinel.cli.target import open_store

    try:
        with open_store() as store:
            refs = {ref for refs in store.receivers.all().values() for ref in refs}
    except SentinelError:
        return []
    return _beginning(incomplete, refs)


def alerts(incomplete: str) -> list[tuple[str, str]]:
    """Return the ids of unresolved alerts that begin with `incomplete`, each with its title."""
    from sentinel.cli.target import open_store

    try:
        with open_store() as store:
            found = store.alerts.page(limit=100, order="live").items
    except SentinelError:
        return []
    return [(one.id, printable(one.title)) for one in found if one.id.startswith(incomplete)]


def triggers(incomplete: str) -> list[str]:
    """Return the names of files in `triggers/`, which are not imported: that can take seconds."""
    spec = importlib.util.find_spec("triggers")
    places = spec.submodule_search_locations if spec is not None else None
    names = (found.name for found in pkgutil.iter_modules(places or []))
    return _beginning(incomplete, (name for name in names if not name.startswith("_")))


def query_terms(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the fields of a query that begin with `incomplete`, and after `level:` the levels."""
    from sentinel.telemetry.query import LOG_FIELDS, REQUEST_FIELDS, SPAN_FIELDS

    group = ctx.parent.info_name if ctx.parent is not None else ""
    fields = {"log": LOG_FIELDS, "trace": SPAN_FIELDS}.get(group or "", REQUEST_FIELDS)
    terms = [f"{name}:" for name in (*fields, "since", "until")]
    levels = ("trace", "debug", "info", "warn", "error", "critical")
    if "level" in fields and incomplete.startswith("level:"):
        sign = ">=" if incomplete.startswith("level:>=") else ""
        terms += [f"level:{sign}{one}" for one in levels]
    return [one for one in terms if one.startswith(incomplete)]


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete) and not has_controls(name))
