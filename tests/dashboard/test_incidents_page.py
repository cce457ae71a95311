"""The incidents page: opened from an alert, worked on, resolved, and its post-mortem written."""

from __future__ import annotations

import re
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from streamlit.testing.v1 import AppTest

from dashboard.clock import Clock
from dashboard.incident_view import list_html, markdown_html
from sentinel.access import Principal, Reach, Role, Scope
from sentinel.incidents.state import Incident, Status
from sentinel.store.incidents.action_items import ActionItems
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.listing import IncidentFilter
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.incidents.policies import IncidentPolicyDocuments
from sentinel.store.incidents.post_mortems import PostMortems
from sentinel.store.incidents.steps import Steps
from tests.dashboard.scene import Scene, given, says, shown

RUNBOOK = "1. Look at the board\n2. [Restart](prefect:restart/prod?count=2)\n"


def opened(page: AppTest, **parameters: str) -> AppTest:
    page.run().switch_page("incidents.py").run()
    for name, value in parameters.items():
        page.query_params[name] = value
    if parameters:
        page.run()
    shown(page)
    return page


def pressed(page: AppTest, key: str) -> str:
    page.button(key=key).click()
    page.run()
    return shown(page)


def made(scene: Scene, title: str, **more: object) -> Incident:
    new = NewIncident(title=title, **more)  # pyright: ignore[reportArgumentType] - fields by name
    return Incidents(scene.store).open(new, actor="lena")


def test_one_is_opened_from_an_alert_worked_on_and_taken_back(scene: Scene, page: AppTest):
    alert = scene.raises("checkout is slow", team="shop", severity="high",
                         labels={"service": "pay"})  # fmt: skip
    says(page.run(), "drawer", open=alert)
    assert given(page, "drawer")["alert"]["incident"] is None
    opened(page, **{"from": alert})
    assert page.text_input(key="incident-new-title-0").value == "checkout is slow"
    page.multiselect(key="incident-new-gather-0").set_value(["t"]).run()
    words = pressed(page, "incident-open")
    (one,) = Incidents(scene.store).active().items
    assert (one.title, one.team, one.severity) == ("checkout is slow", "shop", 4)
    assert one.acknowledged_by == "maria"
    assert Incidents(scene.store).alerts(one.id) == [alert]
    assert one.labels == {"t": "checkout is slow"} or one.matchers
    assert "Opened the incident checkout is slow" in words
    assert f'href="./?alert={alert}"' in words
    says(page, "drawer", open=alert)
    assert given(page, "drawer")["alert"]["incident"]["id"] == one.id
    says(page, "drawer", open="")

    page.text_area(key="incident-comment-0").set_value("the database").run()
    words = pressed(page, "incident-to-identified")
    assert Incidents(scene.store).get(one.id).status is Status.IDENTIFIED
    assert "<blockquote>the database</blockquote>" in words
    pressed(page, "undo-incidents-button")
    assert Incidents(scene.store).get(one.id).status is Status.INVESTIGATING
    page.text_area(key="incident-comment-1").set_value("still looking").run()
    assert "still looking" in pressed(page, "incident-update")
    pressed(page, "incident-take")
    assert Incidents(scene.store).get(one.id).assignee == "maria"
    page.selectbox(key="incident-role-3").set_value("commander").run()
    page.text_input(key="incident-person-3").set_value("ann")
    assert "commander: ann" in pressed(page, "incident-assign")
    led = replace(Incidents(scene.store).get(one.id), assignee="")
    listed = list_html([led], {}, led.opened_at, Clock(ZoneInfo("UTC")))
    assert "commander: ann" in listed
    assert "nobody" not in listed
    pressed(page, "undo-incidents-button")
    assert Incidents(scene.store).get(one.id).roles == {}
    page.selectbox(key="incident-out-4").set_value(alert).run()
    pressed(page, "incident-out")
    assert Incidents(scene.store).alerts(one.id) == []
    pressed(page, "undo-incidents-button")
    assert Incidents(scene.store).alerts(one.id) == [alert]


