"""A PagerDuty account becomes an on-call document, and who is on call is compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sentinel.ingest.oncall_import.answers import VendorApi
from sentinel.ingest.oncall_import.comparing import Comparison, compared
from sentinel.ingest.oncall_import.imported import ImportedOnCall, Known
from sentinel.ingest.oncall_import.pagerduty import read_pagerduty
from sentinel.ingest.oncall_import.pagerduty_answers import (
    PagerDutyAnswers,
    from_api,
    from_folder,
)
from sentinel.oncall.document import OnCallDocument
from tests.ingest.oncall_import.pagerduty_sample import (
    DAYS,
    NOW,
    answer,
    sample,
    write_folder,
)
from tests.ingest.oncall_import.published import refuse_others
from tests.ingest.oncall_import.vendor_server import VendorServer

NOBODY = Known(OnCallDocument())


def found(given: dict[str, Any] | None = None) -> ImportedOnCall:
    return read_pagerduty(PagerDutyAnswers(**(given or sample())), NOBODY, NOW)


def lines(result: ImportedOnCall) -> list[str]:
    return [str(one) for one in result.notes]


def comparison(result: ImportedOnCall) -> Comparison:
    made = {"primary": [one.override for one in result.overrides]}
    (one,) = compared(result.timelines, result.document, made, seed=5)
    return one


def test_the_sample_is_of_the_published_schema():
    given = sample()
    own = ("contact_methods", "notification_rules")  # whole objects where they are included
    methods = [one for user in given["users"] for one in user["contact_methods"]]
    del given["schedules"][0]["final_schedule"]["rendered_schedule_entries"][3:]
    refuse_others(
        "pagerduty",
        {
            "User": [{name: value for name, value in one.items() if name not in own}
                     for one in given["users"]],
            "PhoneContactMethod": [one for one in methods if one["type"].startswith("sms")],
            "EmailContactMethod": [one for one in methods if one["type"].startswith("email")],
            "ContactMethod": [one for one in methods if one["type"].startswith("push")],
            "NotificationRule": given["users"][0]["notification_rules"],
            "Team": given["teams"], "Schedule": given["schedules"],
            "Override": given["overrides"]["PS1"], "EscalationPolicy": given["policies"],
        },
    )  # fmt: skip


def test_people_have_their_rules_of_high_urgency():
    result = found()
    ann = result.document.people["ann"]
    assert [(one.receiver, one.after.total_seconds()) for one in ann.notify] == [
        ("ann-email", 0), ("ann-sms", 300)
    ]  # fmt: skip
    assert "to_number=+15550100" in result.commands["ann-sms"]
    assert [one.receiver for one in result.document.people["cem"].notify] == ["cem-email"]
    said = lines(result)
    for line in (
        "left out: users.ann@example.org.contact_methods.push_notification_contact_method: "
        "PagerDuty's app and WhatsApp are no channels here",
        "left out: users.ann@example.org.notification_rules.low: rules of low urgency: a person "
        "has one list here; quiet_hours hold back what is not critical",
        "differs: users.cem@example.org.notification_rules: none of high urgency can be carried "
        "over: mail at once",
        "left out: teams.db.members: Xena is no user",
    ):
        assert line in said
    assert result.document.teams["db"].model_dump(exclude_none=True) == {
        "people": ["ann", "ben"], "escalation": "db policy"
    }  # fmt: skip


def test_layers_are_turned_round_so_that_the_last_one_decides():
    schedule = found().document.schedules["primary"]
    assert (schedule.timezone, schedule.combine) == ("America/New_York", "topmost")
    weekly, office = schedule.layers
    assert (weekly.name, str(weekly.rotation.every)) == ("Layer 1", "1 week")
    assert (f"{weekly.rotation.handoff:%F %H:%M}", f"{weekly.start:%F %H:%M}") == (
        "2026-01-05 09:00", "2026-01-05 12:00"
    )  # fmt: skip
    assert [(one.days, one.start, one.end) for one in office.within] == [
        (["mon", "tue"], "00:00", "02:00"), (["mon", "sun"], "22:00", "24:00"),
    ]  # fmt: skip


def test_who_is_on_call_is_the_same_where_handoffs_keep_to_the_wall_clock():
    one = comparison(found())
    assert (len(one.instants), one.differing) == (100, [])
    assert (one.start, (one.end - one.start).days) == (NOW, DAYS)


def test_handoffs_that_move_with_the_clock_are_named_and_listed():
    result = found(sample(elapsed=True))
    place = "schedules.primary.schedule_layers.Layer 1.rotation_turn_length_seconds"
    assert any(one.startswith(f"differs: {place}: 604800: Sentinel's handoffs stay")
               for one in lines(result))  # fmt: skip
    made = {"primary": [one.override for one in result.overrides]}
    (one,) = compared(result.timelines, result.document, made, seed=5, count=4000)
    assert one.differing
    # The first handoff was in winter: counted in seconds, it is at 10 in summer, 14:00 in UTC.
    assert {(at.at.isoweekday(), at.at.hour) for at in one.differing} == {(1, 13)}


def test_delays_of_escalation_rules_are_between_them():
    policy = found().document.escalation_policies["db policy"]
    assert [(one.after.total_seconds() / 60, [str(to) for to in one.notify])
            for one in policy.steps] == [
        (0, ["schedule primary"]), (25, ["person ann", "person cem"])
    ]  # fmt: skip
    assert (policy.repeat, policy.repeat_after.total_seconds()) == (2, 1800)
    assert policy.acknowledgement_timeout is not None
    assert policy.acknowledgement_timeout.total_seconds() == 1800
    said = lines(found())
    for line in (
        "left out: escalation_policies.db policy.escalation_rules[1].targets: schedule_v3 shifts",
        "differs: escalation_policies.db policy.escalation_rules[2]."
        "escalation_rule_assignment_strategy: round_robin: everybody of the step is paged",
        "left out: services.shop.auto_resolve_timeout: an alert resolves where its condition does, "
        "and not by the time alone",
        "left out: services.shop.integrations.mails: generic_email_inbound_integration: Sentinel "
        "reads no mails as alerts",
        "left out: schedules.shifts: it is shift-based (/v3/schedules), which is not read",
    ):
        assert line in said


def test_the_longest_turn_of_hours_is_carried_over():
    given = sample()
    given["schedules"][0]["schedule_layers"][1]["rotation_turn_length_seconds"] = 1000 * 3600
    lengths = [str(one.rotation.every) for one in found(given).document.schedules["primary"].layers]
    assert "1000 hours" in lengths


def test_what_cannot_be_read_is_named_and_costs_nothing_else():
    given = sample()
    office, weekly, _ = given["schedules"][0]["schedule_layers"]
    office["rotation_turn_length_seconds"], weekly["start"] = 5400, None
    given["overrides"]["PS1"][0]["user"] = {"id": "PQ", "summary": "Quin"}
    given["schedules"].append({"id": "PS2", "name": "far", "time_zone": "Mars"})
    result = found(given)
    said = lines(result)
    place = "schedules.primary.schedule_layers"
    for line in (
        f"left out: {place}.Office.rotation_turn_length_seconds: 5400: turns are whole hours here, "
        "at most 1000 of a unit",
        f"left out: {place}.Layer 1: {place}.Layer 1.start: None is no time",
        "left out: schedules.primary.overrides.PO1.user: Quin is not here",
        "left out: schedules.far.time_zone: 'Mars' is no IANA time zone",
    ):
        assert line in said
    assert result.document.schedules["primary"].layers == []


def test_a_folder_of_answers_and_the_api_have_the_same(tmp_path: Path):
    whole = found()
    files = read_pagerduty(from_folder(write_folder(tmp_path)), NOBODY, NOW)
    assert (files.document, files.overrides) == (whole.document, whole.overrides)
    assert comparison(files).differing == []
    said: list[str] = []
    server = VendorServer(answer, "Token token=s3cret")
    headers = {"Authorization": "Token token=s3cret"}
    with server.serving(), VendorApi(server.url, headers, say=said.append) as api:
        got = from_api(api, NOW, DAYS, said.append)
    result = read_pagerduty(got, NOBODY, NOW)
    assert (result.document, result.overrides) == (whole.document, whole.overrides)
    assert comparison(result).differing == []
    assert lines(result) == lines(whole)
    assert len([one for one in server.asked if one.startswith("/users?")]) == 4  # 2 pages, 2 waits
    assert len([one for one in server.asked if "/overrides?since=" in one]) == 4
