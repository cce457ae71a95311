"""What is taken along as a file: all that matches, and nothing in it is ever run."""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import zipfile
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import export_files, export_panel, export_storage
from dashboard.export_columns import ACTS, ALERTS
from dashboard.export_storage import StoredExport
from dashboard.reports import Reports
from sentinel.access import EVERYTHING
from sentinel.alerts.actions import Acknowledge, Resolve
from sentinel.labels import workbook
from sentinel.store import Store
from sentinel.store.alerts import audit
from sentinel.store.alerts.filter import AlertFilter
from tests.dashboard.scene import Scene, shown

EVIL = '=HYPERLINK("http://evil.example")'


def alerts_of(scene: Scene) -> list[Any]:
    with closing(Store(scene.url)) as store:
        return list(Reports(store).all_matching(EVERYTHING, AlertFilter()))


def nobody(_written: int) -> None:
    """Ignore the progress."""


def table(content: bytes | Path) -> list[dict[str, str]]:
    raw = content.read_bytes() if isinstance(content, Path) else content
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))


def sheets(path: Path) -> list[str]:
    """What is written of each sheet of a workbook."""
    with zipfile.ZipFile(path) as book:
        names = sorted(name for name in book.namelist() if "worksheets/sheet" in name)
        return [book.read(name).decode() for name in names]


def history(page: AppTest) -> AppTest:
    page.run().switch_page("history.py").run()
    shown(page)
    return page


def stored_by(page: AppTest) -> StoredExport:
    found = page.session_state[export_storage.STORED]
    assert isinstance(found, StoredExport)
    return found


def test_everything_that_matches_is_written_and_read_back(scene: Scene, tmp_path: Path):
    scene.storm(620)
    scene.raises("=HYPERLINK(1)")
    told: list[int] = []
    pages = alerts_of(scene)
    export_files.as_csv(tmp_path / "csv", ALERTS, pages, told.append)
    rows = table(tmp_path / "csv")
    assert len(rows) == 621
    assert told[-1] == 621
    assert rows[-1]["title"] == "'=HYPERLINK(1)"
    assert rows[0]["opened_at"].endswith("+00:00")
    export_files.as_parquet(tmp_path / "parquet", ALERTS, pages, told.append)
    frame = pd.read_parquet(tmp_path / "parquet")
    assert len(frame) == 621
    assert list(frame["title"])[-1] == "=HYPERLINK(1)"
    assert str(frame["opened_at"].dtype) == "datetime64[us, UTC]"
    export_files.as_excel(tmp_path / "xlsx", ALERTS, pages, told.append)
    assert [sheet.count("<row ") for sheet in sheets(tmp_path / "xlsx")] == [622]


def test_csv_has_no_control_characters(scene: Scene, tmp_path: Path):
    scene.raises("disk\x1b[2J\x07\r=1+1\x9b")
    export_files.as_csv(tmp_path / "csv", ALERTS, alerts_of(scene), nobody)
    (row,) = table(tmp_path / "csv")
    assert row["title"] == r"disk\x1b[2J\x07\r=1+1\x9b"
    assert not [c for c in (tmp_path / "csv").read_text("utf-8-sig") if c < " " and c not in "\r\n"]


def test_what_people_did_is_written_in_every_kind(scene: Scene, tmp_path: Path):
    alert = scene.raises("disk")
    scene.store.act([alert], Acknowledge(actor="lena", comment=EVIL))
    scene.store.act([alert], Resolve(actor="lena"))
    pages = list(audit.every(scene.store, limit=1))
    for write in (export_files.as_csv, export_files.as_excel, export_files.as_parquet):
        assert write(tmp_path / write.__name__, ACTS, pages, nobody) == ""
    rows = table(tmp_path / "as_csv")
    assert [(one["kind"], one["actor"], one["severity"]) for one in rows] == [
        ("resolved", "lena", "medium"),
        ("acknowledged", "lena", "medium"),
    ]
    assert rows[1]["comment"] == f"'{EVIL}"
    assert rows[1]["alert_id"] == alert
    frame = pd.read_parquet(tmp_path / "as_parquet")
    assert list(frame["comment"]) == ["", EVIL]
    (sheet,) = sheets(tmp_path / "as_excel")
    assert (sheet.count("<row "), "<f>" in sheet) == (3, False)


