"""Exporting everything that matches as a file, from the pages that search.

Few rows are written when the button is pressed. Very many take a while: the page shows the progress
and then offers the file, which is on the disk and not in memory until the person leaves the page.
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
from dashboard.export_storage import StoredExport
from sentinel.errors import SentinelError

__all__ = ["KINDS", "NDJSON", "Export", "buttons", "written"]

REQUESTED = "export-requested"
BEGUN = "export-begun"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
STOPS = "any other click stops the export"


class Kind(msgspec.Struct, frozen=True):
    """A kind of file."""

    name: str
    ending: str
    mime: str
    help: str
    write: Callable[[Path, export_files.Shape, Iterable[Sequence[Any]], export_files.Progress], str]


KINDS = (
    Kind("CSV", "csv", "text/csv", "All matching rows as text", export_files.as_csv),
    Kind(
        "Excel", "xlsx", SHEET,
        "All matching rows as a workbook; no text in it runs as a formula",
        export_files.as_excel,
    ),
    Kind(
        "Parquet", "parquet", "application/octet-stream",
        "All matching rows with types, for pandas, Polars and DuckDB", export_files.as_parquet,
    ),
)  # fmt: skip

NDJSON = Kind(
    "NDJSON", "ndjson", "application/x-ndjson", "All matching rows, one JSON object a line",
    export_files.as_ndjson,
)  # fmt: skip


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """What can be exported from a page.

    Attributes:
        page: its title
        asked: the search; equal for the same search
        shape: what the rows are
        words: what one row is, and what several are
        pages: returns all rows, page by page
        count: returns how many there are
        few: whether they are written when the button is pressed
        kinds: of files that are offered; empty for all of `KINDS`
    """

    page: str
    asked: object
    shape: export_files.Shape
    words: tuple[str, str]
    pages: Callable[[], Iterator[Sequence[Any]]]
    count: Callable[[], int]
    few: bool
    kinds: Sequence[Kind] = ()

    def many(self, count: int) -> str:
        """Return a number of rows in words."""
        return f"{count:,} {self.words[count != 1]}"


def buttons(export: Export) -> None:
    """Show one button per kind of file, beside each other at every width."""
    with st.container(horizontal=True, gap="small", width="content", key="together-export"):
        _buttons(export)


def _buttons(export: Export) -> None:
    for kind in export.kinds or KINDS:
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
    """Write the requested file with its progress shown, and offer it."""
    page, kind = st.session_state.pop(REQUESTED, ("", None))
    if kind is not None and page == export.page:
        _write(kind, export)
    elif (begun := st.session_state.pop(BEGUN, None)) is not None and begun == export.page:
        st.html(markup.note("info", "The export was stopped.",
                            "Another click ended it; start it again."))  # fmt: skip
    done = export_storage.current(export.page, export.asked)
    if done is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<span class="fresh-count">{escape(done.summary)}</span>', width="stretch")
        st.download_button(
            f"Save {done.path.name}", done.path.read_bytes, done.path.name, done.mime,
            key="export-save", type="primary", icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.button("Discard", key="export-drop", on_click=export_storage.discard)


def _name(kind: Kind, export: Export) -> str:
    return f"{export.shape.name}-{session.data().now():%Y%m%d-%H%M}.{kind.ending}"


def _at_once(kind: Kind, export: Export) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        kind.write(path, export.shape, export.pages(), lambda _: None)
        return path.read_bytes()


def _ask(kind: Kind, page: str) -> None:
    export_storage.discard()
    st.session_state[REQUESTED] = (page, kind)


def _write(kind: Kind, export: Export) -> None:
    place: Any = st.empty()
    bar = place.progress(0.0, text=f"Counting {export.words[1]} …")
    # A click ends the run of a page at any point: this mark is left of an export that was stopped.
    st.session_state[BEGUN] = export.page
    count = 0
    done: StoredExport | None = None
    try:
        with _readable_errors():
            total = export.count()

            def progress(now: int) -> None:
                nonlocal count
                count = now
                if now < total:
                    bar.progress(now / total, text=f"{now:,} of {export.many(total)}; {STOPS}")
                else:
                    bar.progress(1.0, text=f"All {export.many(now)} written; closing the file")

            progress(0)
            done = StoredExport(export.page, export.asked, _name(kind, export), kind.mime)
            more = kind.write(done.path, export.shape, export.pages(), progress)
    except SentinelError as error:
        st.html(markup.note("warn", f"The export failed: {error.message}", error.hint))
    else:
        parts = (f"{export.many(count)} written", more, _size(done.size()))
        done.summary = ", ".join(filter(None, parts))
        export_storage.keep(done)
        done = None
    finally:
        if done is not None:  # stopped by a click or an error
            done.discard()
        place.empty()
    st.session_state.pop(BEGUN, None)


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1000:,.0f} kB"


@contextmanager
def _readable_errors() -> Generator[None]:
    """Turn a failure of the database or the disk into an error that people can read."""
    try:
        with database():
            yield
    except OSError as error:
        raise SentinelError(
            f"the file cannot be written: {error.strerror or error}",
            hint="Exports are stored in the folder for temporary files (TMPDIR): free space there.",
        ) from error
