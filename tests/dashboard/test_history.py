"""The history page: what there ever was, found again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from streamlit.testing.v1 import AppTest

from sentinel.alerts.actions import Acknowledge, Resolve
from sentinel.settings import settings
from sentinel.store.archive.archiving import archive_resolved
from tests.dashboard.scene import Scene, given, shown


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder of an archive, which the dashboard knows from its settings."""
    monkeypatch.setenv("SENTINEL_ARCHIVE_URL", str(tmp_path / "archive"))
    settings.cache_clear()
    return str(tmp_path / "archive")


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
    assert list(page.dataframe[0].value["Resolved by"]) == ["", "lena"]


def test_words_narrow_it(scene: Scene, page: AppTest):
    scene.raises("disk full")
    scene.raises("cpu busy")
    opened(page).text_input(key="q").set_value("disk").run()
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
    page.button(key="history-older").click().run()
    assert titles(page) == [f"number {number}" for number in reversed(range(10))]
    page.button(key="history-newer").click().run()
    assert titles(page) == first


def test_another_question_begins_at_its_first_page_however_it_is_asked(scene: Scene, page: AppTest):
    scene.storm(60)
    opened(page).button(key="history-older").click().run()
    assert len(titles(page)) == 10
    page.switch_page("overview.py").run()
    page.query_params["q"] = "storm"
    page.switch_page("history.py").run()
    assert "1 – 50 of 60" in shown(page)


def test_a_word_that_means_nothing_is_said(scene: Scene, page: AppTest):
    opened(page).text_input(key="q").set_value("severity:worst").run()
    assert "none of" in shown(page)


def test_an_empty_history_says_what_comes_first_and_an_empty_answer_what_to_try(
    scene: Scene, page: AppTest
):
    assert "prefect deploy --all" in shown(opened(page))
    page.text_input(key="q").set_value("disk").run()
    assert "No alert matches" in shown(page)


def test_a_page_has_the_drawer_of_every_page(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    opened(page)
    page.query_params["alert"] = wanted
    assert given(page.run(), "drawer")["alert"]["title"] == "this"


def test_archived_alerts_are_found_where_an_archive_is_set(
    archive: str, scene: Scene, page: AppTest
):
    over = scene.raises("over")
    scene.raises("not over")
    scene.store.act([over], Resolve(actor="lena"))
    scene.store.options = msgspec.structs.replace(scene.store.options, archive_url=archive)
    assert archive_resolved(scene.store, timedelta(0)).alerts == 1
    opened(page)
    assert titles(page) == ["not over"]
    page.toggle(key="archived").set_value(True).run()
    assert list(page.dataframe[1].value["Alert"]) == ["over"]
    page.text_input(key="q").set_value("nothing").run()
    assert "No archived alert matches" in shown(page)


def test_without_an_archive_there_is_nothing_to_search(scene: Scene, page: AppTest):
    scene.raises("not over")
    assert [one.key for one in opened(page).toggle] == []