def test_a_runbook_is_written_and_its_steps_are_done_or_run(scene: Scene, page: AppTest):
    one = made(scene, "slow")
    opened(page, incident=one.id)
    page.text_area(key="incident-runbook-0").set_value(RUNBOOK).run()
    words = pressed(page, "incident-runbook-save")
    assert "1. Look at the board" in words
    assert "runs restart/prod" in words
    steps = Steps(scene.store)
    pressed(page, "incident-step-1-done")
    assert "run is requested" in pressed(page, "incident-step-2-run")
    assert [step.status for step in steps.of(one.id)] == ["done", "wanted"]
    (wanted,) = steps.wanted()
    assert (wanted.deployment, wanted.parameters) == ("restart/prod", {"count": 2})
    assert "incident-step-2-run" not in {button.key for button in page.button}
    pressed(page, "incident-step-1-reopen")
    pressed(page, "undo-incidents-button")
    assert steps.of(one.id)[0].status == "done"


def test_a_post_mortem_is_generated_edited_and_kept_with_its_action_items(
    scene: Scene, page: AppTest
):
    one = made(scene, "slow <b>", severity=5)
    opened(page, incident=one.id)
    page.text_area(key="incident-cause-0").set_value("a cable").run()
    pressed(page, "incident-cause-save")
    page.text_input(key="incident-item-1").set_value("Buy a cable")
    page.text_input(key="incident-owner-1").set_value("ann")
    page.date_input(key="incident-due-1").set_value(date(2027, 1, 5)).run()
    pressed(page, "incident-item-add")
    (item,) = ActionItems(scene.store).of(one.id)
    assert (item.title, item.owner, item.due) == ("Buy a cable", "ann", date(2027, 1, 5))
    pressed(page, f"incident-item-done-{item.id}")
    assert ActionItems(scene.store).of(one.id)[0].done_by == "maria"
    pressed(page, "undo-incidents-button")
    assert ActionItems(scene.store).of(one.id)[0].done_at is None
    assert "<b>" not in "".join(re.findall(r"<h1>(.*?)</h1>", shown(page)))

    page.toggle(key="incident-writes").set_value(True).run()
    editor = page.text_area(key="incident-post-mortem-3")
    assert "a cable" in str(editor.value)
    assert "Buy a cable" in str(editor.value)
    editor.set_value("# What happened\n\n- a **cable**").run()
    assert "<strong>cable</strong>" in shown(page)  # the preview
    pressed(page, "incident-post-mortem-save")
    kept = PostMortems(scene.store)
    assert (kept.get(one.id).version, kept.get(one.id).saved_by) == (1, "maria")
    # Somebody else's version is not overwritten by a text that began before it.
    page.text_area(key="incident-post-mortem-4").set_value("# Mine").run()
    kept.save(one.id, "# Theirs", actor="lena")
    assert "somebody saved version 2" in pressed(page, "incident-post-mortem-save")
    assert kept.get(one.id).document == "# Theirs"
    assert page.text_area(key="incident-post-mortem-4").value == "# Mine"
    page.text_area(key="incident-comment-4").set_value("").run()
    pressed(page, "incident-to-resolved")
    assert Incidents(scene.store).get(one.id).resolved_by == "maria"


def test_a_root_cause_of_somebody_else_is_not_replaced_unseen(scene: Scene, page: AppTest):
    one, incidents = made(scene, "slow"), Incidents(scene.store)
    opened(page, incident=one.id)
    page.text_area(key="incident-cause-0").set_value("a cable").run()
    incidents.set_root_cause(one.id, "a full disk", actor="lena")
    page.run()  # the page shows the other one meanwhile
    assert "another root cause meanwhile" in pressed(page, "incident-cause-save")
    assert incidents.get(one.id).root_cause == "a full disk"
    assert page.text_area(key="incident-cause-0").value == "a cable"
    pressed(page, "incident-cause-save")  # again, having seen it
    assert incidents.get(one.id).root_cause == "a cable"
    pressed(page, "undo-incidents-button")
    assert incidents.get(one.id).root_cause == "a full disk"


