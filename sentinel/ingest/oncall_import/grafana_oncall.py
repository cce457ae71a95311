"""Grafana OnCall in the words of our document, with a report. Pure.

By https://grafana.com/docs/oncall/latest/oncall-api-reference/ and its source
(https://github.com/grafana/oncall at commit 3666186 of 2026-01-05), read 2026-11-30. Of two shifts
at one time, the one with the higher level decides there, and both where the levels are equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from sentinel.errors import ConfigurationError
from sentinel.ingest.oncall_import.grafana_answers import GrafanaAnswers
from sentinel.ingest.oncall_import.grafana_chains import add_chains, report_integrations
from sentinel.ingest.oncall_import.grafana_people import add_people, add_teams
from sentinel.ingest.oncall_import.grafana_shifts import Unusable, layer_of, local_start, together
from sentinel.ingest.oncall_import.imported import Draft, ImportedOnCall, Known, Period, Timeline
from sentinel.ingest.oncall_import.overriding import add_override
from sentinel.ingest.oncall_import.values import (
    changes_clock,
    local_text,
    moment,
    number,
    object_of,
    text_of,
    texts_of,
    zone_of,
)
from sentinel.oncall.schedule import Schedule
from sentinel.oncall.shifts import shifts
from sentinel.timing.local_time import moment_of

__all__ = ["VENDOR", "read_grafana"]

VENDOR = "Grafana OnCall"
_LOOK = timedelta(days=60)
_UTC = ZoneInfo("UTC")
Given = Mapping[str, Any]


def read_grafana(answers: GrafanaAnswers, known: Known, now: datetime) -> ImportedOnCall:
    """Translate what Grafana OnCall holds.

    Args:
        answers: from its API or a folder
        known: people that are here already
        now: the present moment; nothing is noted about shifts that are over

    Returns:
        All that the document takes, and the report.
    """
    draft = Draft(VENDOR, known)
    add_people(draft, answers)
    teams = add_teams(draft, answers)
    work = _Schedules(answers, draft, now)
    for one in answers.of("schedules"):
        work.schedule(one)
    work.swaps()
    chains = add_chains(draft, answers, work.names, teams)
    report_integrations(draft, answers, chains)
    for kind, why in answers.missing.items():
        draft.note("left out", kind, why)
    return draft.finished()


class _Schedules:
    def __init__(self, answers: GrafanaAnswers, draft: Draft, now: datetime) -> None:
        self.answers, self.draft, self.now = answers, draft, now
        self.names: dict[str, str] = {}
        """Our names of schedules, by their ids."""
        self._shifts = {text_of(one.get("id")): one for one in answers.of("on_call_shifts")}

    def schedule(self, one: Given) -> None:
        """Add a schedule: its shifts as layers, or the shifts that its calendar has by now."""
        key, name = text_of(one.get("id")), text_of(one.get("name"))
        if name in self.draft.schedules:
            name = f"{name} {key}"
        place = f"schedules.{name}"
        given = [self._shifts[key] for key in texts_of(one.get("shifts")) if key in self._shifts]
        lost = [key for key in texts_of(one.get("shifts")) if key not in self._shifts]
        if lost:
            self.draft.note("left out", f"{place}.shifts", f"{', '.join(lost)} are not there")
        if text_of(one.get("ical_url_overrides")):
            self.draft.note(
                "left out", f"{place}.ical_url_overrides", "overrides of a calendar: read it with "
                "sentinel oncall read-calendar",
            )  # fmt: skip
        periods = self._final(key, place)
        if text_of(one.get("type")) == "ical":
            self._from_calendar(name, place, periods)
        else:
            self._from_shifts(name, place, one, given)
        self.names[key] = name
        start = self.answers.since or min((one.start for one in periods), default=None)
        end = self.answers.until or max((one.end for one in periods), default=None)
        if key in self.answers.final_shifts and start is not None and end is not None:
            self.draft.timelines[name] = Timeline(start=start, end=end, periods=periods)
        else:
            self.draft.note("left out", f"{place}.final_shifts", "they are not there: not compared")

    def _from_shifts(self, name: str, place: str, one: Given, given: Sequence[Given]) -> None:
        own = text_of(one.get("time_zone")) or "UTC"
        zones = Counter(
            text_of(shift.get("time_zone")) or own
            for shift in given if text_of(shift.get("type")) != "override"
        )  # fmt: skip
        zone = zone_of(zones.most_common(1)[0][0] if zones else own) or _UTC
        if zone.key != own:
            self.draft.note(
                "differs", f"{place}.time_zone", f"{own}, and its shifts are in {zone.key}, which "
                "is the schedule's here",
            )  # fmt: skip
        layers: list[tuple[int, dict[str, Any]]] = []
        overrides: list[Given] = []
        for shift in given:
            where = f"{place}.shifts.{text_of(shift.get('name')) or text_of(shift.get('id'))}"
            if text_of(shift.get("type")) == "override":
                overrides.append(shift)
                continue
            try:
                layer = self._layer(where, shift, zone_of(shift.get("time_zone") or own), zone)
            except Unusable as error:
                self.draft.note("left out", f"{where}.{error}", "it cannot be a layer")
                continue
            if layer is not None:
                layers.append((number(shift.get("level"), 0), layer))
        layers.sort(key=lambda pair: pair[0])
        several = len({level for level, _ in layers}) > 1
        if several:
            layers = together(layers)
        self.draft.schedules[name] = {
            "timezone": zone.key, "layers": [layer for _, layer in layers],
            "combine": "topmost" if several else "all",
        }  # fmt: skip
        if several:
            self._note_overlaps(place, zone, layers)
        for shift in overrides:
            self._override(name, shift, zone_of(shift.get("time_zone") or own) or zone)

    def _note_overlaps(
        self, place: str, zone: ZoneInfo, layers: Sequence[tuple[int, dict[str, Any]]]
    ) -> None:
        """Note where several shifts of one level are on call together, which levels forbid here."""
        for level in sorted({level for level, _ in layers}):
            own = [layer for each, layer in layers if each == level]
            try:
                alone = Schedule.model_validate(
                    {"timezone": zone.key, "layers": own, "combine": "all"}
                )
            except ValidationError:
                continue  # the whole schedule is left out, and named, for the same reason
            held = shifts(alone, [], self.now, self.now + _LOOK)
            if any(len(one.turns) > 1 for one in held):
                self.draft.note(
                    "differs", f"{place}.shifts.level",
                    f"shifts of level {level} are on call together there; where a schedule has "
                    "several levels, one layer alone decides here",
                )  # fmt: skip

    def _layer(
        self, place: str, shift: Given, own: ZoneInfo | None, zone: ZoneInfo
    ) -> dict[str, Any] | None:
        if own is None:
            raise Unusable(f"time_zone: {shift.get('time_zone')!r} is no IANA time zone")
        groups = self._groups(place, shift)
        layer = layer_of(shift, groups)
        until = layer.get("until")
        if until is None and text_of(shift.get("until")):
            # Written in UTC, unlike the start: `convert_dt_to_schedule_timezone(until, "UTC")`.
            try:
                layer["until"] = local_text(moment(shift["until"], place), own)
            except ConfigurationError:
                raise Unusable(f"until: {shift['until']!r} is no time") from None
        if layer.get("until"):
            end = moment_of(local_start(layer, "until"), own)
            if end <= self.now or layer["until"] <= layer["start"]:
                return None  # edits in the web leave shifts behind that have ended
        if not any(groups):
            self.draft.note("left out", f"{place}.users", "nobody of them is here")
            return None
        if text_of(shift.get("frequency")) == "hourly" and changes_clock(own, self.now):
            self.draft.note(
                "differs", f"{place}.frequency", "hourly: Sentinel counts hours on the wall clock, "
                "so that the turn in which the clock changes is longer or shorter",
            )  # fmt: skip
        if own.key != zone.key:
            self.draft.note(
                "differs", f"{place}.time_zone", f"its times are of {own.key} there, and keep to "
                f"the wall clock of {zone.key} here",
            )  # fmt: skip
            for holder, field in ((layer["rotation"], "handoff"), (layer, "start"),
                                  (layer, "until")):  # fmt: skip
                if holder.get(field):
                    at = moment_of(local_start(holder, field), own)
                    holder[field] = local_text(at, zone)
        name = text_of(shift.get("name")) or text_of(shift.get("id"))
        return {"name": name[:100], **layer}

    def _groups(self, place: str, shift: Given) -> list[list[str]]:
        if text_of(shift.get("type")) != "rolling_users":
            return [self._people(place, texts_of(shift.get("users")))]
        rolling: Any = shift.get("rolling_users")
        listed = cast("list[Any]", rolling) if isinstance(rolling, list) else []
        groups = [self._people(place, texts_of(one)) for one in listed]
        first = number(shift.get("start_rotation_from_user_index"), 0) % max(len(groups), 1)
        return groups[first:] + groups[:first] or [[]]

    def _people(self, place: str, keys: Sequence[str]) -> list[str]:
        ids = self.draft.person_ids
        for key in keys:
            if key not in ids:
                self.draft.note("left out", f"{place}.users", f"{key} is no user of the answer")
        return [ids[key] for key in keys if key in ids]

    def _override(self, name: str, shift: Given, zone: ZoneInfo) -> None:
        key = text_of(shift.get("id"))
        place = f"schedules.{name}.shifts.{key}"
        try:
            start = local_start(shift)
        except Unusable as error:
            self.draft.note("left out", place, str(error))
            return
        end = start + timedelta(seconds=max(number(shift.get("duration"), 0), 0))
        people = self._people(place, texts_of(shift.get("users")))
        if people:
            add_override(
                self.draft, name, place, moment_of(start, zone), moment_of(end, zone), people,
                f"Grafana OnCall override {key}", now=self.now,
            )  # fmt: skip

    def _final(self, key: str, place: str) -> list[Period]:
        found: list[Period] = []
        for one in self.answers.final_shifts.get(key, []):
            user = text_of(one.get("user_pk"))
            person = self.draft.person_ids.get(user) or text_of(one.get("user_username")) or user
            try:
                start = moment(one.get("shift_start"), f"{place}.final_shifts")
                end = moment(one.get("shift_end"), f"{place}.final_shifts")
            except ConfigurationError as error:
                self.draft.note("left out", f"{place}.final_shifts", error.message)
                continue
            found.append(Period(start, end, (person,)))
        return found

    def _from_calendar(self, name: str, place: str, periods: Sequence[Period]) -> None:
        """Add the shifts of a calendar as they are by now, which end with the answer."""
        known = [one for one in periods if one.people[0] in self.draft.people]
        self.draft.schedules[name] = {"timezone": "UTC", "layers": []}
        if not known:
            self.draft.note("left out", f"{place}.ical_url_primary", "it has no shifts to come")
            return
        end = max(one.end for one in known)
        self.draft.schedules[name]["temporary"] = [
            {
                "start": local_text(min(one.start for one in known), _UTC),
                "end": local_text(end, _UTC),
                "shifts": [
                    {"people": list(one.people), "start": local_text(one.start, _UTC),
                     "end": local_text(one.end, _UTC)}
                    for one in known[:1000] if one.start < one.end
                ],
            }
        ]  # fmt: skip
        self.draft.note(
            "differs", f"{place}.ical_url_primary",
            f"its shifts up to {end:%Y-%m-%d} are fixed here, and nobody is on call after them: "
            "read the calendar with sentinel oncall read-calendar",
        )  # fmt: skip

    def swaps(self) -> None:
        """Add the swaps that somebody took as overrides."""
        for one in self.answers.of("shift_swaps"):
            key, ids = text_of(one.get("id")), self.draft.person_ids
            name = self.names.get(text_of(one.get("schedule")))
            by = ids.get(_user(one.get("benefactor")))
            replaced = ids.get(_user(one.get("beneficiary")))
            if text_of(one.get("status")) != "taken" or name is None or not (by and replaced):
                continue
            place = f"shift_swaps.{key}"
            try:
                start = moment(one.get("swap_start"), place)
                end = moment(one.get("swap_end"), place)
            except ConfigurationError as error:
                self.draft.note("left out", place, error.message)
                continue
            add_override(
                self.draft, name, place, start, end, [by], f"Grafana OnCall swap {key}",
                now=self.now, replaces=replaced,
            )  # fmt: skip


def _user(given: object) -> str:
    """Return the id of a user, as a text or within an object."""
    return text_of(given) or text_of(object_of(given).get("pk")) or text_of(
        object_of(given).get("id")
    )  # fmt: skip