def test_an_excel_file_holds_texts_and_never_a_formula(scene: Scene, tmp_path: Path):
    scene.raises(EVIL)
    scene.raises("http://a.example/ \x01 <b>")
    told: list[int] = []
    made = tmp_path / "alerts.xlsx"
    export_files.as_excel(made, ALERTS, alerts_of(scene), told.append)
    assert told == [2]
    (cells,) = sheets(made)
    with zipfile.ZipFile(made) as book:
        assert not any("hyperlink" in book.read(name).decode().lower() for name in book.namelist()
                       if name.endswith(".rels"))  # fmt: skip
    assert "<f>" not in cells
    assert EVIL.replace('"', "&quot;") in cells.replace('"', "&quot;")
    assert '<c r="A2" t="inlineStr">' in cells


def test_what_does_not_fit_on_a_sheet_goes_on_on_the_next_and_that_is_said(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(workbook, "MOST_ROWS", 4)
    scene.storm(10)
    made = tmp_path / "alerts.xlsx"
    assert "on 3 sheets" in export_files.as_excel(made, ALERTS, alerts_of(scene), nobody)
    assert [sheet.count("<row ") for sheet in sheets(made)] == [5, 5, 3]


def test_a_text_that_no_cell_takes_says_where_it_was_cut(scene: Scene, tmp_path: Path):
    alert = scene.raises("disk")
    scene.store.act([alert], Acknowledge(actor="lena", comment="word " * 10_000))
    made = tmp_path / "audit.xlsx"
    export_files.as_excel(made, ACTS, audit.every(scene.store), nobody)
    (text,) = re.findall(r"<t[^>]*>(word [^<]*)</t>", sheets(made)[0])
    assert len(text) == workbook.MOST_LETTERS
    assert text.endswith("a cell of Excel holds 32,767 characters]")


def test_a_workbook_that_would_be_too_large_is_refused_with_what_to_take_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def close(_book: Any) -> None:
        raise workbook.xlsx_errors.FileSizeError

    monkeypatch.setattr(workbook.xlsxwriter.Workbook, "close", close)
    with pytest.raises(workbook.SentinelError, match="do not fit in a workbook") as caught:
        export_files.as_excel(tmp_path / "alerts.xlsx", ALERTS, iter(()), nobody)
    assert "Parquet" in caught.value.hint


def test_a_disk_that_is_full_when_a_workbook_is_closed_is_known_for_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(_book: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(workbook.xlsxwriter.Workbook, "_store_workbook", full)
    with pytest.raises(OSError, match="No space left") as caught:
        export_files.as_excel(tmp_path / "alerts.xlsx", ALERTS, iter(()), nobody)
    assert caught.value.errno == errno.ENOSPC


def test_an_export_of_nothing_has_a_head(tmp_path: Path):
    for shape in (ALERTS, ACTS):
        for write in (export_files.as_csv, export_files.as_excel, export_files.as_parquet):
            path = tmp_path / f"{shape.name}-{write.__name__}"
            write(path, shape, iter(()), nobody)
        head = (tmp_path / f"{shape.name}-as_csv").read_text("utf-8-sig").strip()
        assert head == ",".join(shape.columns)
        assert list(pd.read_parquet(tmp_path / f"{shape.name}-as_parquet")) == list(shape.columns)


def test_a_quote_in_a_text_opens_no_way_for_a_formula(tmp_path: Path):
    shape = export_files.Shape(
        name="x", columns={"a": export_files.TEXT, "b": export_files.TEXT}, cells=lambda row: row
    )
    for text in ('disk;"=1+1;x', 'disk; " "=1+1;x', '"=1+1', 'disk;""@SUM(1)'):
        export_files.as_csv(tmp_path / "x.csv", shape, [[("one", text)]], nobody)
        for between in (",", ";", "\t"):
            with (tmp_path / "x.csv").open(encoding="utf-8-sig", newline="") as read:
                cells = [cell for row in csv.reader(read, delimiter=between) for cell in row]
            assert not [cell for cell in cells if cell.strip(' "')[:1] in ("=", "+", "-", "@")]


def test_very_many_are_written_with_progress_and_then_saved(scene: Scene, page: AppTest):
    scene.storm(1200)
    history(page).button(key="csv").click().run()
    assert "1,200 alerts written" in shown(page)
    done = stored_by(page)
    assert done.path.name.endswith(".csv")
    assert len(table(done.path)) == 1200
    assert len({row["id"] for row in table(done.path)}) == 1200


def leave(page: AppTest) -> None:
    page.switch_page("overview.py").run()


def narrow(page: AppTest) -> None:
    page.text_input(key="q").set_value("storm 7").run()


def drop(page: AppTest) -> None:
    page.button(key="export-drop").click().run()


def ask_for_another(page: AppTest) -> None:
    page.button(key="parquet").click().run()


@pytest.mark.parametrize("goes_on", [leave, narrow, drop, ask_for_another])
def test_a_file_is_deleted_when_its_page_is_left(
    scene: Scene, page: AppTest, goes_on: Callable[[AppTest], None]
):
    scene.storm(1200)
    history(page).button(key="csv").click().run()
    path = stored_by(page).path
    page.run()
    assert path.exists()
    goes_on(page)
    shown(page)
    assert not path.parent.exists()


def test_a_file_is_deleted_with_the_session_of_its_person():
    made = StoredExport("History", "asked", "alerts.csv", "text/csv")
    folder = made.path.parent
    made.path.write_text("id")
    st.session_state.clear()
    del made
    assert not folder.exists()


def test_what_a_killed_dashboard_left_is_removed_and_nothing_that_is_somebody_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, new, other = (tmp_path / name for name in ("sentinel-export-a", "sentinel-export-b", "x"))
    for folder in (left, new, other):
        folder.mkdir()
        (folder / "alerts.csv").write_text("id")
    link = tmp_path / "sentinel-export-c"
    link.symlink_to(other)
    os.utime(link, (0, 0), follow_symlinks=False)
    somebody_s = StoredExport("History", "asked", "alerts.csv", "text/csv")
    for folder in (left, other, somebody_s.path.parent):
        os.utime(folder, (0, 0))
    export_storage.remove_left_over()
    assert not left.exists()
    assert (other / "alerts.csv").exists()
    assert new.exists()
    assert somebody_s.path.parent.exists()


def test_a_disk_that_is_full_is_said_and_leaves_nothing_behind(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    scene.storm(1200)
    paths: list[Path] = []

    def full(path: Path, _shape: Any, pages: Iterable[Any], _progress: Any) -> str:
        paths.append(path)
        next(iter(pages))
        raise OSError(errno.ENOSPC, "No space left on device")

    broken = export_panel.Kind("CSV", "csv", "text/csv", "as text", full)
    monkeypatch.setattr(export_panel, "KINDS", (broken,))
    history(page).button(key="csv").click().run()
    assert "No space left on device" in shown(page)
    assert export_storage.STORED not in page.session_state
    assert not paths[0].parent.exists()


def test_a_file_that_was_not_finished_is_said(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    scene.storm(1200)

    def clicked(_path: Path, _shape: Any, pages: Iterable[Any], _progress: Any) -> str:
        next(iter(pages))
        st.stop()

    broken = export_panel.Kind("CSV", "csv", "text/csv", "as text", clicked)
    monkeypatch.setattr(export_panel, "KINDS", (broken,))
    history(page).button(key="csv").click().run()
    assert "The export was stopped" in shown(page.run())
    assert "The export was stopped" not in shown(page.run())


def test_what_people_did_is_taken_along_from_the_audit_page(scene: Scene, page: AppTest):
    scene.storm(130)
    ids = [alert.id for alert in scene.store.alerts.page(limit=200).items]
    scene.store.act(ids, Acknowledge(actor="lena", comment="=1+1"))
    scene.store.act(ids[:70], Resolve(actor="omar"))
    page.run().switch_page("audit.py").run()
    page.text_input(key="audit-actor").set_value("lena").run()
    page.button(key="csv").click().run()
    assert "130 entries written" in shown(page)
    rows = table(stored_by(page).path)
    assert {row["actor"] for row in rows} == {"lena"}
    assert {row["comment"] for row in rows} == {"'=1+1"}
    assert {row["alert_id"] for row in rows} == set(ids)
