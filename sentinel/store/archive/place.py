"""The place where files of the archive are: a folder, or object storage through fsspec."""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

from sentinel.errors import ArchiveError
from sentinel.log_redaction import unlog_credentials

__all__ = ["Place", "place_of"]

_SEE = "See SENTINEL_ARCHIVE_URL, and that this process may read and write there."


class _Files(Protocol):
    """What is used of `fsspec.AbstractFileSystem`."""

    def cat_file(self, path: str) -> bytes: ...

    def pipe_file(self, path: str, value: bytes) -> None: ...

    def rm_file(self, path: str) -> None: ...


class Place:
    """Where the files are. A file that can be read is whole: none is seen half written.

    Args:
        files: a file system of fsspec
        root: the path in it that all names are below
        local: whether it is a folder of this machine
    """

    def __init__(self, files: _Files, root: str, *, local: bool) -> None:
        self._files = files
        self._root = root.rstrip("/")
        self._local = local

    def write(self, name: str, data: bytes) -> None:
        """Write a file, which only this user may read where the place is a folder.

        Args:
            name: path below the root
            data: all of it

        Raises:
            ArchiveError: it cannot be written
        """
        with _named(self._path(name), "there is no bucket or folder for"):
            if self._local:
                _write_whole(Path(self._path(name)), data)
            else:  # object storage shows an object once all of it is there
                self._files.pipe_file(self._path(name), data)

    def read(self, name: str) -> bytes:
        """Read a file.

        Args:
            name: path below the root

        Returns:
            All of it.

        Raises:
            ArchiveError: it is missing or cannot be read
        """
        with _named(name):
            return self._files.cat_file(self._path(name))

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone already is no error.

        Args:
            name: path below the root

        Raises:
            ArchiveError: it cannot be removed
        """
        with _named(name):
            try:
                self._files.rm_file(self._path(name))
            except FileNotFoundError:
                return

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def place_of(url: str) -> Place:
    """Return the place of an address.

    Args:
        url: a folder, or an address that fsspec knows

    Returns:
        The place; nothing is read or written yet.

    Raises:
        ArchiveError: no address is set, or the library of its protocol is missing
    """
    if not url:
        raise ArchiveError("there is no archive", hint="Set SENTINEL_ARCHIVE_URL.")
    unlog_credentials()
    import fsspec  # pyright: ignore[reportMissingTypeStubs] - it has none

    try:
        found = fsspec.core.url_to_fs(url)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - as above
    except (ImportError, ValueError) as error:
        raise ArchiveError(
            f"the address of the archive cannot be used: {error}",
            hint="For s3:// install the extra: pip install 'sentinel-alerts[s3]'.",
        ) from None
    files, root = cast("tuple[_Files, str]", found)
    return Place(files, root, local=type(files).__name__ == "LocalFileSystem")


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its name, and rename it once it is on the disk."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        own.replace(path)
    finally:
        own.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name, too, is on the disk before rows are deleted
    finally:
        os.close(folder)


@contextmanager
def _named(name: str, missing: str = "the archive has no file") -> Generator[None]:
    try:
        yield
    except FileNotFoundError:
        raise ArchiveError(f"{missing} {name}", hint=_SEE) from None
    except ArchiveError:
        raise
    except Exception as error:  # each protocol of fsspec has errors of its own
        says = f"{type(error).__name__}: {error}"[:300]
        raise ArchiveError(f"the archive failed at {name}: {says}", hint=_SEE) from error
