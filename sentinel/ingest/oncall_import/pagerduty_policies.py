"""PagerDuty's escalation policies as ours; its services and integrations as a report. Pure.

By https://developer.pagerduty.com/api-reference and its OpenAPI
(https://github.com/PagerDuty/api-schema, commit 91a06fb of 2026-08-14), read 2026-11-30.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sentinel.ingest.oncall_import.imported import Draft
from sentinel.ingest.oncall_import.pagerduty_answers import PagerDutyAnswers
from sentinel.ingest.oncall_import.values import number, object_of, objects_of, text_of
from sentinel.labels.alertmanager import written

__all__ = ["add_policies", "report_services"]

Given = Mapping[str, Any]
_MAIL = "generic_email_inbound_integration"


def add_policies(
    draft: Draft, answers: PagerDutyAnswers, schedules: Mapping[str, str]
) -> dict[str, str]:
    """Add the escalation policies.

    Args:
        draft: with the people
        answers: of PagerDuty
        schedules: our names, by its ids

    Returns:
        Our names of the policies, by its ids.
    """
    names: dict[str, str] = {}
    for one in answers.policies:
        theirs, key = (
            text_of(one.get("name")) or text_of(one.get("summary")),
            text_of(one.get("id")),
        )
        name = theirs if theirs not in draft.policies else f"{theirs} {key}"
        place = f"escalation_policies.{theirs}"
        steps: list[dict[str, Any]] = []
        after = 0
        for number_, rule in enumerate(objects_of(one.get("escalation_rules"))):
            where = f"{place}.escalation_rules[{number_}]"
            targets = list(dict.fromkeys(_targets(draft, where, rule, schedules)))
            if targets:
                steps.append({"after": f"{after}m", "notify": targets})
                after = 0
            after += max(number(rule.get("escalation_delay_in_minutes"), 0), 0)
        if not steps:
            draft.note("left out", place, "none of its rules pages anybody")
            continue
        policy: dict[str, Any] = {
            "description": text_of(one.get("description"))[:1000], "steps": steps
        }  # fmt: skip
        if (loops := number(one.get("num_loops"), 0)) > 0:
            policy |= {"repeat": min(loops, 100), "repeat_after": f"{max(after, 1)}m"}
        if text_of(one.get("on_call_handoff_notifications")) == "always":
            draft.note(
                "left out", f"{place}.on_call_handoff_notifications",
                "notices of handoffs belong to a schedule or a person here",
            )  # fmt: skip
        _timeout(draft, place, policy, key, answers)
        draft.policies[name] = policy
        names[key] = name
    return names


def _targets(draft: Draft, place: str, rule: Given, schedules: Mapping[str, str]) -> Iterable[str]:
    strategy = rule.get("escalation_rule_assignment_strategy")
    # The schema says a text, and its example has a list of objects.
    listed = [text_of(one.get("type")) for one in objects_of(strategy)] or [
        text_of(object_of(strategy).get("type")) or text_of(strategy)
    ]
    if "round_robin" in listed:
        draft.note(
            "differs", f"{place}.escalation_rule_assignment_strategy",
            "round_robin: everybody of the step is paged",
        )  # fmt: skip
    for to in objects_of(rule.get("targets")):
        kind, key = text_of(to.get("type")).removesuffix("_reference"), text_of(to.get("id"))
        if kind == "user" and key in draft.person_ids:
            yield f"person:{draft.person_ids[key]}"
        elif kind == "schedule" and key in schedules:
            yield f"schedule:{schedules[key]}"
        else:
            draft.note(
                "left out", f"{place}.targets", f"{kind} {text_of(to.get('summary')) or key}"
            )


def _timeout(
    draft: Draft, place: str, policy: dict[str, Any], key: str, answers: PagerDutyAnswers
) -> None:
    """Give a policy the acknowledgement timeout of its services, where they have one."""
    found = {
        number(one.get("acknowledgement_timeout"), 0)
        for one in answers.services
        if text_of(object_of(one.get("escalation_policy")).get("id")) == key
    }
    if len(found) == 1 and (seconds := found.pop()) > 0:
        policy["acknowledgement_timeout"] = f"{seconds}s"
    elif len(found) > 1:
        draft.note(
            "left out", f"{place}.services.acknowledgement_timeout",
            f"services differ ({', '.join(map(str, sorted(found)))} s), and a policy has one here",
        )  # fmt: skip


def report_services(draft: Draft, answers: PagerDutyAnswers, policies: Mapping[str, str]) -> None:
    """Report services as routes, and their integrations as doors.

    Args:
        draft: with the report
        answers: of PagerDuty
        policies: our names, by its ids
    """
    for one in answers.services:
        name = text_of(one.get("name")) or text_of(one.get("summary"))
        place = f"services.{name}"
        if one.get("status") == "disabled":
            draft.note("left out", place, "it is disabled")
            continue
        policy = policies.get(text_of(object_of(one.get("escalation_policy")).get("id")))
        if policy is not None:
            draft.route(place, [written([("service", "=", name)])], policy)
        if number(one.get("auto_resolve_timeout"), 0) > 0:
            draft.note(
                "left out", f"{place}.auto_resolve_timeout",
                "an alert resolves where its condition does, and not by the time alone",
            )  # fmt: skip
        for given in objects_of(one.get("integrations")):
            _integration(draft, f"{place}.integrations", given)


def _integration(draft: Draft, place: str, one: Given) -> None:
    kind = text_of(one.get("type")).removesuffix("_reference")
    name = text_of(one.get("name")) or text_of(one.get("summary")) or text_of(one.get("id"))
    where = f"{place}.{name}"
    if kind == _MAIL:
        draft.note("left out", where, f"{kind}: Sentinel reads no mails as alerts")
    elif "events_api" in kind:
        draft.note(
            "make", where,
            f"{kind}: let its sender post to POST /api/v1/alerts, or Alertmanager and Grafana to "
            "their webhooks of Sentinel",
        )  # fmt: skip
    else:
        draft.note(
            "left out", where,
            f"{kind}: Sentinel has no door of its own for it; send its webhook as events to "
            "POST /api/v1/events",
        )  # fmt: skip