def test_the_list_has_open_and_past_ones_figures_and_a_filter(scene: Scene, page: AppTest):
    made(scene, "lesser", severity=2)
    made(scene, "worst", severity=5)
    over = made(scene, "over", service="pay")
    Incidents(scene.store).set_status(over.id, Status.RESOLVED, actor="lena")
    words = shown(opened(page))
    titles = re.findall(r'incident=\w+" target="_self">(.*?)</a>', words)
    assert titles == ["worst", "lesser", "over"]
    assert "Open (2)" in words
    assert "Past (1)" in words
    assert "<dt>Opened</dt><dd>3</dd>" in words
    assert "<dt>Open</dt><dd>2</dd>" in words
    page.text_input(key="q").set_value("PAY").run()
    assert "worst" not in shown(page)
    page.text_input(key="q").set_value("").run()
    page.selectbox(key="incident-severity").set_value("critical").run()
    assert "lesser" not in shown(page)
    assert "There is no such incident" in shown(opened(page, incident="0" * 32))


def test_one_is_opened_by_hand_and_what_cannot_be_says_why(scene: Scene, page: AppTest):
    opened(page)
    pressed(page, "incident-new")
    assert "No incident was opened" in pressed(page, "incident-open")
    assert not Incidents(scene.store).active().items
    page.text_input(key="incident-new-title-0").set_value("the lift is stuck").run()
    pressed(page, "incident-open")
    (one,) = Incidents(scene.store).active().items
    assert (one.title, one.opened_by) == ("the lift is stuck", "maria")


def test_a_viewer_reads_and_does_nothing(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch
):
    one = made(scene, "slow", runbook=RUNBOOK)
    viewer = Principal(name="vera", kind="person", role=Role.VIEWER)
    monkeypatch.setattr("dashboard.session._principal", lambda: viewer)
    assert "yours is viewer" in shown(opened(page))
    assert "incident-open" not in {button.key for button in opened(page, **{"from": "new"}).button}
    words = shown(opened(page, incident=one.id))
    assert "Look at the board" in words
    assert {str(one.key) for one in page.button if str(one.key).startswith("incident-")} == {
        "incident-all"
    }


def test_people_see_the_incidents_of_their_tenants(scene: Scene):
    made(scene, "ours", tenant="red")
    made(scene, "theirs")
    red = Incidents(scene.store, Scope((Reach(frozenset({"red"})),)))
    assert [one.title for one in red.page(IncidentFilter()).items] == ["ours"]


def test_markdown_loads_nothing_and_runs_nothing():
    words = markdown_html(
        "<script>x</script> ![p](https://example.org/p.png) [a](javascript:x) [b](https://b.org)"
    )
    assert "<script" not in words
    assert "<img" not in words
    assert "javascript:x)" in words  # as text
    assert '<a href="https://b.org">' in words
    assert "<h3>One</h3>" in markdown_html("# One")  # the page has its own first heading


def test_a_step_that_needs_an_approval_is_rejected_or_approved_on_the_page(
    scene: Scene, page: AppTest
):
    document = (
        "policies: [{name: web, min_severity: low, approval: {}, "
        "runbook: '1. [Restart](prefect:restart/prod)'}]"
    )
    IncidentPolicyDocuments(scene.store).apply(document, actor="ann")
    scene.raises("web is slow")
    (one,) = Incidents(scene.store).active().items
    opened(page, incident=one.id)
    assert "run waits for an approval" in pressed(page, "incident-step-1-run")
    buttons = {each.key for each in page.button}
    assert not {"incident-step-1-run", "incident-step-1-done"} & buttons
    assert "it was rejected" in pressed(page, "incident-step-1-reject")
    pressed(page, "incident-step-1-run")
    assert "run is requested" in pressed(page, "incident-step-1-approve")
    (wanted,) = Steps(scene.store).wanted()
    assert wanted.attempt == 2


def test_a_remediation_that_waits_is_approved_on_the_incident_of_its_alert(
    scene: Scene, page: AppTest
):
    waits = {"deployment": "restart/web", "approval": {"role": "admin"}}
    alert = scene.raises("web is slow", name="heals", remediate=waits)
    one = made(scene, "Web", alerts=[alert])
    words = shown(opened(page, incident=one.id))
    assert "restart/web" in words
    assert "web is slow · waits for an approval until" in words
    words = pressed(page, f"incident-approve-{alert}")
    assert "restart/web: approved" in words
    assert "starts within a minute" in words
    found = scene.store.remediations.of(alert)
    assert found is not None
    assert (found.status, found.decided_by) == ("wanted", "maria")
    assert f"incident-approve-{alert}" not in {each.key for each in page.button}
