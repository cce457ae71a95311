"""PagerDuty's on-call in the words of our document, with a report. Pure.

By https://developer.pagerduty.com/api-reference and its OpenAPI
(https://github.com/PagerDuty/api-schema, commit 91a06fb of 2026-08-14), read 2026-11-30. That the
API lists the topmost layer first is said by importers of others
(https://github.com/grafana/oncall, `tools/migrators/lib/pagerduty/resources/schedules.py` at commit
3666186), and by no page of PagerDuty's.

Unverified, since PagerDuty publishes nothing about it: whether the turns of a layer keep to the
wall clock where the clock changes. The comparison with its final schedule shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sentinel.errors import ConfigurationError
from sentinel.ingest.oncall_import.given_people import add_people
from sentinel.ingest.oncall_import.imported import Draft, ImportedOnCall, Known, Period, Timeline
from sentinel.ingest.oncall_import.overriding import add_override, override_times
from sentinel.ingest.oncall_import.pagerduty_answers import PagerDutyAnswers
from sentinel.ingest.oncall_import.pagerduty_policies import add_policies, report_services
from sentinel.ingest.oncall_import.values import (
    DAY,
    changes_clock,
    local_text,
    moment,
    number,
    object_of,
    objects_of,
    text_of,
    windows_of,
    zone_of,
)

__all__ = ["VENDOR", "read_pagerduty"]

VENDOR = "PagerDuty"
_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3600))
_METHODS = {
    "email_contact_method": "email", "sms_contact_method": "sms", "phone_contact_method": "voice",
}  # fmt: skip
_LONGEST = 24 * 60
_MOST_RULES = 20
Given = Mapping[str, Any]


def read_pagerduty(answers: PagerDutyAnswers, known: Known, now: datetime) -> ImportedOnCall:
    """Translate what PagerDuty holds.

    Args:
        answers: from its API or a folder
        known: people that are here already
        now: the present moment; nothing is noted about overrides that are over

    Returns:
        All that the document takes, and the report.
    """
    work = _PagerDuty(answers, Draft(VENDOR, known), now)
    work.users()
    schedules: dict[str, str] = {}
    for one in answers.schedules:
        name = work.schedule(one, schedules.values())
        if name:
            schedules[text_of(one.get("id"))] = name
            work.overrides_and_timeline(one, name)
    for one in answers.shift_based:
        work.draft.note(
            "left out", f"schedules.{text_of(one.get('name')) or text_of(one.get('summary'))}",
            "it is shift-based (/v3/schedules), which is not read",
        )  # fmt: skip
    policies = add_policies(work.draft, answers, schedules)
    work.teams(policies)
    report_services(work.draft, answers, policies)
    for kind, why in answers.missing.items():
        work.draft.note("left out", kind, why)
    return work.draft.finished()


class _PagerDuty:
    def __init__(self, answers: PagerDutyAnswers, draft: Draft, now: datetime) -> None:
        self.answers, self.draft, self.now = answers, draft, now

    def users(self) -> None:
        """Add people with their contact methods and rules of high urgency."""
        users = add_people(
            self.draft, self.answers.users, email="email", name="name", zone="time_zone"
        )
        for place, name, email, one in users:
            self._notified(place, name, email, one)

    def _notified(self, place: str, name: str, email: str, user: Given) -> None:
        methods = {text_of(one.get("id")): one for one in objects_of(user.get("contact_methods"))}
        rules = sorted(
            objects_of(user.get("notification_rules")),
            key=lambda one: number(one.get("start_delay_in_minutes"), 0),
        )
        for rule in rules:
            if rule.get("urgency") == "low":
                self.draft.note(
                    "left out", f"{place}.notification_rules.low",
                    "rules of low urgency: a person has one list here; quiet_hours hold back what "
                    "is not critical",
                )  # fmt: skip
                continue
            given = object_of(rule.get("contact_method"))
            method = methods.get(text_of(given.get("id"))) or given
            self._contact(place, name, method, number(rule.get("start_delay_in_minutes"), 0))
        listed = self.draft.people[name]["notify"]
        if len(listed) > _MOST_RULES:
            self.draft.note("left out", f"{place}.notification_rules", f"beyond {_MOST_RULES}")
            del listed[_MOST_RULES:]
        if not listed:
            self.draft.contact(name, "email", email, 0)
            self.draft.note(
                "differs", f"{place}.notification_rules",
                "none of high urgency can be carried over: mail at once",
            )  # fmt: skip

    def _contact(self, place: str, name: str, method: Given, minutes: int) -> None:
        kind = text_of(method.get("type")).removesuffix("_reference")
        address, where = text_of(method.get("address")), f"{place}.contact_methods.{kind}"
        ours = _METHODS.get(kind)
        if ours in ("sms", "voice"):
            digits = "".join(one for one in address if one.isdecimal())
            address = f"+{number(method.get('country_code'), 1)}{digits}" if digits else ""
        if ours is None:
            self.draft.note("left out", where, "PagerDuty's app and WhatsApp are no channels here")
        elif not address:
            self.draft.note("left out", where, "its address is not in the answer")
        elif not 0 <= minutes <= _LONGEST:
            self.draft.note("left out", where, f"{minutes} minutes are more than a day")
        else:
            self.draft.contact(name, ours, address, minutes * 60)

    def teams(self, policies: Mapping[str, str]) -> None:
        """Add teams, their people, and the policy where exactly one is theirs."""
        for one in self.answers.teams:
            key, name = text_of(one.get("id")), text_of(one.get("name"))
            people: list[str] = []
            for member in self.answers.members.get(key) or self.answers.members.get(name) or []:
                user = object_of(member.get("user"))
                ours = self.draft.person_ids.get(text_of(user.get("id")))
                if ours is None:
                    shown = text_of(user.get("summary")) or text_of(user.get("id"))
                    self.draft.note("left out", f"teams.{name}.members", f"{shown} is no user")
                elif ours not in people:
                    people.append(ours)
            if not people:
                self.draft.note("left out", f"teams.{name}", "it has no members")
                continue
            self.draft.teams[name] = {"people": people}
            own = [
                policies[text_of(policy.get("id"))]
                for policy in self.answers.policies
                if text_of(policy.get("id")) in policies
                and key in (text_of(team.get("id")) for team in objects_of(policy.get("teams")))
            ]
            if len(own) == 1:
                self.draft.teams[name]["escalation"] = own[0]
            elif own:
                self.draft.note(
                    "left out", f"teams.{name}.escalation_policies",
                    f"{', '.join(own)}: a team has one policy here, the others are a route's",
                )  # fmt: skip

    def schedule(self, one: Given, taken: Any) -> str:
        """Add a schedule with its layers.

        Args:
            one: as the API has it
            taken: our names of others

        Returns:
            Its name here; empty where it is left out.
        """
        theirs = text_of(one.get("name")) or text_of(one.get("summary"))
        name = theirs if theirs not in taken else f"{theirs} {text_of(one.get('id'))}"
        place = f"schedules.{theirs}"
        zone = zone_of(one.get("time_zone"))
        if zone is None:
            self.draft.note("left out", f"{place}.time_zone", f"{one.get('time_zone')!r} is no "
                            "IANA time zone")  # fmt: skip
            return ""
        layers: list[dict[str, Any]] = []
        if not one.get("schedule_layers"):
            self.draft.note("left out", f"{place}.schedule_layers", "none: nobody is on call by it")
        # The API lists the topmost layer first, and our document last.
        for number_, given in enumerate(reversed(objects_of(one.get("schedule_layers"))), 1):
            title = text_of(given.get("name")) or str(number_)
            try:
                layer = self._layer(f"{place}.schedule_layers.{title}", title, given, zone)
            except ConfigurationError as error:
                self.draft.note("left out", f"{place}.schedule_layers.{title}", error.message)
                continue
            if layer is not None:
                layers.append(layer)
        self.draft.schedules[name] = {
            "timezone": zone.key, "description": text_of(one.get("description"))[:1000],
            "layers": layers,
        }  # fmt: skip
        return name

    def _layer(self, place: str, title: str, given: Given, zone: ZoneInfo) -> dict[str, Any] | None:
        start = moment(given.get("start"), f"{place}.start")
        virtual = moment(given.get("rotation_virtual_start"), f"{place}.rotation_virtual_start")
        end = moment(given["end"], f"{place}.end") if given.get("end") else None
        if end is not None and (end <= self.now or end <= start):
            return None  # edits of a schedule leave layers behind that have ended
        every = self._every(place, number(given.get("rotation_turn_length_seconds"), 0), zone)
        groups = [self._group(place, one) for one in objects_of(given.get("users"))]
        if every is None or not any(groups):
            if every is not None:
                self.draft.note("left out", f"{place}.users", "nobody of them is here")
            return None
        if virtual.second or start.second:
            self.draft.note("differs", f"{place}.start", "seconds are cut: handoffs are at minutes")
        layer: dict[str, Any] = {
            "name": title[:100],
            "rotation": {"people": groups, "handoff": local_text(virtual, zone), "every": every},
        }
        if start > virtual:
            layer["start"] = local_text(start, zone)
        if end is not None:
            layer["until"] = local_text(end, zone)
        if restrictions := objects_of(given.get("restrictions")):
            within = self._within(place, restrictions)
            if within:
                layer["within"] = within
        return layer

    def _every(self, place: str, seconds: int, zone: ZoneInfo) -> str | None:
        for unit, length in _UNITS:
            if seconds > 0 and seconds % length == 0 and seconds // length <= 1000:
                count = seconds // length
                if changes_clock(zone, self.now):
                    self.draft.note(
                        "differs", f"{place}.rotation_turn_length_seconds",
                        f"{seconds}: Sentinel's handoffs stay at the same time on the wall where "
                        "the clock changes; what PagerDuty does is unverified",
                    )  # fmt: skip
                return f"{count} {unit}{'' if count == 1 else 's'}"
        self.draft.note(
            "left out", f"{place}.rotation_turn_length_seconds",
            f"{seconds}: turns are whole hours here, at most 1000 of a unit",
        )  # fmt: skip
        return None

    def _group(self, place: str, one: Given) -> list[str]:
        user = object_of(one.get("user"))
        found = self.draft.person_ids.get(text_of(user.get("id")))
        if found is None:
            shown = text_of(user.get("summary")) or text_of(user.get("id"))
            self.draft.note("left out", f"{place}.users", f"{shown}: nobody in its turn")
        return [] if found is None else [found]

    def _within(self, place: str, restrictions: Sequence[Given]) -> list[Mapping[str, Any]]:
        spans: list[tuple[int, int]] = []
        for one in restrictions:
            start = _minute(text_of(one.get("start_time_of_day")))
            length = number(one.get("duration_seconds"), 0) // 60
            if start is None or length <= 0:
                self.draft.note("left out", f"{place}.restrictions", "one cannot be read")
                continue
            weekly = text_of(one.get("type")) == "weekly_restriction"
            days = [(number(one.get("start_day_of_week"), 1) - 1) % 7] if weekly else range(7)
            spans += [(day * DAY + start, day * DAY + start + length) for day in days]
        return windows_of(spans)

    def overrides_and_timeline(self, one: Given, name: str) -> None:
        """Add the overrides of a schedule, and PagerDuty's final schedule of it."""
        key = text_of(one.get("id"))
        for given in self.answers.overrides.get(key) or self.answers.overrides.get(name) or []:
            self._override(name, given)
        entries = objects_of(object_of(one.get("final_schedule")).get("rendered_schedule_entries"))
        place = f"schedules.{name}.final_schedule"
        try:
            periods = [
                Period(
                    moment(entry.get("start"), place), moment(entry.get("end"), place),
                    (self._named(object_of(entry.get("user"))),),
                )
                for entry in entries
            ]  # fmt: skip
        except ConfigurationError as error:
            self.draft.note("left out", place, f"{error.message}; who is on call is not compared")
            return
        start = self.answers.since or min((period.start for period in periods), default=None)
        end = self.answers.until or max((period.end for period in periods), default=None)
        if start is None or end is None:
            self.draft.note("left out", place, "it has no entries: ask with since and until")
        else:
            self.draft.timelines[name] = Timeline(start=start, end=end, periods=periods)

    def _named(self, user: Given) -> str:
        key = text_of(user.get("id"))
        return self.draft.person_ids.get(key) or text_of(user.get("summary")) or key

    def _override(self, schedule: str, given: Given) -> None:
        key = text_of(given.get("id"))
        place = f"schedules.{schedule}.overrides.{key}"
        times = override_times(self.draft, place, given, "start", "end")
        if times is None:
            return
        user = object_of(given.get("user"))
        person = self.draft.person_ids.get(text_of(user.get("id")))
        if person is None:
            shown = text_of(user.get("summary")) or text_of(user.get("id"))
            self.draft.note("left out", f"{place}.user", f"{shown} is not here")
            return
        add_override(
            self.draft, schedule, place, *times, [person], f"PagerDuty override {key}",
            now=self.now,
        )  # fmt: skip


def _minute(text: str) -> int | None:
    parts = text.split(":")
    if len(parts) not in (2, 3) or not all(one.isdecimal() for one in parts):
        return None
    hours, minutes = int(parts[0]), int(parts[1])
    return hours * 60 + minutes if hours < 24 and minutes < 60 else None
