"""Follow a log file over rotation, and hand over its lines in batches that count once.

What is about to be sent is written down first: from where to where, of which file, under which id.
After a crash the same bytes are sent again under the same id, which the receiver knows. A file that
was renamed is read to its end before the one that took its name; one that was truncated, or copied
away and emptied, is read from its beginning.
"""

from __future__ import annotations

import glob
import hashlib
import os
import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from sentinel.errors import ConfigurationError

__all__ = ["FileTail", "TailBatch"]

_MOST_BYTES, _MOST_LINES, _MOST_LINE = 4_000_000, 10_000, 1_000_000
_HEAD = 256


class _Place(msgspec.Struct, kw_only=True):
    """Where reading stopped, as it is kept.

    Attributes:
        id: of this tail
        inode: of the file
        head, head_length: hash of the file's first bytes, and how many of them
        offset: of the first byte that was not sent
        sending: the end of the batch that was sent last, where its answer is not known
        part: how many files were begun, so that equal offsets of two files differ
    """

    id: str
    inode: int = 0
    head: str = ""
    head_length: int = 0
    offset: int = 0
    sending: int = 0
    part: int = 0


class TailBatch(msgspec.Struct, frozen=True):
    """Whole lines, and the id under which they count once."""

    id: str
    lines: bytes


class FileTail:
    """Follows one file.

    Args:
        path: of the file, which need not be there yet
        state: of the file in which the place is kept
        from_start: whether a file that is met for the first time is read from its beginning, and
            not from its end
    """

    def __init__(self, path: Path, state: Path, *, from_start: bool = False) -> None:
        self._path = path
        self._state = state
        self._file: BinaryIO | None = None
        known = self._read_state()
        self._place = known or _Place(id=secrets.token_hex(8))
        if known is not None:
            self._file = self._reopened(known)
        elif not from_start:
            self._begin_at_end()

    def step(self, send: Callable[[TailBatch], None]) -> bool:
        """Send the next batch, if there is one.

        Args:
            send: returns when the batch is kept; what it raises is raised, and the same batch comes
                again with the next step

        Returns:
            Whether something was sent.

        Raises:
            ConfigurationError: the file or the state cannot be read or written
        """
        with self._named():
            batch = self._prepared()
        if batch is None:
            return False
        send(batch)
        place = self._place
        place.offset, place.sending = place.sending, 0
        with self._named():
            self._remember()
        return True

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @contextmanager
    def _named(self) -> Generator[None]:
        """Say which file an error of the system is about."""
        try:
            yield
        except OSError as error:
            raise ConfigurationError(f"{error.filename or self._path}: {error.strerror}") from error

    def _prepared(self) -> TailBatch | None:
        """Return the batch that is to be sent, once it is written down which it is."""
        file = self._file or self._open()
        if file is None:
            return None
        self._file = file
        if self._was_emptied(file):
            self._start_over(file)
        place = self._place
        data = self._next(file)
        if not data:
            self._follow_rotation()
            return None
        if not place.sending:
            place.sending = place.offset + len(data)
            self._remember()
        return TailBatch(f"{place.id}-{place.part}-{place.offset}-{place.sending}", data)

    def _next(self, file: BinaryIO) -> bytes:
        """Return the bytes of the next batch: whole lines, or what was being sent."""
        place = self._place
        file.seek(place.offset)
        if place.sending:
            return file.read(place.sending - place.offset)
        data = file.read(_MOST_BYTES)
        end = data.rfind(b"\n") + 1
        if not end and (len(data) > _MOST_LINE or (data and self._is_renamed(file))):
            # A line without an end: too long to be one, or the last of a file that is done.
            end = len(data)
        data = data[:end]
        if data.count(b"\n") > _MOST_LINES:
            data = b"\n".join([*data.split(b"\n", _MOST_LINES)[:_MOST_LINES], b""])
        return data

    def _follow_rotation(self) -> None:
        """Go on to the file that took the name, once this one is read to its end."""
        file = self._file
        if file is not None and self._is_renamed(file):
            file.close()
            self._file = None
            self._file = self._open()

    def _is_renamed(self, file: BinaryIO) -> bool:
        try:
            return self._path.stat().st_ino != os.fstat(file.fileno()).st_ino
        except FileNotFoundError:
            return False  # between the two steps of a rotation: the next one may still be written

    def _was_emptied(self, file: BinaryIO) -> bool:
        place = self._place
        if os.fstat(file.fileno()).st_size < max(place.offset, place.sending):
            return True
        return _head(file, place.head_length) != place.head if place.head_length else False

    def _open(self) -> BinaryIO | None:
        """Open the file that has the name, from its beginning."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return None
        self._start_over(file)
        return file

    def _start_over(self, file: BinaryIO) -> None:
        place = self._place
        place.inode = os.fstat(file.fileno()).st_ino
        place.offset = place.sending = place.head_length = 0
        place.head = ""
        place.part += 1

    def _begin_at_end(self) -> None:
        file = self._open()
        if file is None:
            return
        self._file = file
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _MOST_LINE))
        tail = file.read(_MOST_LINE)
        # The end of the last whole line.
        self._place.offset = size - (len(tail) - (tail.rfind(b"\n") + 1))
        self._remember()

    def _reopened(self, place: _Place) -> BinaryIO | None:
        """Open the file that was read before, also where it was renamed meanwhile."""
        try:
            others = self._path.parent.glob(f"{glob.escape(self._path.name)}?*")
            near = [self._path, *sorted(others)]
        except OSError:
            near = [self._path]
        for path in near:
            try:
                file = path.open("rb")
            except OSError:
                continue
            if os.fstat(file.fileno()).st_ino == place.inode and (
                path == self._path or _head(file, place.head_length) == place.head
            ):
                return file
            file.close()
        return None

    def _remember(self) -> None:
        place, file = self._place, self._file
        if file is not None and place.head_length < _HEAD:
            place.head_length = min(_HEAD, os.fstat(file.fileno()).st_size)
            place.head = _head(file, place.head_length)
        self._state.parent.mkdir(parents=True, exist_ok=True)
        part = self._state.with_suffix(".part")
        with part.open("wb") as output:
            output.write(msgspec.json.encode(place))
            output.flush()
            os.fsync(output.fileno())
        part.replace(self._state)

    def _read_state(self) -> _Place | None:
        try:
            return msgspec.json.decode(self._state.read_bytes(), type=_Place)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigurationError(
                f"{self._state} cannot be read: {error}",
                hint="Delete it to begin anew, at the end of the log.",
            ) from error


def _head(file: BinaryIO, length: int) -> str:
    file.seek(0)
    return hashlib.sha256(file.read(length)).hexdigest() if length else ""
