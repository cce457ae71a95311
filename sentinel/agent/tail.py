"""Follows files: lines as they are added, through rotation, truncation and restarts.

A file is known by device and inode, whatever its name, so that one that is renamed is read on to
its end. A position is stored with the lines before it; see `sentinel.agent.buffer`.
"""

from __future__ import annotations

import glob
import logging
import os
import re
from datetime import datetime
from pathlib import Path

import msgspec

from sentinel.agent.buffer import Buffer, Position
from sentinel.agent.config import TailedFiles
from sentinel.agent.lines import body_of, lines_of

__all__ = ["LOGS", "SETTLED", "Tail"]

log = logging.getLogger(__name__)

LOGS = "/api/logs/ingest"
"""The path of the API that takes lines."""
SETTLED = 10.0
"""Seconds without a change after which a renamed or deleted file is taken to be at its end:
programs write to it until they open the new one."""
_CHUNK, _MOST_LINES = 1_000_000, 5_000
_HEAD = 256
_MOST_FILES = 500
_FORGOTTEN = 3_600.0
"""Seconds after which the position in a file is dropped that is gone: a disk may come back."""
_ROTATED = re.compile(r"[.-](\d[\d.T:_-]*|old|bak)$")
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip")

_Key = tuple[str, str]


class _Seen(msgspec.Struct, frozen=True):
    """A file that is there; `matched` says whether the pattern has its name."""

    key: _Key
    path: str
    size: int
    changed: float
    matched: bool


