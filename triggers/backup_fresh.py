"""Whether there is a fresh backup: the newest one's age, size and success."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zipfile
import zlib
from bz2 import BZ2File
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Annotated, NamedTuple

from pydantic import Field

from sentinel import Context, Reading, above, trigger
from sentinel.regex.matcher import Pattern
from sentinel.regex.matcher import pattern as pattern_of

_BEFORE = 5
_PIECE = 1 << 20


class Backup(NamedTuple):
    """One backup: a file, or a folder with all that is in it."""

    path: Path
    at: datetime
    size: int


@trigger(category="backup", unit="hours", when=above(26))
def backup_fresh(
    ctx: Context,
    folders: Annotated[list[str], Field(min_length=1, max_length=200)],
    pattern: str = "*",
    smallest_mb: Annotated[float, Field(ge=0, le=100_000_000)] = 0.0,
    shrunk_percent: Annotated[float, Field(ge=0, le=100)] = 50.0,
    marker: str = "",
    marker_says: str = "",
    intact: bool = False,
    settle_minutes: Annotated[float, Field(ge=0, le=10_000)] = 1.0,
) -> Iterator[Reading]:
    """How old the newest backup of each folder is, in hours, and whether it is any good.

    No backup at all, one that is too small, did not succeed or is broken fires whatever the
    rule's threshold is. One that is still being written does not count yet.

    Args:
        ctx: the time; notes folders whose first backup is still being written
        folders: where backups are kept; each is judged by itself
        pattern: which files or folders in it are backups, for example shop-*.sql.gz
        smallest_mb: a backup smaller than this is bad
        shrunk_percent: bad when smaller by this much than the median of the five before;
            0 means that is not judged
        marker: a file beside the backup that says it succeeded, for example {name}.ok, {name}
            being the backup's name and {stem} the same without its last ending
        marker_says: what that file must say, as a regular expression; empty means it must exist
        intact: read .gz, .bz2, .xz, .zip and .tar to their end, so that a torn one is found
        settle_minutes: a backup that changed less than this long ago is still being written

    Yields:
        For each folder one reading with the label `backup`: the age in hours of its newest finished
        backup. It fires where that backup is missing or no good.
    """
    now = ctx.now()
    success = pattern_of(marker_says) if marker_says else None
    for folder in folders:
        labels = {"backup": f"{folder.rstrip('/')}/{pattern}"[-200:]}
        where = Path(folder).expanduser()
        if not where.is_dir():
            yield Reading(labels=labels, firing=True, summary=f"there is no folder {folder}")
            continue
        found = _backups(where, pattern, marker)
        done = [one for one in found if now - one.at >= timedelta(minutes=settle_minutes)]
        if not done:
            if found:
                ctx.unknown(labels)  # the first ever is being written
                continue
            yield Reading(
                labels=labels, firing=True, summary=f"there is no backup {pattern} in {folder}"
            )
            continue
        newest = done[0]
        hours = max(0.0, (now - newest.at) / timedelta(hours=1))
        wrong = (
            _small(newest, done[1 : 1 + _BEFORE], smallest_mb, shrunk_percent)
            or (_unsuccessful(newest, marker, success) if marker else "")
            or (_torn(newest.path) if intact else "")
        )
        name = newest.path.name
        yield Reading(
            labels=labels,
            value=round(hours, 3),
            firing=True if wrong else None,
            summary=(
                f"backup {name} {wrong}"
                if wrong
                else f"the newest backup of {folder}, {name}, is {hours:.1f} hours old"
            ),
            details={
                "newest": str(newest.path),
                "at": newest.at.isoformat(),
                "bytes": newest.size,
                "backups": len(done),
            },
        )


def _backups(folder: Path, pattern: str, marker: str) -> list[Backup]:
    """Return the backups in a folder, the newest first."""
    paths = sorted(folder.glob(pattern))
    markers = {_marker(path, marker) for path in paths} if marker else set[Path]()
    found = [one for path in paths if path not in markers if (one := _measured(path))]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _measured(path: Path) -> Backup | None:
    try:
        files = [x for x in path.rglob("*") if x.is_file()] if path.is_dir() else [path]
        stats = [x.stat() for x in files]
    except OSError:
        return None  # rotated away meanwhile
    if not stats:
        return None
    newest = max(stat.st_mtime for stat in stats)
    return Backup(path, datetime.fromtimestamp(newest, UTC), sum(stat.st_size for stat in stats))


def _small(one: Backup, before: list[Backup], smallest_mb: float, shrunk: float) -> str:
    if one.size == 0:
        return "is empty"
    if one.size < smallest_mb * 1e6:
        return f"has only {_megabytes(one.size)}, less than {smallest_mb:g} MB"
    if shrunk and before:
        usual = median(other.size for other in before)
        if one.size < usual * (1 - shrunk / 100):
            return f"has only {_megabytes(one.size)}, those before had {_megabytes(usual)}"
    return ""


def _marker(path: Path, marker: str) -> Path:
    return path.parent / marker.replace("{name}", path.name).replace("{stem}", path.stem)


def _unsuccessful(one: Backup, marker: str, success: Pattern | None) -> str:
    path = _marker(one.path, marker)
    try:
        text = path.read_text(errors="replace") if success else str(path.stat().st_size)
    except OSError:
        return f"did not succeed: there is no {path.name}"
    if success and not success.search(text):
        first = next(iter(text.strip().splitlines()), "nothing")
        return f"did not succeed: {path.name} says {first[:100]!r}"
    return ""


def _torn(path: Path) -> str:
    """Read a compressed file to its end; return what is wrong with it, empty for nothing."""
    name = path.name.lower()
    try:
        if name.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")):
            with tarfile.open(path) as archive:
                for _ in archive:
                    pass
        if name.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                bad = archive.testzip()
                return f"is broken: {bad} in it cannot be read" if bad else ""
        elif name.endswith((".gz", ".tgz")):
            with gzip.open(path) as file:
                _read(file)
        elif name.endswith(".bz2"):
            with BZ2File(path) as file:
                _read(file)
        elif name.endswith(".xz"):
            with lzma.open(path) as file:
                _read(file)
    except (
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        tarfile.TarError,
        zipfile.BadZipFile,
    ) as error:
        return f"is broken: {error}"
    return ""


def _read(file: gzip.GzipFile | BZ2File | lzma.LZMAFile) -> None:
    while file.read(_PIECE):
        pass


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.3g} MB"
