"""The escalations page: what escalates with its next step, policies as pictures, and a test."""

from __future__ import annotations

from datetime import timedelta

from streamlit.testing.v1 import AppTest

from sentinel.store.alerts.apply_escalation import carry_out
from sentinel.store.escalations.claims import claim_due
from sentinel.store.escalations.pages import page_answered, page_attempted, pages_due
from sentinel.store.escalations.running import running
from sentinel.store.oncall.documents import OnCallDocuments
from tests.dashboard.scene import Scene, shown

DOCUMENT = """people:
  ann: {notify: [{receiver: default}]}
  ben: {notify: [{receiver: default}]}
teams:
  db: {people: [ann, ben], escalation: databases}
schedules:
  primary:
    layers: [{rotation: {people: [ann], handoff: 2026-01-05T00:00}}]
  nobody:
    layers: [{rotation: {people: [ann], handoff: 2099-01-05T00:00}}]
escalation_policies:
  databases:
    description: databases, at any hour
    repeat: 2
    steps:
      - notify: schedule:primary
      - {after: 10m, notify: person:ben, severity: high}
      - {after: 20m, notify: schedule:nobody}
"""


def opened(page: AppTest) -> str:
    page.run().switch_page("escalations.py").run()
    return shown(page)


def test_what_escalates_is_shown_with_who_is_next_and_acknowledged_there(
    scene: Scene, page: AppTest
):
    OnCallDocuments(scene.store).apply(DOCUMENT, actor="eva")
    scene.raises("full <disk>", team="db", severity="critical", group_wait="0s",
                 ago=timedelta(minutes=1))  # fmt: skip
    carry_out(scene.store, claim_due(scene.store, scene.store.now()))
    now = scene.store.now()
    for one in pages_due(scene.store, now):
        page_attempted(scene.store, one.id, now)
        page_answered(scene.store, one.id, now)
    words = opened(page)
    assert "full &lt;disk&gt;" in words
    assert "Level 2 pages ben, " in words
    assert "Paged so far: ann." in words
    assert "level 1 of 9" in words
    (found,) = running(scene.store, now)
    page.button(key=f"acknowledge-{found.id}").click()
    page.run()
    assert "Acknowledged by maria." in shown(page)
    assert running(scene.store, now)[0].state == "acknowledged"


def test_policies_are_drawn_and_tried_with_who_would_be_paged(scene: Scene, page: AppTest):
    assert "Nothing escalates" in opened(page)
    OnCallDocuments(scene.store).apply(DOCUMENT, actor="eva")
    words = opened(page)
    assert "databases, at any hour · of the team db · begins again 2 times" in words
    assert words.count('class="policy-step"') == 2
    assert words.count('class="policy-step is-empty"') == 1
    assert "<b>ann</b><span>schedule primary</span>" in words
    assert "after 30m" in words
    assert "nobody is on call for schedule nobody" in words

    page.selectbox(key="escalation-severity").select("low").run()
    page.multiselect(key="escalation-labels").set_value(["team=db"]).run()
    tried = shown(page).partition("Whom would an alert page?")[2]
    assert "Policy databases" in tried
    assert "the group is less severe than high" in tried
    page.multiselect(key="escalation-labels").set_value(["team=web"]).run()
    assert "Nobody would be paged" in shown(page)
    page.multiselect(key="escalation-labels").set_value(["web"]).run()
    assert "is no label with a value" in shown(page)
