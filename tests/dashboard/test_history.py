"""The history page, and what is taken along from it."""

from __future__ import annotations

import csv
import io
import zipfile

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import files
from dashboard.data import Data
from sentinel.lifecycle import Acknowledge, Resolve
from sentinel.links import Addresses
from sentinel.store import Store
from sentinel.store.alerts import AlertFilter
from sentinel.store.search import read_search
from tests.dashboard.scene import Scene, given, shown

ADDRESSES = Addresses(dashboard="http://d", prefect_api="http://p/api", prefect_ui="http://p")


def opened(page: AppTest) -> AppTest:
    page.run().switch_page("history.py").run()
    shown(page)
    return page


def titles(page: AppTest) -> list[str]:
    return list(page.dataframe[0].value["Alert"])


def test_what_is_over_is_found_beside_what_is_not(scene: Scene, page: AppTest):
    over = scene.raises("over")
    scene.raises("not over")
    scene.store.act([over], Resolve(actor="lena"))
    opened(page)
    assert titles(page) == ["not over", "over"]
    assert list(page.dataframe[0].value["How it ended"]) == ["", "lena"]


def test_words_narrow_it(scene: Scene, page: AppTest):
    scene.raises("disk full")
    scene.raises("cpu busy")
    opened(page).text_input(key="find").set_value("disk").run()
    assert titles(page) == ["disk full"]


def test_severity_and_status_narrow_it(scene: Scene, page: AppTest):
    scene.raises("low", severity="low")
    taken = scene.raises("taken", severity="critical")
    scene.raises("open", severity="critical")
    scene.store.act([taken], Acknowledge(actor="lena"))
    opened(page).button_group(key="severities").set_value(["critical"]).run()
    assert titles(page) == ["open", "taken"]
    page.multiselect(key="statuses").set_value(["acknowledged"]).run()
    assert titles(page) == ["taken"]


def test_pages_are_turned_both_ways(scene: Scene, page: AppTest):
    for number in range(60):
        scene.raises(f"number {number}")
    opened(page)
    first = titles(page)
    page.button(key="older-alerts").click().run()
    assert titles(page) == [f"number {number}" for number in reversed(range(10))]
    page.button(key="newer").click().run()
    assert titles(page) == first


def test_a_word_that_means_nothing_is_said(scene: Scene, page: AppTest):
    opened(page).text_input(key="find").set_value("severity:worst").run()
    assert "none of" in shown(page)


def test_an_empty_history_says_what_to_try(scene: Scene, page: AppTest):
    assert "No alert matches" in shown(opened(page))


def test_a_page_has_the_drawer_of_every_page(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    opened(page)
    page.query_params["alert"] = wanted
    assert given(page.run(), "drawer")["alert"]["title"] == "this"


def test_everything_that_matches_is_exported_and_read_back(scene: Scene):
    scene.storm(620)
    scene.raises("=HYPERLINK(1)")
    data = Data(Store(scene.url), ADDRESSES, lambda: True)
    told: list[int] = []
    table = list(csv.DictReader(io.StringIO(
        files.as_csv(data.every(AlertFilter()), told.append).decode("utf-8-sig"))))  # fmt: skip
    assert len(table) == 621
    assert told[-1] == 621
    assert table[-1]["title"] == "'=HYPERLINK(1)"
    assert table[0]["opened_at"].endswith("+00:00")
    kept = pd.read_parquet(io.BytesIO(files.as_parquet(data.every(AlertFilter()), told.append)))
    assert len(kept) == 621
    assert list(kept["title"])[-1] == "=HYPERLINK(1)"
    assert str(kept["opened_at"].dtype) == "datetime64[us, UTC]"
    found = data.every(read_search("storm 1"))
    assert sum(len(one) for one in found) == 111
    data.store.close()


def test_an_excel_file_holds_texts_and_never_a_formula(scene: Scene):
    scene.raises('=HYPERLINK("http://evil.example")')
    scene.raises("http://a.example/ \x01 <b>")
    data = Data(Store(scene.url), ADDRESSES, lambda: True)
    told: list[int] = []
    made = files.as_excel(data.every(AlertFilter()), told.append)
    data.store.close()
    assert told == [2]
    with zipfile.ZipFile(io.BytesIO(made)) as book:
        (sheet,) = (name for name in book.namelist() if "worksheets/sheet" in name)
        cells = book.read(sheet).decode()
        assert not any("hyperlink" in book.read(name).decode().lower() for name in book.namelist()
                       if name.endswith(".rels"))  # fmt: skip
    assert "<f>" not in cells
    assert "=HYPERLINK(&quot;http://evil.example&quot;)" in cells.replace('"', "&quot;")
    assert '<c r="A2" t="inlineStr">' in cells


def test_what_does_not_fit_on_a_sheet_goes_on_on_the_next(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(files, "MOST_ROWS", 4)
    scene.storm(10)
    data = Data(Store(scene.url), ADDRESSES, lambda: True)
    made = files.as_excel(data.every(AlertFilter()), lambda _: None)
    data.store.close()
    with zipfile.ZipFile(io.BytesIO(made)) as book:
        rows = [
            book.read(name).decode().count("<row ")
            for name in sorted(book.namelist())
            if "worksheets/sheet" in name
        ]
    assert rows == [5, 5, 3]


def test_an_export_of_nothing_has_a_head():
    for write in (files.as_csv, files.as_excel, files.as_parquet):
        assert write(iter(()), lambda _: None)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "\n=1"])
def test_no_text_is_a_formula(text: str):
    assert files.safe(text).startswith("'")


@pytest.mark.parametrize("text", ["", "disk", "1-2", "a=b", "/data"])
def test_other_text_stays_as_it_is(text: str):
    assert files.safe(text) == text
