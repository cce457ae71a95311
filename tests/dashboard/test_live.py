"""The live page, worked through the page and read back from the store."""

from __future__ import annotations

import re
import time

import pytest
from streamlit.testing.v1 import AppTest

from sentinel.lifecycle import Acknowledge, Resolve
from tests.dashboard.scene import Scene, set_up, shown


def titles(page: AppTest) -> list[str]:
    return re.findall(r'<div class="title">(.*?)<span', shown(page))


def figures(page: AppTest) -> dict[str, str]:
    return dict(re.findall(r"<dt>(\w+)</dt><dd>([^<]*)</dd></div>", shown(page)))


def test_what_needs_somebody_first_is_first(scene: Scene, page: AppTest):
    mine = scene.raises("in hand", severity="critical")
    scene.store.act([mine], Acknowledge(actor="lena"))
    scene.raises("small", severity="low")
    scene.raises("bad", severity="emergency")
    page.run()
    assert titles(page) == ["bad", "small", "in hand"]
    assert figures(page) == {"Active": "3", "Critical": "2", "Unacknowledged": "2"}


def test_severity_and_status_are_words_and_not_only_colours(scene: Scene, page: AppTest):
    scene.raises("bad", severity="emergency")
    html = shown(page.run())
    assert '<span class="sev sev-critical">emergency</span>' in html
    assert '<span class="status status-open">open</span>' in html


def test_a_row_links_to_its_flow_run(scene: Scene, page: AppTest):
    alert = scene.store.alerts.get(scene.raises("bad"))
    link = f'href="http://127.0.0.1:9/runs/flow-run/{alert.flow_run_id}"'
    assert link in shown(page.run())


def test_one_alert_is_acknowledged_with_a_comment(scene: Scene, page: AppTest):
    wanted, other = scene.raises("this"), scene.raises("that")
    page.run()
    page.text_input(key="comment").set_value("on it")
    page.button(key=f"acknowledge-{wanted}").click().run()
    kept = scene.store.alerts.get(wanted)
    assert (kept.status, kept.acknowledged_by) == ("acknowledged", "maria")
    assert kept.acknowledge_comment == "on it"
    assert scene.store.alerts.get(other).status == "open"
    assert page.text_input(key="comment").value == ""
    assert "on it" in shown(page)


def test_an_acknowledgement_is_taken_back(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    page.run()
    page.button(key=f"acknowledge-{wanted}").click().run()
    page.button(key=f"unacknowledge-{wanted}").click().run()
    assert scene.store.alerts.get(wanted).status == "open"


def test_one_alert_is_resolved_and_leaves_the_page(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    scene.raises("that")
    page.run()
    page.button(key=f"resolve-{wanted}").click().run()
    kept = scene.store.alerts.get(wanted)
    assert (kept.status, kept.resolved_by) == ("resolved", "maria")
    assert titles(page) == ["that"]


def test_what_is_selected_stays_selected_however_the_rows_move(scene: Scene, page: AppTest):
    """A selection by position would have hit the alerts that arrived meanwhile."""
    picked = [scene.raises("one", severity="low"), scene.raises("two", severity="low")]
    page.run()
    for alert_id in picked:
        page.checkbox(key=f"pick-{alert_id}").check()
    page.run()
    arrived = [scene.raises(f"new {n}", severity="critical") for n in range(3)]
    page.run()
    assert titles(page)[:3] == ["new 2", "new 1", "new 0"]
    page.text_input(key="comment").set_value("both")
    page.button(key="acknowledge-picked").click().run()
    for alert_id in picked:
        kept = scene.store.alerts.get(alert_id)
        assert (kept.status, kept.acknowledge_comment) == ("acknowledged", "both")
        assert page.checkbox(key=f"pick-{alert_id}").value is False
    assert {scene.store.alerts.get(alert_id).status for alert_id in arrived} == {"open"}


def test_all_that_are_shown_are_selected_and_resolved(scene: Scene, page: AppTest):
    ids = [scene.raises(f"number {n}") for n in range(3)]
    page.run()
    assert page.button(key="resolve-picked").disabled
    page.button(key="all").click().run()
    page.button(key="resolve-picked").click().run()
    assert {scene.store.alerts.get(alert_id).status for alert_id in ids} == {"resolved"}
    assert titles(page) == []


def test_what_somebody_else_ended_is_left_alone_and_said(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    page.run()
    page.checkbox(key=f"pick-{wanted}").check().run()
    page.button(key=f"resolve-{wanted}").click()
    scene.store.act([wanted], Resolve(actor="lena"))
    page.run()
    assert scene.store.alerts.get(wanted).resolved_by == "lena"
    assert "Somebody was first" in page.toast[0].value


def test_the_list_is_narrowed(scene: Scene, page: AppTest):
    scene.raises("disk full", severity="critical")
    scene.raises("disk slow", severity="low")
    scene.raises("cpu", severity="critical")
    page.run()
    page.text_input(key="q").set_value("DISK").run()
    assert titles(page) == ["disk full", "disk slow"]
    page.button_group(key="severity").set_value(["low"]).run()
    assert titles(page) == ["disk slow"]
    page.text_input(key="q").set_value("nothing like it").run()
    assert "No alert matches" in shown(page)


def test_more_than_fit_are_said_to_be_there(scene: Scene, page: AppTest):
    for number in range(51):
        scene.raises(f"number {number}")
    page.run()
    assert len(titles(page)) == 50
    assert figures(page)["Active"] == "51"
    assert "the 50 that need somebody first" in page.caption[0].value


def test_an_empty_page_teaches_the_next_step(scene: Scene, page: AppTest):
    html = shown(page.run())
    assert "Nothing needs you" in html
    assert "sentinel rule list" in html
    assert "prefect deploy --all" in html


def test_the_text_of_an_alert_does_nothing(scene: Scene, page: AppTest):
    scene.raises('<img src=x onerror="alert(1)"> **b** [a](javascript:alert(1)) :red[x]')
    html = shown(page.run())
    assert "<img" not in html
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt; **b**" in html
    written = [element.value for element in [*page.markdown, *page.caption]]
    written += [button.label for button in page.button]
    assert not any("onerror" in str(text) for text in written)


def test_a_database_that_is_down_is_said(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    set_up(monkeypatch, "postgresql://nobody:secret@127.0.0.1:9/none")
    html = shown(page.run())
    assert "Database down" in html
    assert "The database cannot be used." in html
    assert "secret" not in html
    assert figures(page) == {"Active": "–", "Critical": "–", "Unacknowledged": "–"}


def test_a_prefect_that_is_down_is_said_and_alerts_can_be_worked_on(scene: Scene, page: AppTest):
    wanted = scene.raises("this")
    page.run()
    deadline = time.monotonic() + 20
    while "Prefect does not answer" not in shown(page):
        assert time.monotonic() < deadline
        page.run()
    page.button(key=f"acknowledge-{wanted}").click().run()
    assert scene.store.alerts.get(wanted).status == "acknowledged"


def test_who_acts_is_shown(scene: Scene, page: AppTest):
    assert "Acting as <b>maria</b>" in shown(page.run())
