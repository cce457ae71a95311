"""A file that was written for somebody: on the disk until they save it and go on.

It belongs to one page and to one question there. It is let go when the question is another one,
when the person leaves the page or closes it, and when the dashboard ends.
"""

from __future__ import annotations

import shutil
import weakref
from pathlib import Path
from tempfile import mkdtemp

import streamlit as st

__all__ = ["Kept", "give", "leave", "let_go", "mine"]

KEPT = "file-kept"


class Kept:
    """A file in a folder of its own; `says` is what people read of it.

    Args:
        page: the title of the page that it is offered on
        asked: what it answers
        name: the file's
        mime: what kind of file it is
    """

    def __init__(self, page: str, asked: object, name: str, mime: str) -> None:
        folder = mkdtemp(prefix="sentinel-export-")
        self.page = page
        self.asked = asked
        self.path = Path(folder) / name
        self.mime = mime
        self.says = ""
        self.let_go = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size


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
