"""A Grafana OnCall account becomes an on-call document, and who is on call stays the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sentinel.ingest.oncall_import.answers import VendorApi
from sentinel.ingest.oncall_import.comparing import compared
from sentinel.ingest.oncall_import.grafana_answers import GrafanaAnswers, from_api, from_folder
from sentinel.ingest.oncall_import.grafana_oncall import read_grafana
from sentinel.ingest.oncall_import.grafana_shifts import Unusable, layer_of
from sentinel.ingest.oncall_import.imported import ImportedOnCall, Known
from sentinel.oncall.document import OnCallDocument
from sentinel.oncall.schedule import Override, Schedule
from sentinel.oncall.shifts import on_call
from tests.ingest.oncall_import.grafana_sample import (
    DAYS,
    NOW,
    answer,
    events,
    sample,
    write_folder,
)
from tests.ingest.oncall_import.vendor_server import VendorServer

NOBODY = Known(OnCallDocument())


def found(given: dict[str, Any] | None = None) -> ImportedOnCall:
    lists = dict(given or sample())
    answers = GrafanaAnswers(
        final_shifts=lists.pop("final_shifts"), lists=lists, since=NOW,
        until=NOW + timedelta(days=DAYS),
    )  # fmt: skip
    return read_grafana(answers, NOBODY, NOW)


def lines(result: ImportedOnCall) -> list[str]:
    return [str(one) for one in result.notes]


def differing(result: ImportedOnCall) -> dict[str, int]:
    made: dict[str, list[Override]] = {}
    for one in result.overrides:
        made.setdefault(one.schedule, []).append(one.override)
    held = compared(result.timelines, result.document, made, seed=2)
    assert all(len(one.instants) == 100 for one in held)
    return {one.schedule: len(one.differing) for one in held}


def shift(**fields: Any) -> dict[str, Any]:
    base = {"type": "rolling_users", "start": "2026-01-07T08:00:00", "interval": 1}
    return base | fields


SHIFTS: list[dict[str, Any]] = [
    shift(frequency="daily", duration=86400, rolling_users=[["a"], ["b"], ["c", "d"]]),
    shift(frequency="daily", duration=28800, rolling_users=[["a"], ["b"]]),
    shift(frequency="daily", interval=3, duration=43200, rolling_users=[["a"], ["b"]]),
    shift(frequency="hourly", interval=6, duration=14400, rolling_users=[["a"], ["b"], ["c"]]),
    shift(frequency="weekly", duration=604800, rolling_users=[["a"], ["b"]],
          start_rotation_from_user_index=1),
    shift(frequency="weekly", interval=2, duration=864000, rolling_users=[["a"], ["b"]]),
    shift(frequency="weekly", duration=43200, week_start="MO", rolling_users=[["a"], ["b"]],
          by_day=["WE", "FR", "SU"]),
    shift(frequency="weekly", duration=57600, week_start="SU", interval=2, by_day=["WE", "SA"],
          rolling_users=[["a"], ["b"], ["c"]]),
    shift(frequency="weekly", duration=86400, week_start="WE", by_day=["WE", "TH"],
          rolling_users=[["a"], ["b"]], rotation_start="2026-02-10T00:00:00"),
    shift(frequency="daily", duration=36000, by_day=["MO", "WE", "FR"],
          rolling_users=[["a"], ["b"]]),
    shift(frequency="daily", duration=36000, by_day=["MO", "TU", "WE", "TH", "FR"], interval=2,
          rolling_users=[["a"], ["b"], ["c"]]),
    shift(type="recurrent_event", frequency="daily", duration=30600, users=["a", "b"]),
    shift(type="recurrent_event", frequency="weekly", duration=5400, users=["a"], interval=2),
    shift(type="recurrent_event", frequency="daily", duration=3600, by_day=["SA", "WE"],
          users=["a"]),
    shift(type="single_event", duration=100 * 3600, users=["a"]),
]  # fmt: skip


@pytest.mark.parametrize("place", range(len(SHIFTS)))
def test_a_shift_is_on_call_when_its_events_are(place: int):
    given = SHIFTS[place]
    groups = given["rolling_users"] if "rolling_users" in given else [given["users"]]
    first = given.get("start_rotation_from_user_index", 0)
    layer = layer_of(given, [*groups[first:], *groups[:first]])
    schedule = Schedule.model_validate({"layers": [layer]})
    start = datetime(2026, 1, 4)  # noqa: DTZ001 - on the wall clock of UTC
    held = list(events(given, start + timedelta(days=90)))
    assert held
    for quarters in range(0, 80 * 96, 3):
        at = start + timedelta(minutes=quarters * 15 + 1)
        expected = next((tuple(who) for begins, ends, who in held if begins <= at < ends), ())
        assert on_call(schedule, [], at.replace(tzinfo=UTC)) == expected, at


REFUSED = [
    (shift(frequency="monthly", duration=3600), "frequency: 'monthly' is none of"),
    (shift(frequency="daily", duration=90000), "duration: 25 hours overlap"),
    (shift(frequency="weekly", duration=90000, by_day=["MO"]), "duration: 90000 s are more"),
    (shift(frequency="daily", duration=3600, by_monthday=[1]), "by_monthday"),
    (shift(frequency="daily", duration=0), "duration: 0 is less than a minute"),
    (shift(frequency="daily", duration=3600, start="soon"), "start: 'soon' is no time"),
    (shift(frequency="hourly", duration=900), "frequency: hourly with"),
    (shift(frequency="weekly", interval=50, duration=3600, by_day=["MO"]), "too many turns"),
]


@pytest.mark.parametrize("place", range(len(REFUSED)))
def test_a_shift_that_no_layer_can_be_is_refused_with_its_field(place: int):
    given, said = REFUSED[place]
    with pytest.raises(Unusable, match=said):
        layer_of(given, [["a"], ["b"]])


def test_levels_decide_and_who_is_on_call_is_the_same_at_a_hundred_random_instants():
    result = found()
    schedule = result.document.schedules["primary"]
    assert [one.name for one in schedule.layers] == ["weeks", "evenings", "fair"]
    assert (schedule.combine, schedule.timezone) == ("topmost", "Europe/Berlin")
    assert differing(result) == {"primary": 0, "rota": 0}
    assert [(one.schedule, one.override.people, one.override.replaces, one.reason)
            for one in result.overrides] == [
        ("primary", ("cem",), "", "Grafana OnCall override O4"),
        ("primary", ("ben",), "ann", "Grafana OnCall swap W1"),
    ]  # fmt: skip


def test_shifts_of_one_level_with_the_same_times_are_one_layer_beside_other_levels():
    second = {"id": "O7", "name": "second", "rolling_users": [["U3"], ["U1"], ["U2"]]}
    result = found(sample([second | {"start_rotation_from_user_index": 0}]))
    schedule = result.document.schedules["primary"]
    assert [one.name for one in schedule.layers] == ["weeks, second", "evenings", "fair"]
    assert schedule.layers[0].rotation.people[:3] == [["ben", "cem"], ["ann"], ["ben", "cem"]]
    assert differing(result) == {"primary": 0, "rota": 0}
    assert not [one for one in lines(result) if "are on call together there" in one]


def test_people_teams_and_chains_and_what_is_left_out():
    result = found()
    assert [(one.receiver, one.after.total_seconds())
            for one in result.document.people["ann"].notify] == [("ann-email", 300)]  # fmt: skip
    assert result.document.teams["db"].people == ["ann", "ben"]
    policy = result.document.escalation_policies["default"]
    assert [(one.after.total_seconds(), [str(to) for to in one.notify])
            for one in policy.steps] == [
        (0, ["schedule primary", "person cem"]), (600, ["team db"])
    ]  # fmt: skip
    assert (policy.repeat, policy.repeat_after.total_seconds()) == (5, 900)
    said = lines(result)
    rules = "users.ann.personal_notification_rules"
    for line in (
        f"left out: {rules}.notify_by_sms: telephone numbers are not in the API",
        f"left out: {rules}.important: a person has one list of receivers here",
        "left out: schedules.primary.shifts.monthly.frequency: 'monthly' is none of hourly, daily, "
        "weekly: it cannot be a layer",
        "differs: schedules.rota.ical_url_primary: its shifts up to 2026-10-10 are fixed here, and "
        "nobody is on call after them: read the calendar with sentinel oncall read-calendar",
        "left out: escalation_chains.default[4].trigger_webhook: a receiver with a channel of type "
        "webhook does it",
        "make: integrations.am: alertmanager: send its alerts to "
        "/api/v1/alerts/webhooks/prometheus",
        "make: integrations.am.default_route: a route {escalation: default}",
        "left out: integrations.am.routes.R2.routing_regex: us-east: it looks at the whole "
        "payload; a route {matchers: […], escalation: default} looks at labels",
    ):
        assert line in said
    assert not [one for one in said if "ended" in one or "s3cret" in one or "W2" in one]


def test_shifts_of_one_level_beside_others_and_of_other_zones_are_named():
    given = sample()
    weeks, evenings, fair, *_ = given["on_call_shifts"]
    fair["level"], fair["time_zone"] = 0, "America/New_York"
    evenings["time_zone"] = "Mars"
    evenings["level"] = 1
    given["on_call_shifts"].append(weeks | {"id": "O7", "name": "second", "level": 5})
    given["schedules"][0]["shifts"].append("O7")
    said = lines(found(given))
    assert any("shifts of level 0 are on call together there" in one for one in said)
    assert any(one.startswith("differs: schedules.primary.shifts.fair.time_zone: its times are of "
                              "America/New_York there") for one in said)  # fmt: skip
    assert (
        "left out: schedules.primary.shifts.evenings.time_zone: 'Mars' is no IANA time zone: "
        in ("\n".join(said))
    )
    del given["on_call_shifts"][-1]
    given["final_shifts"] = {}
    assert "left out: schedules.primary.shifts: O7 are not there" in lines(found(given))
    assert found(given).timelines == {}


def test_a_folder_of_answers_and_the_api_have_the_same(tmp_path: Path):
    whole = found()
    files = read_grafana(from_folder(write_folder(tmp_path)), NOBODY, NOW)
    assert (files.document, files.overrides) == (whole.document, whole.overrides)
    said: list[str] = []
    server = VendorServer(answer, "t0ken")
    headers = {"Authorization": "t0ken"}
    with server.serving(), VendorApi(f"{server.url}/oncall", headers, say=said.append) as api:
        got = from_api(api, NOW, DAYS, said.append)
    result = read_grafana(got, NOBODY, NOW)
    assert (result.document, result.overrides) == (whole.document, whole.overrides)
    assert differing(result) == {"primary": 0, "rota": 0}
    refused = f"left out: routes: {server.url}/oncall/api/v1/routes/: 403"
    assert f"{refused}, the token may not read it" in lines(result)
    assert "t0ken" not in "".join(said)
