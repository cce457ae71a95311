"""Exported files: on the disk until they are downloaded and their page is left.

A file belongs to one page and one search there. It is deleted when the search changes, when the
person leaves or closes the page, and when the dashboard stops. Files of a dashboard that was killed
are deleted by the next one that starts.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
import weakref
from pathlib import Path
from tempfile import gettempdir, mkdtemp

import streamlit as st

__all__ = ["StoredExport", "current", "discard", "keep", "leave", "remove_left_over"]

STORED = "export-stored"
PREFIX = "sentinel-export-"
NEW = 60.0
"""Seconds for which a new folder may be without its lock."""


class StoredExport:
    """A file in a folder of its own; `summary` is what people read about it.

    Args:
        page: the title of the page that offers it
        asked: the search that it is the result of
        name: of the file
        mime: its media type
    """

    def __init__(self, page: str, asked: object, name: str, mime: str) -> None:
        folder = mkdtemp(prefix=PREFIX)
        # A lock ends with its process, however that ends: a folder without one has no owner.
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_SH)
        self.page = page
        self.asked = asked
        self.path = Path(folder) / name
        self.mime = mime
        self.summary = ""
        self.discard = weakref.finalize(self, _removed, folder, lock)

    def size(self) -> int:
        """Return the size of the file in bytes."""
        return self.path.stat().st_size


def _removed(folder: str | Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def remove_left_over() -> None:
    """Delete the files that a killed dashboard of this user left."""
    for folder in Path(gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or deleted meanwhile, or in use
            found = folder.lstat()
            if found.st_uid != os.geteuid() or time.time() - found.st_mtime < NEW:
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock)
                raise
            _removed(folder, lock)


def current(page: str, asked: object) -> StoredExport | None:
    """Return this session's file for this search of this page; delete any other."""
    kept: StoredExport | None = st.session_state.get(STORED)
    if kept is not None and (kept.page, kept.asked) == (page, asked) and kept.path.exists():
        return kept
    discard()
    return None


def keep(kept: StoredExport) -> None:
    """Keep this file for the session, and delete the one before."""
    discard()
    st.session_state[STORED] = kept


def discard() -> None:
    """Delete the session's file."""
    kept: StoredExport | None = st.session_state.pop(STORED, None)
    if kept is not None:
        kept.discard()


def leave(page: str) -> None:
    """Delete the file of any page but this one."""
    kept: StoredExport | None = st.session_state.get(STORED)
    if kept is not None and kept.page != page:
        discard()
