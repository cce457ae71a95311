"""The on-call page: who is on call, overrides and swaps by selecting shifts, and the document."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.calendar_weeks import CalendarRow, CalendarSpan, calendar_of
from dashboard.clock import Clock
from dashboard.oncall_commands import SwapShifts
from sentinel.access import Principal, Role
from sentinel.oncall.shifts import on_call
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides
from tests.dashboard.scene import Scene, given, says, shown

DOCUMENT = """people:
  ann: {notify: [{receiver: default}]}
  ben: {notify: [{receiver: default}]}
schedules:
  primary:
    timezone: UTC
    layers: [{name: daily, rotation: {people: [ann, ben], every: daily, handoff: 2026-01-05T00:00}}]
  nights:
    timezone: Europe/Berlin
    layers:
      - name: fixed
        rotation: {people: [ben], handoff: 2026-01-05T09:00}
        within: [{days: mon-fri}]
"""


class Rota:
    """The page over a database with two schedules."""

    def __init__(self, scene: Scene, page: AppTest) -> None:
        self.store, self.page = scene.store, page
        self.documents, self.overrides = OnCallDocuments(scene.store), OnCallOverrides(scene.store)
        self.documents.apply(DOCUMENT, actor="eva")
        self.now = scene.store.now()

    def opened(self) -> Rota:
        self.page.run().switch_page("oncall.py").run()
        shown(self.page)
        return self

    def bars(self, row: int = 1) -> list[dict[str, object]]:
        drawn = given(self.page, "calendar")["rows"][row]
        return [one for week in drawn["weeks"] for one in week]

    def selects(self, key: object) -> Rota:
        self.number = getattr(self, "number", 0) + 1
        says(self.page, "calendar", picked=f"{self.number} {key}")
        shown(self.page)
        return self

    def presses(self, key: str) -> Rota:
        self.page.button(key=key).click()
        self.page.run()
        shown(self.page)
        return self

    def who(self, moment: datetime) -> tuple[str, ...]:
        schedule = self.documents.active().schedules["primary"]
        return on_call(schedule, self.overrides.of("primary"), moment)


@pytest.fixture
def rota(scene: Scene, page: AppTest) -> Rota:
    return Rota(scene, page)


def days(rota: Rota) -> tuple[datetime, datetime]:
    """Moments of tomorrow and of the day after, which another person has."""
    noon = rota.now.replace(hour=12, minute=0, second=0, microsecond=0)
    return noon + timedelta(days=1), noon + timedelta(days=2)


def test_a_shift_is_overridden_and_swapped_by_selecting_it(
    rota: Rota, monkeypatch: pytest.MonkeyPatch
):
    first, second = days(rota)
    had, other = rota.who(first), rota.who(second)
    page = rota.opened().page
    words = shown(page)
    assert f"<b>{rota.who(rota.now)[0]}</b>" in words
    assert {str(one["kind"]) for one in rota.bars(0)} == {"shift", "gap"}  # nights has no weekends
    assert "nights" in words
    assert "Gaps and shares" in words
    (loads,) = [one.value for one in page.dataframe if "Share" in one.value]
    shares = {
        schedule: [float(text.partition("%")[0]) for text in rows["Share"]]
        for schedule, rows in loads.groupby("Schedule")
    }
    assert all(99 <= sum(parts) <= 101 for parts in shares.values())
    assert len(shares) == 2

    gap = next(one for one in rota.bars(0)[::-1] if one["kind"] == "gap")
    rota.selects(gap["pick"])
    assert "nights: Nobody is on call" in shown(page)
    key = f"{first.replace(hour=0).isoformat()} primary"
    rota.selects(key)
    page.selectbox(key=f"override-person-{key}").select(other[0]).run()
    assert f"<s>{had[0]}</s> → <b>{other[0]}</b>" in shown(page)
    assert rota.overrides.rows() == []  # a preview changes nothing
    page.text_input(key=f"override-reason-{key}").set_value("a cold")
    rota.presses("override-save")
    assert (rota.who(first), rota.who(second)) == (other, other)
    (made,) = rota.overrides.rows()
    assert (made.made_by, made.schedule, made.reason) == ("maria", "primary", "a cold")
    assert "override" in {one["kind"] for one in rota.bars(1)}

    rota.presses("undo-on-call-button")
    assert rota.overrides.rows() == []

    rota.selects(key)
    page.button_group(key=f"slot-kind-{key}").set_value("Swap").run()
    choices = page.selectbox(key=f"swap-{key}")
    choices.select_index(next(i for i, one in enumerate(choices.options) if other[0] in one)).run()
    assert shown(page).count("→ <b>") >= 1
    rota.presses("swap-save")
    assert rota.who(first) == other
    assert len(rota.overrides.rows()) == 2
    assert "swap:" in shown(page)
    rota.presses(f"remove-{rota.overrides.rows()[0].id}")
    assert (rota.who(first), rota.who(second)) == (had, other)

    running = next(str(one["pick"]) for one in rota.bars(1) if not one["over"])
    rota.selects(running)
    page.button_group(key=f"slot-kind-{running}").set_value("Swap").run()
    page.selectbox(key=f"swap-{running}").select_index(0).run()
    sent: list[SwapShifts] = []

    def keep(command: SwapShifts, _words: str) -> None:
        sent.append(command)

    with monkeypatch.context() as kept:
        kept.setattr("dashboard.oncall_panels._save", keep)
        rota.presses("swap-save").presses("swap-save")
    assert sent[0] == sent[1], "a double click is one"
    rota.presses("swap-save")
    begun = min(rota.overrides.rows(), key=lambda one: one.starts_at)
    assert rota.now <= begun.starts_at < first, "what is left of the shift is swapped"


def test_the_document_is_changed_with_its_difference_and_taken_back(rota: Rota):
    page = rota.opened().page
    page.toggle(key="oncall-edits").set_value(True).run()
    draft = page.text_area(key="oncall-draft")
    draft.set_value(DOCUMENT.replace("[ann, ben]", "[ann, cem]")).run()
    assert "there is no person &#x27;cem&#x27;" in shown(page)
    assert page.button(key="oncall-apply").disabled
    draft.set_value(DOCUMENT.replace("people: [ann, ben]", "people: [ann]")).run()
    assert "+    layers: [{name: daily, rotation: {people: [ann]," in page.code[0].value
    assert "<s>ben</s> → <b>ann</b>" in shown(page)
    rota.presses("oncall-apply")
    assert OnCallDocuments(rota.store).version().applied_by == "maria"
    assert rota.documents.active().schedules["primary"].people == {"ann"}
    rota.presses("undo-on-call-button")
    active = rota.documents.version()
    assert (active.number, active.rolled_back_to) == (3, 1)


def test_what_a_role_may_not_do_is_not_offered_and_says_why(
    rota: Rota, monkeypatch: pytest.MonkeyPatch
):
    viewer = Principal(name="vera", kind="person", role=Role.VIEWER)
    monkeypatch.setattr("dashboard.session._principal", lambda: viewer)
    page = rota.opened().page
    assert "changed by the role editor or a higher one; yours is viewer" in shown(page)
    first, _ = days(rota)
    rota.selects(f"{first.replace(hour=0).isoformat()} primary")
    assert "need the role responder or a higher one; yours is viewer" in shown(page)
    assert not page.selectbox
    assert not page.toggle


def test_a_document_that_cannot_be_read_is_said_and_the_database_is_not_blamed(rota: Rota):
    with rota.store.write() as connection:
        connection.exec_driver_sql("UPDATE oncall_version SET document = 'people: 5'")
    words = shown(rota.opened().page)
    assert "This page cannot be shown." in words
    assert "people: " in words
    assert "database is not available" not in words


def test_without_a_document_the_page_begins_with_an_example(scene: Scene, page: AppTest):
    page.run().switch_page("oncall.py").run()
    assert "No on-call schedule yet" in shown(page)
    page.button(key="oncall-apply").click()
    page.run()
    assert sorted(OnCallDocuments(scene.store).active().schedules) == ["primary"]
    assert "oncall-card" in shown(page)


def test_a_card_says_a_handoff_in_the_zone_of_its_schedule_too(rota: Rota):
    words = shown(rota.opened().page)
    assert "Europe/Berlin</small>" in words
    assert re.search(r"\d (AM|PM) in Europe/Berlin</small>", words)
    assert "in UTC</small>" not in words


BERLIN = Clock(ZoneInfo("Europe/Berlin"), "en-GB")


def test_a_bar_over_two_weeks_has_a_part_in_each():
    span = CalendarSpan(
        start=datetime(2026, 10, 24, 22, tzinfo=UTC),  # midnight of Sunday, the clock goes back
        end=datetime(2026, 10, 27, 11, tzinfo=UTC), text="ann", label="ann", tone=9, pick="p",
    )  # fmt: skip
    now = datetime(2026, 10, 25, 11, tzinfo=UTC)
    row = CalendarRow(name="primary", note="", spans=[span])
    drawn = calendar_of([row], date(2026, 10, 19), 2, now, BERLIN)
    (first,), (second,) = drawn["rows"][0]["weeks"]
    assert (first["left"], first["width"]) == (pytest.approx(600 / 7, abs=0.01),
                                               pytest.approx(100 / 7, abs=0.01))  # fmt: skip
    assert (second["left"], second["width"]) == (0.0, pytest.approx(150 / 7, abs=0.01))
    assert (first["began"], first["goes_on"], second["began"], second["goes_on"]) == (
        False, True, True, False,
    )  # fmt: skip
    assert first["tone"] == 1
    assert not first["over"]
    # 13 of the 25 hours of that Sunday are over.
    assert drawn["now"] == {"week": 0, "left": pytest.approx(100 * (6 + 13 / 25) / 7, abs=0.01)}
    names = [[day["name"] for day in week] for week in drawn["days"]]
    assert names[0][0] == "Mon 19"
    assert len(names[1]) == 7
    assert [day["today"] for day in drawn["days"][0]].index(True) == 6
