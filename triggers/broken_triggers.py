"""Whether every file of triggers can be loaded."""

from __future__ import annotations

from collections.abc import Iterator

from sentinel import Reading, trigger
from sentinel.checks.catalog import load
from sentinel.labels.text import storable


@trigger(category="sentinel", unit="", closed_world=True)
def broken_triggers() -> Iterator[Reading]:
    """Whether every file of triggers can be loaded; one that cannot breaks only itself.

    Its name, the line and what to do are in the alert.

    Yields:
        One good reading for all triggers, with the number of broken sources; then a firing one for
        each source that cannot be loaded, with the label `source`.
    """
    catalog = load()
    yield Reading(
        labels={"source": "all triggers"},
        value=len(catalog.broken),
        firing=False,
        summary=f"{len(catalog.triggers)} triggers, {len(catalog.broken)} sources cannot be loaded",
    )
    for one in catalog.broken:
        yield Reading(
            labels={"source": one.source[:200]},
            firing=True,
            summary=storable(f"{one}. {one.cure}".strip())[:1000],
            details={"file": one.file, "line": one.line, "error": one.error, "cure": one.cure},
        )
