"""Opsgenie's on-call in the words of our document, with a report. Pure.

By https://docs.opsgenie.com/docs/schedule-rotation-api, `…/schedule-override-api`,
`…/escalation-api`, `…/notification-rule-api`, `…/team-routing-rule-api` and its OpenAPI
(https://github.com/opsgenie/opsgenie-oas, commit 71c5534 of 2021-02-19), read 2026-11-30.

Unverified, since Opsgenie publishes nothing about it: whether `hourly` counts elapsed hours or the
wall clock's where the clock changes; whether an override holds outside the time restriction of a
rotation; which of two overrides for one moment decides. The comparison with Opsgenie's own timeline
shows where that matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sentinel.errors import ConfigurationError
from sentinel.ingest.oncall_import.imported import Draft, ImportedOnCall, Known, Period, Timeline
from sentinel.ingest.oncall_import.opsgenie_answers import OpsgenieAnswers
from sentinel.ingest.oncall_import.opsgenie_people import Staff, shown
from sentinel.ingest.oncall_import.opsgenie_policies import Policies
from sentinel.ingest.oncall_import.opsgenie_rules import OpsgenieRules
from sentinel.ingest.oncall_import.overriding import add_override, override_times
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

__all__ = ["VENDOR", "read_opsgenie"]

VENDOR = "Opsgenie"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS = {"hourly": "hour", "daily": "day", "weekly": "week"}
Given = Mapping[str, Any]


def read_opsgenie(
    answers: OpsgenieAnswers, known: Known, now: datetime, days: int = 56
) -> ImportedOnCall:
    """Translate what Opsgenie holds.

    Args:
        answers: from its API or a folder
        known: people that are here already
        now: the present moment; nothing is noted about overrides that are over
        days: how far ahead is compared where Opsgenie's own timeline is missing

    Returns:
        All that the document takes, and the report.
    """
    work = _Opsgenie(answers, Draft(VENDOR, known), now)
    for one in answers.schedules:
        work.schedule(one)
    for one in answers.schedules:
        work.overrides_and_timeline(one, days)
    work.forwardings()
    work.policies()
    for kind, why in answers.missing.items():
        work.draft.note("left out", kind, why)
    return work.draft.finished()


class _Opsgenie:
    def __init__(self, answers: OpsgenieAnswers, draft: Draft, now: datetime) -> None:
        self.answers, self.draft, self.now = answers, draft, now
        self._staff = Staff(answers, draft)
        self._schedules: dict[str, str] = {}
        """Our name of a schedule, by its id and by its name there."""
        self._layers: dict[str, str] = {}
        """Our name of a layer, by the id of its rotation."""

    def schedule(self, one: Given) -> None:
        """Add a schedule with its rotations."""
        name, key = text_of(one.get("name")), text_of(one.get("id"))
        place = f"schedules.{name}"
        if one.get("enabled") is False:
            self.draft.note("left out", place, "enabled: false; nobody is on call by it")
            return
        zone = zone_of(one.get("timezone") or "UTC")
        if zone is None:
            self.draft.note("left out", f"{place}.timezone", f"{one.get('timezone')!r} is no IANA "
                            "time zone")  # fmt: skip
            return
        layers: list[dict[str, Any]] = []
        if not one.get("rotations"):
            self.draft.note("left out", f"{place}.rotations", "none: nobody is on call by it")
        for rotation in objects_of(one.get("rotations")):
            where = f"{place}.rotations.{text_of(rotation.get('name')) or len(layers) + 1}"
            try:
                layer = self._rotation(where, rotation, zone)
            except ConfigurationError as error:
                self.draft.note("left out", where, error.message)
                continue
            if layer is not None:
                layers.append(layer)
                self._layers[text_of(rotation.get("id"))] = layer["name"]
        self._schedules[key] = self._schedules[name] = name
        self.draft.schedules[name] = {
            "timezone": zone.key, "description": text_of(one.get("description"))[:1000],
            "layers": layers, "combine": "all",
        }  # fmt: skip

    def _rotation(self, place: str, given: Given, zone: Any) -> dict[str, Any] | None:
        kind, length = text_of(given.get("type")), number(given.get("length"), 1)
        if kind not in _UNITS:
            self.draft.note("left out", f"{place}.type", f"{kind!r} is none of {', '.join(_UNITS)}")
            return None
        start = moment(given.get("startDate"), f"{place}.startDate")
        groups = [self._group(place, one) for one in objects_of(given.get("participants"))]
        if not any(groups):
            self.draft.note("left out", f"{place}.participants", "nobody of them is here")
            return None
        if kind == "hourly" and changes_clock(zone, self.now):
            self.draft.note(
                "differs", f"{place}.type",
                "hourly: Sentinel counts hours on the wall clock, so that the turn in which the "
                "clock changes is an hour longer or shorter; what Opsgenie does is unverified",
            )  # fmt: skip
        within = _within(given.get("timeRestriction"))
        if within is None:
            self.draft.note("left out", f"{place}.timeRestriction", "it cannot be read; the "
                            "rotation counts always")  # fmt: skip
        layer: dict[str, Any] = {
            "name": place.rpartition(".rotations.")[2][:100],
            "rotation": {
                "people": groups, "handoff": local_text(start, zone),
                "every": kind if length == 1 else f"{length} {_UNITS[kind]}s",
            },
        }  # fmt: skip
        if within:
            layer["within"] = within
        if given.get("endDate"):
            end = moment(given["endDate"], f"{place}.endDate")
            if end <= start:
                self.draft.note("left out", f"{place}.endDate", "it ends before it begins")
                return None
            layer["until"] = local_text(end, zone)
        return layer

    def _group(self, place: str, one: Given) -> list[str]:
        """Return who is on call in a turn; nobody for `none`."""
        kind = text_of(one.get("type"))
        if kind == "none":
            return []
        if kind == "team":
            self.draft.note(
                "differs", f"{place}.participants.team",
                f"all people of the team {shown(one)} are on call together, by the list of today",
            )  # fmt: skip
        people = self._staff.people(one)
        if not people:
            self.draft.note(
                "left out", f"{place}.participants", f"{kind} {shown(one)}: nobody in its turn"
            )
        return people

    def overrides_and_timeline(self, one: Given, days: int) -> None:
        """Add the overrides of a schedule, and who is on call by it there."""
        key, theirs = text_of(one.get("id")), text_of(one.get("name"))
        name = self._schedules.get(key)
        if name is None:
            return
        given = self.answers.overrides.get(key) or self.answers.overrides.get(theirs) or []
        for override in given:
            self._override(name, override)
        zone = zone_of(self.draft.schedules[name]["timezone"])
        if zone is not None:
            self.draft.timelines[name] = OpsgenieRules(
                one, given, self.answers.forwardings, zone, self._staff.people, self.now,
                self.now + timedelta(days=days),
            )  # fmt: skip
        timeline = self.answers.timelines.get(key) or self.answers.timelines.get(theirs)
        if timeline:
            self._timeline(name, timeline)

    def _override(self, schedule: str, given: Given) -> None:
        alias = text_of(given.get("alias"))
        place = f"schedules.{schedule}.overrides.{alias}"
        times = override_times(self.draft, place, given, "startDate", "endDate")
        if times is None:
            return
        user = object_of(given.get("user"))
        people = self._staff.people(user)
        if not people and text_of(user.get("type")) != "none":
            self.draft.note("left out", f"{place}.user", f"{shown(user)} is not here")
            return
        layers = [
            self._layers.get(text_of(one.get("id")), text_of(one.get("name")))
            for one in objects_of(given.get("rotations"))
        ]  # fmt: skip
        add_override(
            self.draft, schedule, place, *times, people, f"Opsgenie override {alias}",
            now=self.now, layers=layers,
        )  # fmt: skip

    def forwardings(self) -> None:
        """Add the forwarding rules of users as overrides of the schedules that the user is in."""
        for one in self.answers.forwardings:
            given, to = object_of(one.get("fromUser")), object_of(one.get("toUser"))
            key = text_of(one.get("alias")) or text_of(one.get("id"))
            place = f"forwardings.{key}"
            replaced, by = self._staff.person(given), self._staff.person(to)
            try:
                start = moment(one.get("startDate"), f"{place}.startDate")
                end = moment(one.get("endDate"), f"{place}.endDate")
            except ConfigurationError as error:
                self.draft.note("left out", place, error.message)
                continue
            if replaced is None or by is None:
                self.draft.note("left out", place, f"{shown(given)} or {shown(to)} is not here")
                continue
            if end > self.now:
                self.draft.note(
                    "differs", place,
                    f"what pages {replaced} by name is not forwarded, only shifts of schedules",
                )  # fmt: skip
            for schedule in self._schedules_with(replaced):
                add_override(
                    self.draft, schedule, place, start, end, [by], f"Opsgenie forwarding {key}",
                    now=self.now, replaces=replaced,
                )  # fmt: skip

    def _schedules_with(self, person: str) -> Iterable[str]:
        for name, given in self.draft.schedules.items():
            groups = (group for layer in given["layers"] for group in layer["rotation"]["people"])
            in_layers = any(person in group for group in groups)
            overriding = (one for one in self.draft.overrides if one.schedule == name)
            if in_layers or any(person in one.override.people for one in overriding):
                yield name

    def _timeline(self, schedule: str, given: Given) -> None:
        place = f"schedules.{schedule}.timeline"
        rotations = objects_of(object_of(given.get("finalTimeline")).get("rotations"))
        try:
            periods = [
                Period(
                    moment(one.get("startDate"), place), moment(one.get("endDate"), place),
                    tuple(self._named(one)),
                )
                for rotation in rotations
                for one in objects_of(rotation.get("periods"))
            ]  # fmt: skip
            start = moment(given.get("startDate"), f"{place}.startDate")
            end = moment(given.get("endDate"), f"{place}.endDate")
        except ConfigurationError as error:
            self.draft.note("left out", place, error.message)
            return
        if start < end:
            self.draft.timelines[schedule] = Timeline(start=start, end=end, periods=periods)

    def _named(self, period: Given) -> list[str]:
        """Return who a period names, by our names; people that are not here by theirs."""
        flat = objects_of(period.get("flattenedRecipients"))
        found: list[str] = []
        for one in flat or [object_of(period.get("recipient"))]:
            if text_of(one.get("type")) != "none" and one:
                found += self._staff.people(one) or [shown(one)]
        return found

    def policies(self) -> None:
        """Add escalation policies, and report routing rules and integrations."""
        work = Policies(self.draft, self._schedules, self._staff.team, self._staff.person)
        for one in self.answers.escalations:
            work.escalation(one)
        for team in self.answers.teams:
            key, name = text_of(team.get("id")), text_of(team.get("name"))
            work.routing(name, self.answers.routing.get(key) or self.answers.routing.get(name)
                         or [])  # fmt: skip
        for one in self.answers.integrations:
            work.integration(one)


def _within(given: object) -> list[Mapping[str, Any]] | None:
    """Return a time restriction as windows: none for always, None where it cannot be read."""
    if not given:
        return []
    fields = object_of(given)
    kind = text_of(fields.get("type"))
    if kind == "time-of-day":
        # The API has one `restriction`; older exports have a list of one.
        listed = objects_of(fields.get("restrictions"))
        one = object_of(fields.get("restriction")) or (listed[0] if listed else {})
        start, end = _minute(one, "start"), _minute(one, "end")
        if start is None or end is None:
            return None
        end = end if end > start else end + DAY
        return windows_of((day * DAY + start, day * DAY + end) for day in range(7))
    if kind != "weekday-and-time-of-day":
        return None
    spans: list[tuple[int, int]] = []
    for one in objects_of(fields.get("restrictions")):
        start, end = _minute(one, "start"), _minute(one, "end")
        days = [text_of(one.get(which)).lower() for which in ("startDay", "endDay")]
        if start is None or end is None or any(day not in _DAYS for day in days):
            return None
        first = _DAYS.index(days[0]) * DAY + start
        last = _DAYS.index(days[1]) * DAY + end
        spans.append((first, last if last > first else last + 7 * DAY))
    return windows_of(spans) if spans else None


def _minute(given: Given, which: str) -> int | None:
    hour, minutes = number(given.get(f"{which}Hour"), -1), number(given.get(f"{which}Min"), 0)
    return hour * 60 + minutes if 0 <= hour <= 24 and 0 <= minutes < 60 else None
