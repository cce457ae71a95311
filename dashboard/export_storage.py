"""A file that was written for somebody: on the disk until they save it and go on.

It belongs to one page and to one question there. It is let go when the question is another one,
when the person leaves the page or closes it, and when the dashboard ends. What one that was killed
left is removed by the next that starts.
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

__all__ = ["Kept", "give", "leave", "let_go", "mine", "remove_left_over"]

KEPT = "file-kept"
BEGINS = "sentinel-export-"
NEW = 60.0
"""Seconds for which a folder may be without its lock, as it was only just made."""


class Kept:
    """A file in a folder of its own; `says` is what people read of it.

    Args:
        page: the title of the page that it is offered on
        asked: what it answers
        name: the file's
        mime: what kind of file it is
    """

    def __init__(self, page: str, asked: object, name: str, mime: str) -> None:
        folder = mkdtemp(prefix=BEGINS)
        # A lock ends with its process, however that ends: what has none is nobody's any more.
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_SH)
        self.page = page
        self.asked = asked
        self.path = Path(folder) / name
        self.mime = mime
        self.says = ""
        self.let_go = weakref.finalize(self, _removed, folder, lock)

    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size


def _removed(folder: str | Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def remove_left_over() -> None:
    """Remove what a dashboard of this user that was killed has left."""
    for folder in Path(gettempdir()).glob(f"{BEGINS}*"):
        with contextlib.suppress(OSError):  # another user's, or gone meanwhile, or somebody's yet
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


def mine(page: str, asked: object) -> Kept | None:
    """What this session has for this question on this page; anything else is let go."""
    kept: Kept | None = st.session_state.get(KEPT)
    if kept is not None and (kept.page, kept.asked) == (page, asked) and kept.path.exists():
        return kept
    let_go()
    return None


def give(kept: Kept) -> None:
    """Keep this one, and no other."""
    let_go()
    st.session_state[KEPT] = kept


def let_go() -> None:
    """Keep nothing any longer."""
    kept: Kept | None = st.session_state.pop(KEPT, None)
    if kept is not None:
        kept.let_go()


def leave(page: str) -> None:
    """Let go what belongs to another page than this one."""
    kept: Kept | None = st.session_state.get(KEPT)
    if kept is not None and kept.page != page:
        let_go()