class Tail:
    """Follows the files of one pattern.

    Args:
        files: the pattern, and what its lines are
        buffer: takes them
        host: this machine's name
    """

    def __init__(self, files: TailedFiles, buffer: Buffer, host: str) -> None:
        self._files = files
        self._buffer = buffer
        self._host = host
        self._open: dict[_Key, int] = {}
        self._gone: dict[_Key, float] = {}
        self._unreadable: set[str] = set()

    def read(self, now: datetime) -> bool:
        """Read what was added to the files, and put it into the buffer.

        Args:
            now: the present moment

        Returns:
            Whether everything there is was read; otherwise the buffer is full.
        """
        positions = {
            key: one for key, one in self._buffer.positions().items() if self._is_mine(one.path)
        }
        there = {one.key: one for one in self._there(positions)}
        at_end = self._files.start == "end" and not self._buffer.looked(self._files.path)
        for key, seen in there.items():
            if key not in positions and (seen.matched or _follows(seen, positions, there)):
                self._begin(seen, positions, at_end=at_end)
        self._buffer.look(self._files.path)
        for key, position in positions.items():
            seen = there.get(key)
            if seen is not None:
                self._gone.pop(key, None)
            room = (
                self._read_gone(position, now)
                if seen is None
                else self._read_file(seen, position, now)
            )
            if not room:
                return False
        return True

    def close(self) -> None:
        """Close the files."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def _is_mine(self, path: str) -> bool:
        return any(Path(one).match(self._files.path) for one in (path, _original(path)))

    def _there(self, positions: dict[_Key, Position]) -> list[_Seen]:
        """Return the files of the pattern and those renamed from its names, oldest first."""
        found_by = glob.glob(self._files.path)  # noqa: PTH207 - texts, an absolute pattern
        matched = sorted(one for one in found_by if not one.endswith(_PACKED))
        if len(matched) > _MOST_FILES:
            self._warn(self._files.path, f"has {len(matched):,} files; {_MOST_FILES} are followed")
            matched = matched[:_MOST_FILES]
        names = {_original(path) for path in matched}
        names |= {_original(one.path) for one in positions.values()}
        paths = dict.fromkeys(matched, True)
        for folder in sorted({os.path.dirname(path) for path in names}):  # noqa: PTH120 - texts
            for path in _files_in(folder):
                if not path.endswith(_PACKED) and _original(path) in names:
                    paths.setdefault(path, False)
        found = [_seen(path, matched=one) for path, one in paths.items()]
        return sorted((one for one in found if one), key=lambda one: (one.changed, one.path))

    def _begin(self, seen: _Seen, positions: dict[_Key, Position], *, at_end: bool) -> None:
        """Give a new file a position; none where it cannot be read."""
        descriptor = self._descriptor(seen)
        if descriptor is not None:
            offset = _line_start(descriptor, seen.size) if at_end else 0
            head = os.pread(descriptor, min(_HEAD, offset), 0)
            position = positions[seen.key] = Position(*seen.key, seen.path, offset, head)
            self._buffer.move(position)

    def _read_file(self, seen: _Seen, position: Position, now: datetime) -> bool:
        if (descriptor := self._descriptor(seen)) is None:
            return True
        if position.path != seen.path:
            position = msgspec.structs.replace(position, path=seen.path)
            self._buffer.move(position)
        head = os.pread(descriptor, len(position.head), 0)
        if seen.size < position.offset or head != position.head:
            log.info("%s was truncated, or is another file: it is read from the start", seen.path)
            position = msgspec.structs.replace(position, offset=0, head=b"")
            self._buffer.move(position)
        ended = not seen.matched and now.timestamp() - seen.changed > SETTLED
        return self._read_on(descriptor, position, now, ended=ended)

    def _read_gone(self, position: Position, now: datetime) -> bool:
        """Read a file that was deleted to its end, where it is open, and forget it by and by."""
        seconds = now.timestamp()
        descriptor = self._open.get(position.key)
        if descriptor is not None:
            settled = seconds - os.fstat(descriptor).st_mtime > SETTLED
            if not self._read_on(descriptor, position, now, ended=settled):
                return False
            if not settled:
                return True
            os.close(self._open.pop(position.key))
        if seconds - self._gone.setdefault(position.key, seconds) > _FORGOTTEN:
            self._buffer.forget(position)
            del self._gone[position.key]
        return True

    def _read_on(
        self, descriptor: int, position: Position, now: datetime, *, ended: bool
    ) -> bool:  # fmt: skip
        """Put the lines from a position on into the buffer.

        Args:
            descriptor: of the file
            position: where to begin
            now: the present moment
            ended: whether its last line is whole without a line end

        Returns:
            Whether there was room for all.
        """
        nanoseconds = int(now.timestamp() * 1_000_000) * 1000
        while True:
            data = os.pread(descriptor, _CHUNK, position.offset)
            lines, taken = lines_of(data, _MOST_LINES, ended=ended and len(data) < _CHUNK)
            if not taken:
                return True
            offset = position.offset + taken
            head = position.head
            if len(head) < _HEAD:
                head = os.pread(descriptor, min(_HEAD, offset), 0)
            position = msgspec.structs.replace(position, offset=offset, head=head)
            if not lines:
                self._buffer.move(position)
                continue
            body = body_of(lines, self._files, position.path, self._host, nanoseconds)
            nanoseconds += len(lines)
            if not self._buffer.put(LOGS, body, len(lines), position):
                return False

    def _descriptor(self, seen: _Seen) -> int | None:
        found = self._open.get(seen.key)
        if found is not None:
            return found
        try:
            descriptor = os.open(seen.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            self._warn(seen.path, f"cannot be read: {error.strerror}")
            return None
        stat = os.fstat(descriptor)
        if (str(stat.st_dev), str(stat.st_ino)) != seen.key:  # renamed since it was seen
            os.close(descriptor)
            return None
        self._unreadable.discard(seen.path)
        self._open[seen.key] = descriptor
        return descriptor

    def _warn(self, path: str, what: str) -> None:
        """Say once what is wrong with a path."""
        if path not in self._unreadable:
            self._unreadable.add(path)
            log.warning("%s %s", path, what)


def _follows(seen: _Seen, positions: dict[_Key, Position], there: dict[_Key, _Seen]) -> bool:
    """Return whether a renamed file is newer than a renamed one of its name that was read."""
    # It came and was renamed while nobody looked.
    name = _original(seen.path)
    return any(
        _original(one.path) == name and key in there
        and not there[key].matched and there[key].changed <= seen.changed
        for key, one in positions.items()
    )  # fmt: skip


def _original(path: str) -> str:
    """Return the name that a file had before it was rotated; its own where it was not."""
    return _ROTATED.sub("", path)


def _files_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as found:
            return sorted(one.path for one in found)
    except OSError:
        return []


def _seen(path: str, *, matched: bool) -> _Seen | None:
    try:
        stat = Path(path).stat()
    except OSError:
        return None
    if not os.path.isfile(path):  # noqa: PTH113 - a text, as of glob
        return None
    key = (str(stat.st_dev), str(stat.st_ino))
    return _Seen(key, path, stat.st_size, stat.st_mtime, matched)


def _line_start(descriptor: int, size: int) -> int:
    """Return where the last line begins that is not ended, or the end."""
    begin = max(0, size - _CHUNK)
    data = os.pread(descriptor, size - begin, begin)
    return begin + data.rfind(b"\n") + 1 if b"\n" in data else begin
