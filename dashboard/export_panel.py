"""Taking everything that matches along as a file, from the pages that find something.

Few rows are written as they are asked for. Very many take a while: that is shown as it goes, and
the file is then there to be saved, on the disk and not in memory, until the person goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import streamlit as st

from dashboard import export_files, export_storage, markup, session
from dashboard.database_errors import database
from dashboard.export_storage import Kept
from sentinel.errors import SentinelError

__all__ = ["Export", "buttons", "written"]

ASKED = "export-asked"
BEGUN = "export-begun"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STOPS = "any other click stops it"


class Kind(msgspec.Struct, frozen=True):
    """A kind of file."""

    name: str
    ending: str
    mime: str
    help: str
    write: Callable[[Path, export_files.Shape, Iterable[Sequence[Any]], export_files.Progress], str]


KINDS = (
    Kind("CSV", "csv", "text/csv", "Everything that matches, as text", export_files.as_csv),
    Kind(
        "Excel", "xlsx", SHEET,
        "Everything that matches, as a workbook; no text in it is ever run as a formula",
        export_files.as_excel,
    ),
    Kind(
        "Parquet", "parquet", "application/octet-stream",
        "Everything that matches, with types, for pandas, polars, DuckDB", export_files.as_parquet,
    ),
)  # fmt: skip


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """What may be taken along from a page.

    Attributes:
        page: its title
        asked: what is asked there, the same for the same question
        shape: what the rows are
        words: one and several of them
        pages: gives all rows, page by page
        count: how many there are
        few: whether they are written at once
    """

    page: str
    asked: object
    shape: export_files.Shape
    words: tuple[str, str]
    pages: Callable[[], Iterator[Sequence[Any]]]
    count: Callable[[], int]
    few: bool

    def many(self, count: int) -> str:
        """So many of them, in words."""
        return f"{count:,} {self.words[count != 1]}"


def buttons(export: Export) -> None:
    """One button a kind of file."""
    for kind in KINDS:
        if export.few:
            st.download_button(
                kind.name, partial(_at_once, kind, export), _name(kind, export), kind.mime,
                key=kind.ending, icon=":material/download:", on_click="ignore", help=kind.help,
            )  # fmt: skip
        else:
            st.button(
                kind.name, key=kind.ending, icon=":material/download:", help=kind.help,
                on_click=_ask, args=(kind, export.page),
            )  # fmt: skip


def written(export: Export) -> None:
    """Write what was asked for, showing how far that is, and offer it."""
    page, kind = st.session_state.pop(ASKED, ("", None))
    if kind is not None and page == export.page:
        _write(kind, export)
    elif (begun := st.session_state.pop(BEGUN, None)) is not None and begun == export.page:
        st.html(markup.note("info", "The file was not written to its end.",
                            "Something else was clicked meanwhile; ask for it again."))  # fmt: skip
    done = export_storage.mine(export.page, export.asked)
    if done is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<span class="fresh-count">{escape(done.says)}</span>', width="stretch")
        st.download_button(
            f"Save {done.path.name}", done.path.read_bytes, done.path.name, done.mime,
            key="export-save", type="primary", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.button("Drop it", key="export-drop", on_click=export_storage.let_go)


def _name(kind: Kind, export: Export) -> str:
    return f"{export.shape.name}-{session.data().store.now():%Y%m%d-%H%M}.{kind.ending}"


def _at_once(kind: Kind, export: Export) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        kind.write(path, export.shape, export.pages(), lambda _: None)
        return path.read_bytes()


def _ask(kind: Kind, page: str) -> None:
    export_storage.let_go()
    st.session_state[ASKED] = (page, kind)


def _write(kind: Kind, export: Export) -> None:
    place: Any = st.empty()
    bar = place.progress(0.0, text=f"Counting {export.words[1]} …")
    # A click ends the run of a page wherever it stands: what was begun is known by what is left.
    st.session_state[BEGUN] = export.page
    count = 0
    done: Kept | None = None
    try:
        with _troubles():
            total = export.count()

            def progress(now: int) -> None:
                nonlocal count
                count = now
                if now < total:
                    bar.progress(now / total, text=f"{now:,} of {export.many(total)}; {STOPS}")
                else:
                    bar.progress(1.0, text=f"All {export.many(now)} are in; closing the file")

            progress(0)
            done = Kept(export.page, export.asked, _name(kind, export), kind.mime)
            more = kind.write(done.path, export.shape, export.pages(), progress)
    except SentinelError as error:
        st.html(markup.note("warn", f"The file was not written: {error.message}", error.hint))
    else:
        told = (f"{export.many(count)} written", more, _size(done.size()))
        done.says = ", ".join(filter(None, told))
        export_storage.give(done)
        done = None
    finally:
        if done is not None:  # stopped midway by a click or a trouble
            done.let_go()
        place.empty()
    st.session_state.pop(BEGUN, None)


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1000:,.0f} kB"


@contextmanager
def _troubles() -> Generator[None]:
    """Make what the database or the disk does not do an error for people."""
    try:
        with database():
            yield
    except OSError as error:
        raise SentinelError(
            f"the disk did not take it: {error.strerror or error}",
            hint="Files wait in the folder for temporary files (TMPDIR); make room there.",
        ) from error
