"""An Opsgenie account becomes an on-call document, and who is on call stays the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.errors import ConfigurationError
from sentinel.ingest.oncall_import.answers import VendorApi
from sentinel.ingest.oncall_import.comparing import compared
from sentinel.ingest.oncall_import.imported import ImportedOnCall, Known
from sentinel.ingest.oncall_import.opsgenie import read_opsgenie
from sentinel.ingest.oncall_import.opsgenie_answers import OpsgenieAnswers, from_api, from_folder
from sentinel.notifications.route_document import read_routes
from sentinel.oncall.document import OnCallDocument, read_oncall
from sentinel.oncall.schedule import Override
from tests.ingest.oncall_import.opsgenie_sample import NOW, answer, sample, write_backup
from tests.ingest.oncall_import.published import refuse_others
from tests.ingest.oncall_import.vendor_server import VendorServer

NOBODY = Known(OnCallDocument())


def answers(**changes: Any) -> OpsgenieAnswers:
    given = sample() | changes
    return OpsgenieAnswers(**given)


def found(known: Known = NOBODY, **changes: Any) -> ImportedOnCall:
    return read_opsgenie(answers(**changes), known, NOW)


def lines(result: ImportedOnCall) -> list[str]:
    return [str(one) for one in result.notes]


def overrides_of(result: ImportedOnCall) -> dict[str, list[Override]]:
    made: dict[str, list[Override]] = {}
    for one in result.overrides:
        made.setdefault(one.schedule, []).append(one.override)
    return made


def test_the_sample_is_of_the_published_schema():
    given = sample()
    rotations = given["timelines"]["s1"]["finalTimeline"]["rotations"]
    for one in rotations:
        del one["periods"][3:]
    refuse_others(
        "opsgenie",
        {
            "User": given["users"], "NotificationRule": given["rules"]["u1"],
            "Team": given["teams"], "TeamRoutingRule": given["routing"]["t1"],
            "Schedule": given["schedules"], "ScheduleOverride": given["overrides"]["s1"],
            "Escalation": given["escalations"], "ForwardingRule": given["forwardings"],
            "ScheduleTimeline": [given["timelines"]["s1"]],
        },
    )  # fmt: skip


def test_people_have_their_contacts_in_the_order_of_their_first_rule():
    result = found()
    ann = result.document.people["ann"]
    assert (ann.name, ann.email, ann.timezone) == ("Ann", "Ann@example.org", "Europe/Berlin")
    assert [(one.receiver, one.after.total_seconds()) for one in ann.notify] == [
        ("ann-email", 0), ("ann-sms", 300), ("ann-voice", 600),
    ]  # fmt: skip
    assert [one.receiver for one in result.document.people["ben"].notify] == ["ben-email"]
    assert result.receivers["ann-sms"] == ["sentinel-twilio-sms/ann-sms"]
    assert result.commands["ann-sms"] == (
        "sentinel channel add twilio-sms ann-sms --set to_number=+491701234567"
    )
    said = lines(result)
    for line in (
        "left out: users.Ann@example.org.notificationRules.steps.mobile: Opsgenie's app is no "
        "channel of Sentinel",
        "left out: users.Ann@example.org.notificationRules.at night: Sentinel has one list of "
        "receivers for a person, whatever the alert and the time",
        "differs: users.ben@example.org.notificationRules: no rule about new alerts can be "
        "carried over: mail at once",
    ):
        assert line in said


def test_a_schedule_has_a_layer_for_each_rotation_and_all_of_them_are_on_call():
    schedule = found().document.schedules["primary"]
    assert (schedule.timezone, schedule.combine) == ("Europe/Berlin", "all")
    weekly, office = schedule.layers
    assert (weekly.name, weekly.rotation.people) == ("weekly", [["ann"], ["ben"]])
    assert (str(weekly.rotation.every), f"{weekly.rotation.handoff:%F %H:%M}") == (
        "1 week", "2026-01-05 09:00"
    )  # fmt: skip
    assert office.rotation.people == [["cem"], []]
    assert [(one.days, one.start, one.end) for one in office.within] == [
        (["mon", "tue", "wed", "thu", "fri"], "09:30", "17:00")
    ]
    assert f"{office.until:%F %H:%M}" == "2027-01-01 00:00"
    assert "old" not in found().document.schedules


def test_who_is_on_call_is_the_same_at_a_hundred_random_instants_over_a_change_of_the_clock():
    result = found()
    (one,) = compared(result.timelines, result.document, overrides_of(result), seed=1)
    assert (one.schedule, len(one.instants), one.differing) == ("primary", 100, [])
    assert len({tuple(at.before) for at in one.instants}) >= 4
    assert one.start < one.instants[0].at < one.instants[-1].at < one.end
    # Without the override and the forwarding, Opsgenie has others on call.
    (without,) = compared(result.timelines, result.document, {}, seed=1)
    assert [one.before for one in without.differing] != []
    again = compared(result.timelines, result.document, {}, seed=1)
    assert again == [without] != compared(result.timelines, result.document, {}, seed=2)


def test_an_override_of_one_rotation_and_a_forwarding_replace_people_by_name():
    result = found()
    made = [
        (one.override.people, one.override.replaces, one.override.start.isoformat(), one.reason)
        for one in result.overrides
    ]
    assert made == [
        (("cem",), "ben", "2026-10-07T08:00:00+00:00", "Opsgenie override o1"),
        (("cem",), "", "2026-09-07T08:00:00+00:00", "Opsgenie override gone"),
        (("cem",), "ben", "2026-10-06T00:00:00+00:00", "Opsgenie forwarding holiday"),
    ]
    assert any(one.startswith("differs: schedules.primary.overrides.o1.rotations: it is of weekly "
                              "alone") for one in lines(result))  # fmt: skip


def test_escalations_become_policies_whose_steps_are_apart_by_the_differences():
    result = found()
    policy = result.document.escalation_policies["db_escalation"]
    assert [(one.after.total_seconds() / 60, [str(to) for to in one.notify])
            for one in policy.steps] == [
        (0, ["schedule primary"]), (5, ["schedule primary"]),
        (10, ["person ann", "person ben", "person cem"]),
    ]  # fmt: skip
    assert (policy.repeat, policy.repeat_after.total_seconds()) == (2, 1200)
    assert result.document.teams["db"].model_dump(exclude_none=True) == {
        "people": ["ann", "ben"], "schedule": "primary", "escalation": "db_escalation"
    }  # fmt: skip
    said = lines(result)
    for line in (
        "differs: escalations.db_escalation.rules[1].notifyType: next: Sentinel pages who is on "
        "call by primary",
        "differs: escalations.db_escalation.repeat.resetRecipientStates: an acknowledgement ends "
        "the escalation, also in a later round",
        "left out: teams.db.routingRules.odd.criteria: message contains: routes match labels and "
        "the severity only",
        "make: integrations.prom: Prometheus: a webhook of Alertmanager: "
        "/api/v1/alerts/webhooks/prometheus",
        "left out: integrations.dog: Datadog: Sentinel has no door of its own for it; send its "
        "webhook as events to POST /api/v1/events",
        "left out: schedules.old: enabled: false; nobody is on call by it",
    ):
        assert line in said


def test_routes_can_be_written_into_a_document_of_routes():
    result = found()
    text = yaml.safe_dump({"route": {"receiver": "default", "routes": [*result.routes]}})
    (route,) = read_routes(text).route.routes
    assert (route.matchers, route.escalation) == (
        ['team="db"', 'severity="critical"', 'region!="eu"'], "db_escalation"
    )  # fmt: skip
    given = sample()
    given["escalations"][0]["rules"] = given["escalations"][0]["rules"][:1] * 60
    for place, rule in enumerate(given["escalations"][0]["rules"]):
        given["escalations"][0]["rules"][place] = rule | {"delay": {"timeAmount": place}}
    result = found(**given)  # more steps than a policy has
    assert list(result.routes) == []
    assert any(one.startswith("left out: teams.db.routingRules.bad: a route") for one in
               lines(result))  # fmt: skip
    assert result.document.teams["db"].escalation is None


SPANS: list[tuple[dict[str, Any], list[tuple[str, str, str]]]] = [
    ({"type": "time-of-day", "restriction": {"startHour": 22, "startMin": 0, "endHour": 6,
                                             "endMin": 30}},
     [("mon-sun", "00:00", "06:30"), ("mon-sun", "22:00", "24:00")]),
    ({"type": "weekday-and-time-of-day", "restrictions": [
        {"startDay": "friday", "startHour": 18, "startMin": 0, "endDay": "monday", "endHour": 9,
         "endMin": 0}]},
     [("mon", "00:00", "09:00"), ("fri", "18:00", "24:00"), ("sat-sun", "00:00", "24:00")]),
    ({"type": "weekday-and-time-of-day", "restrictions": [
        {"startDay": "monday", "startHour": 0, "startMin": 0, "endDay": "monday", "endHour": 0,
         "endMin": 0}]}, []),
]  # fmt: skip


@pytest.mark.parametrize(("restriction", "windows"), SPANS)
def test_a_time_restriction_becomes_windows_also_over_days_and_the_end_of_the_week(
    restriction: dict[str, Any], windows: list[tuple[str, str, str]]
):
    schedules = sample()["schedules"]
    schedules[0]["rotations"][1]["timeRestriction"] = restriction
    layer = found(schedules=schedules).document.schedules["primary"].layers[1]
    names = {"mon-sun": 7, "sat-sun": 2}
    assert [(one.start, one.end, len(one.days)) for one in layer.within] == [
        (start, end, names.get(days, 1)) for days, start, end in windows
    ]


def test_what_cannot_be_read_is_named_and_costs_nothing_else():
    given = sample()
    rotation = given["schedules"][0]["rotations"][0]
    rotation["startDate"], given["schedules"][0]["rotations"][1]["type"] = "soon", "yearly"
    given["users"].append({"id": "u9", "username": "", "fullName": 7})
    given["escalations"].append({"id": "e2", "name": "nothing", "rules": [{"recipient": 3}]})
    given["overrides"]["s1"][0]["user"] = {"type": "user", "id": "nobody", "username": "x@y"}
    result = found(**given)
    said = lines(result)
    for line in (
        "left out: schedules.primary.rotations.weekly: schedules.primary.rotations.weekly."
        "startDate: 'soon' is no time",
        "left out: schedules.primary.rotations.office.type: 'yearly' is none of hourly, daily, "
        "weekly",
        "left out: users.u9: it has no username that is an address",
        "left out: escalations.nothing: none of its rules pages anybody",
        "left out: schedules.primary.overrides.o1.user: x@y is not here",
    ):
        assert line in said
    assert result.document.schedules["primary"].layers == []
    assert "db_escalation" in result.document.escalation_policies


def test_hours_of_a_clock_that_changes_are_named():
    schedules = sample()["schedules"]
    schedules[0]["rotations"][0] |= {"type": "hourly", "length": 12}
    result = found(schedules=schedules)
    assert str(result.document.schedules["primary"].layers[0].rotation.every) == "12 hours"
    assert any("hourly: Sentinel counts hours on the wall clock" in one for one in lines(result))


def test_people_who_are_here_are_found_by_their_address_and_others_keep_their_name():
    text = "people:\n  boss: {email: ann@EXAMPLE.org, notify: [{receiver: x}]}\n"
    text += "  ben: {email: other@example.org, notify: [{receiver: x}]}\n"
    result = found(Known(read_oncall(text)))
    assert sorted(result.document.people) == ["ben@example.org", "boss", "cem"]
    assert result.document.schedules["primary"].layers[0].rotation.people == [
        ["boss"], ["ben@example.org"]
    ]  # fmt: skip


def test_the_folder_of_the_backup_tool_has_the_same_and_says_what_it_lacks(tmp_path: Path):
    result = read_opsgenie(from_folder(write_backup(tmp_path)), NOBODY, NOW)
    assert result.document == found().document
    assert result.overrides == found().overrides
    said = lines(result)
    worked_out = "who is on call before is worked out from the rotations"
    assert f"left out: timelines: the folder has none: {worked_out}" in said
    (one,) = compared(result.timelines, result.document, overrides_of(result), seed=1, count=1000)
    assert (one.published, one.differing) == (False, [])
    # It says the same as the timeline, and sees a translation that is wrong.
    whole = found().timelines["primary"]
    assert all(set(at.before) == whole.at(at.at) for at in one.instants)
    (wrong,) = compared(result.timelines, result.document, {}, seed=1)
    assert wrong.differing
    assert "left out: policiesV2: alert and notification policies are not read" in said
    (tmp_path / "OpsGenieBackups" / "users" / "x.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"x\.json cannot be read"):
        from_folder(tmp_path)


def test_the_api_is_read_page_by_page_and_waited_for():
    said: list[str] = []
    server = VendorServer(answer, "GenieKey s3cret")
    headers = {"Authorization": "GenieKey s3cret"}
    with server.serving(), VendorApi(server.url, headers, say=said.append) as api:
        got = from_api(api, NOW, 56, said.append)
    result = read_opsgenie(got, NOBODY, NOW)
    assert result.document == found().document
    assert (result.overrides, result.timelines) == (found().overrides, found().timelines)
    assert f"{server.url}/v2/users: 429, asked again in 0 s" in said
    assert "3 of 3 users" in said
    assert "s3cret" not in "".join(said) + "".join(lines(result))
    assert any("interval=56&intervalUnit=days&date=2026-10-01T12" in one for one in server.asked)
    refused = f"left out: integrations: {server.url}/v2/integrations: 403"
    assert f"{refused}, the token may not read it" in lines(result)
