"""How old the newest file of a folder is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field

from sentinel import Context, Reading, above, trigger


@trigger(category="data", unit="minutes", when=above(60))
def file_freshness(
    ctx: Context,
    files: Annotated[list[str], Field(min_length=1, max_length=200)],
    smallest_bytes: Annotated[int, Field(ge=0)] = 0,
) -> Iterator[Reading]:
    """How many minutes ago the newest file that matches was written.

    None at all, and one that is too small, fires whatever the rule's threshold is.

    Args:
        ctx: the time
        files: a file, or a pattern such as /data/in/orders-*.csv; ** means folders of any depth
        smallest_bytes: a newest file with less than this is bad

    Yields:
        For each pattern one reading with the label `files`: the age of the newest file in minutes,
        or a firing one where there is none or it is too small.
    """
    now = ctx.now()
    for pattern in files:
        labels = {"files": pattern[-200:]}
        newest, size, count = _newest(Path(pattern).expanduser())
        if newest is None:
            yield Reading(labels=labels, firing=True, summary=f"there is no file {pattern}"[:1000])
            continue
        minutes = max(0.0, (now - newest[0]).total_seconds() / 60)
        small = size < smallest_bytes
        yield Reading(
            labels=labels,
            value=round(minutes, 3),
            firing=True if small else None,
            summary=f"{newest[1].name} has only {size:,} bytes, not {smallest_bytes:,}"
            if small
            else f"the newest of {pattern}, {newest[1].name}, is {minutes:,.0f} minutes old",
            details={
                "newest": str(newest[1]),
                "at": newest[0].isoformat(),
                "bytes": size,
                "files": count,
            },
        )


def _newest(pattern: Path) -> tuple[tuple[datetime, Path] | None, int, int]:
    """Return the newest file with its moment, its size, and how many there are."""
    parts = pattern.parts
    first = next((n for n, part in enumerate(parts) if any(c in part for c in "*?[")), None)
    if first is None:
        found = [pattern] if pattern.is_file() else []
    else:
        found = [*Path(*parts[:first]).glob(str(Path(*parts[first:])))]
    best: tuple[float, Path, int] | None = None
    count = 0
    for path in found:
        try:
            stat = path.stat()
        except OSError:
            continue  # moved away meanwhile
        if not path.is_file():
            continue
        count += 1
        if best is None or stat.st_mtime > best[0]:
            best = (stat.st_mtime, path, stat.st_size)
    if best is None:
        return None, 0, count
    return (datetime.fromtimestamp(best[0], UTC), best[1]), best[2], count
