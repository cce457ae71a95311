"""Opsgenie's escalations as policies; its routing rules and integrations as a report. Pure.

By https://docs.opsgenie.com/docs/escalation-api, `…/team-routing-rule-api` and
`…/integration-api`, read 2026-11-30.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sentinel.ingest.oncall_import.imported import Draft
from sentinel.ingest.oncall_import.opsgenie_people import seconds_of
from sentinel.ingest.oncall_import.values import (
    length_text,
    number,
    object_of,
    objects_of,
    text_of,
    texts_of,
)
from sentinel.labels.alertmanager import written

__all__ = ["Policies"]

Given = Mapping[str, Any]
_SEVERITY = {"P1": "critical", "P2": "high", "P3": "medium", "P4": "low", "P5": "info"}
_PATTERNS = {
    "contains": ".*{}.*", "starts-with": "{}.*", "ends-with": ".*{}", "equals": "{}",
}  # fmt: skip
_DOORS = {
    "prometheus": "a webhook of Alertmanager: /api/v1/alerts/webhooks/prometheus",
    "grafana": "a webhook of Grafana: /api/v1/alerts/webhooks/grafana",
    "grafanav2": "a webhook of Grafana: /api/v1/alerts/webhooks/grafana",
    "api": "POST /api/v1/alerts, or events to POST /api/v1/events",
    "webhook": "a receiver with a channel of type webhook",
    "slack": "a channel of type slack or slack-app",
    "msteamsv2": "a channel of type teams",
}


class Policies:
    """Translate escalations and report what stands around them.

    Args:
        draft: to fill
        schedules: our names, by the vendor's ids and names
        members: returns the people of a team and their roles
        person: returns our name of a user; None where it is not here
    """

    def __init__(
        self, draft: Draft, schedules: Mapping[str, str],
        members: Callable[[Given], Sequence[tuple[str, str]]],
        person: Callable[[Given], str | None],
    ) -> None:  # fmt: skip
        self._draft, self._schedules = draft, schedules
        self._members, self._person = members, person
        self._names: dict[str, str] = {}
        """Our name of a policy, by its id and by its name there."""

    def escalation(self, one: Given) -> None:
        """Add an escalation as a policy."""
        theirs, team = (
            text_of(one.get("name")),
            text_of(object_of(one.get("ownerTeam")).get("name")),
        )
        name = theirs if theirs not in self._draft.policies else f"{team} {theirs}".strip()
        place = f"escalations.{theirs}"
        at: dict[int, list[str]] = {}
        for number_, rule in enumerate(objects_of(one.get("rules"))):
            where = f"{place}.rules[{number_}]"
            delay = seconds_of(rule.get("delay"))
            targets = list(self._targets(where, rule))
            if delay is None:
                self._draft.note("left out", f"{where}.delay", "it cannot be read")
            elif targets:
                found = at.setdefault(delay, [])
                found += [target for target in targets if target not in found]
            if text_of(rule.get("condition")) == "if-not-closed":
                self._draft.note(
                    "differs", f"{where}.condition",
                    "if-not-closed: an acknowledgement ends the escalation here; "
                    "acknowledgement_timeout pages again",
                )  # fmt: skip
        if not at:
            self._draft.note("left out", place, "none of its rules pages anybody")
            return
        steps: list[dict[str, Any]] = []
        before = 0
        for delay in sorted(at):
            steps.append({"after": length_text(delay - before), "notify": at[delay]})
            before = delay
        policy: dict[str, Any] = {
            "description": text_of(one.get("description"))[:1000], "steps": steps
        }  # fmt: skip
        self._repeat(place, object_of(one.get("repeat")), policy)
        self._draft.policies[name] = policy
        self._names[text_of(one.get("id"))] = self._names[theirs] = name

    def _repeat(self, place: str, given: Given, policy: dict[str, Any]) -> None:
        count = number(given.get("count"), 0)
        if count > 0:
            policy["repeat"] = min(count, 100)
            policy["repeat_after"] = f"{max(number(given.get('waitInterval'), 1), 1)}m"
        if given.get("resetRecipientStates"):
            self._draft.note(
                "differs", f"{place}.repeat.resetRecipientStates",
                "an acknowledgement ends the escalation, also in a later round",
            )  # fmt: skip
        if given.get("closeAlertAfterAll"):
            self._draft.note(
                "left out", f"{place}.repeat.closeAlertAfterAll", "an escalation resolves no alert"
            )

    def _targets(self, place: str, rule: Given) -> Iterable[str]:
        to, how = object_of(rule.get("recipient")), text_of(rule.get("notifyType")) or "default"
        kind = text_of(to.get("type"))
        if kind == "user" and (person := self._person(to)) is not None:
            yield f"person:{person}"
        elif kind == "schedule" and (schedule := self._schedule(to)) is not None:
            if how != "default":
                self._draft.note(
                    "differs", f"{place}.notifyType",
                    f"{how}: Sentinel pages who is on call by {schedule}",
                )  # fmt: skip
            yield f"schedule:{schedule}"
        elif kind == "team" and (members := self._members(to)):
            role = {"users": "user", "admins": "admin"}.get(how)
            if how == "all" or role is not None:
                yield from (f"person:{name}" for name, own in members if role in (None, own))
                self._draft.note(
                    "differs", f"{place}.notifyType",
                    f"{how}: the people of the team as they are today, by name",
                )  # fmt: skip
                return
            if how != "default":
                self._draft.note("differs", f"{place}.notifyType", f"{how}: the team is paged")
            yield f"team:{text_of(to.get('name')) or self._team_name(to)}"
        else:
            shown = text_of(to.get("name")) or text_of(to.get("username")) or text_of(to.get("id"))
            self._draft.note("left out", f"{place}.recipient", f"{kind} {shown}".strip())

    def _team_name(self, to: Given) -> str:
        people = [name for name, _ in self._members(to)]
        return next(
            (name for name, one in self._draft.teams.items() if one["people"] == people), ""
        )

    def _schedule(self, to: Given) -> str | None:
        for key in (text_of(to.get("id")), text_of(to.get("name"))):
            if key in self._schedules:
                return self._schedules[key]
        return None

    def routing(self, team: str, rules: Sequence[Given]) -> None:
        """Report the routing rules of a team, and let its default one choose its schedule."""
        for place, rule in enumerate(sorted(rules, key=lambda one: number(one.get("order"), 0))):
            where = f"teams.{team}.routingRules.{text_of(rule.get('name')) or place}"
            to = object_of(rule.get("notify"))
            policy = self._policy_of(to)
            if not policy and text_of(to.get("type")) != "none":
                self._draft.note(
                    "left out", f"{where}.notify",
                    f"{text_of(to.get('type'))} {text_of(to.get('name'))}".strip(),
                )  # fmt: skip
            if rule.get("isDefault"):
                self._default(team, to)
                continue
            if rule.get("timeRestriction"):
                self._draft.note(
                    "differs", f"{where}.timeRestriction",
                    "name it under time_intervals, and in active_time_intervals of the route",
                )  # fmt: skip
            lines = _matchers(object_of(rule.get("criteria")))
            if isinstance(lines, str):
                self._draft.note("left out", f"{where}.criteria", lines)
                continue
            for matchers in lines:
                own = [written([("team", "=", team)]), *matchers]
                self._draft.route(where, own, policy)

    def _policy_of(self, to: Given) -> str:
        """Return the policy that a routing rule means; empty for none."""
        kind = text_of(to.get("type"))
        if kind == "escalation":
            return self._names.get(text_of(to.get("id"))) or self._names.get(
                text_of(to.get("name")), ""
            )
        if kind == "schedule" and (schedule := self._schedule(to)) is not None:
            name = f"page {schedule}"
            self._draft.policies[name] = {"steps": [{"notify": [f"schedule:{schedule}"]}]}
            return name
        return ""

    def _default(self, team: str, to: Given) -> None:
        """Let a team have the policy of its default routing rule, and the schedule it begins with.

        The schedule is whom a step of another policy pages that names the team.
        """
        given, name = self._draft.teams.get(team), self._policy_of(to)
        if given is None or not name:
            return
        given["escalation"] = name
        first = texts_of(objects_of(self._draft.policies[name]["steps"])[0]["notify"])
        schedules = [one for one in first if one.startswith("schedule:")]
        if schedules:
            given["schedule"] = schedules[0].removeprefix("schedule:")

    def integration(self, one: Given) -> None:
        """Report an integration: which door of Sentinel takes its place."""
        kind, name = text_of(one.get("type")), text_of(one.get("name"))
        place = f"integrations.{name or text_of(one.get('id'))}"
        if one.get("enabled") is False:
            self._draft.note("left out", place, f"{kind}: it is disabled")
        elif (door := _DOORS.get(kind.lower())) is not None:
            self._draft.note("make", place, f"{kind}: {door}")
        else:
            self._draft.note(
                "left out", place,
                f"{kind}: Sentinel has no door of its own for it; send its webhook as events to "
                "POST /api/v1/events",
            )  # fmt: skip


def _matchers(criteria: Given) -> list[list[str]] | str:
    """Return criteria as matchers of one route or of several; else why it cannot be."""
    kind = text_of(criteria.get("type")) or "match-all"
    if kind == "match-all":
        return [[]]
    found: list[str] = []
    for one in objects_of(criteria.get("conditions")):
        matcher = _matcher(one)
        if matcher is None:
            return (
                f"{text_of(one.get('field'))} {text_of(one.get('operation'))}: routes match labels "
                "and the severity only"
            )
        found.append(matcher)
    if not found:
        return "it has no conditions"
    return [found] if kind == "match-all-conditions" else [[one] for one in found]


def _matcher(one: Given) -> str | None:
    field, operation = text_of(one.get("field")), text_of(one.get("operation"))
    value, negated = text_of(one.get("expectedValue")), bool(one.get("not"))
    if field == "priority" and operation == "equals" and value in _SEVERITY:
        return written([("severity", "!=" if negated else "=", _SEVERITY[value])])
    key = text_of(one.get("key"))
    if field not in ("extra-properties", "details") or not re.fullmatch(r"[A-Za-z_]\w*", key):
        return None
    if operation == "equals":
        return written([(key, "!=" if negated else "=", value)])
    if operation == "matches":
        return written([(key, "!~" if negated else "=~", value)])
    if operation in _PATTERNS:
        pattern = _PATTERNS[operation].format(re.escape(value))
        return written([(key, "!~" if negated else "=~", pattern)])
    return None
