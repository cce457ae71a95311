"""Escalation chains of Grafana OnCall as policies; its integrations and routes as a report. Pure.

By https://grafana.com/docs/oncall/latest/oncall-api-reference/escalation_policies/ and `…/routes/`,
read 2026-11-30; that a chain is repeated five times by `MAX_TIMES_REPEAT` of
`engine/apps/alerts/models/escalation_policy.py` at commit 3666186 of 2026-01-05.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sentinel.ingest.oncall_import.grafana_answers import GrafanaAnswers, Objects
from sentinel.ingest.oncall_import.imported import Draft
from sentinel.ingest.oncall_import.values import length_text, number, object_of, text_of, texts_of

__all__ = ["add_chains", "report_integrations"]

_REPEATS = 5
_WHY = {
    "notify_user_group": "groups of Slack are not notified",
    "notify_whole_channel": "a receiver with a channel of Slack does it",
    "trigger_webhook": "a receiver with a channel of type webhook does it",
    "resolve": "an escalation resolves no alert",
    "declare_incident": "an escalation declares no incident",
    "notify_if_time_from_to": "the steps after it are not held back; a step may have hours",
    "notify_if_num_alerts_in_window": "the steps after it are not held back",
}
_DOORS = {
    "alertmanager": "/api/v1/alerts/webhooks/prometheus",
    "legacy_alertmanager": "/api/v1/alerts/webhooks/prometheus",
    "grafana": "/api/v1/alerts/webhooks/grafana",
    "grafana_alerting": "/api/v1/alerts/webhooks/grafana",
    "legacy_grafana_alerting": "/api/v1/alerts/webhooks/grafana",
    "webhook": "POST /api/v1/alerts",
    "formatted_webhook": "POST /api/v1/alerts",
}
Given = Mapping[str, Any]


def add_chains(
    draft: Draft, answers: GrafanaAnswers, schedules: Mapping[str, str], teams: Mapping[str, str]
) -> dict[str, str]:
    """Add the escalation chains as policies.

    Args:
        draft: with the people
        answers: of Grafana OnCall
        schedules: our names, by its ids
        teams: our names, by its ids

    Returns:
        Our names of the policies, by the ids of the chains.
    """
    steps: dict[str, Objects] = {}
    for one in answers.of("escalation_policies"):
        steps.setdefault(text_of(one.get("escalation_chain_id")), []).append(one)
    names: dict[str, str] = {}
    for chain in answers.of("escalation_chains"):
        key, theirs = text_of(chain.get("id")), text_of(chain.get("name"))
        name = theirs if theirs not in draft.policies else f"{theirs} {key}"
        place = f"escalation_chains.{theirs}"
        made: list[dict[str, Any]] = []
        waited, repeats = 0, False
        ordered = sorted(steps.get(key, []), key=lambda one: number(one.get("position"), 0))
        for number_, step in enumerate(ordered):
            where, kind = f"{place}[{number_}]", text_of(step.get("type"))
            if kind == "wait":
                waited += max(number(step.get("duration"), 0), 0)
                continue
            repeats = repeats or kind == "repeat_escalation"
            targets = list(dict.fromkeys(_targets(draft, where, step, schedules, teams)))
            if targets and made and not waited:
                made[-1]["notify"] += [one for one in targets if one not in made[-1]["notify"]]
            elif targets:
                made.append({"after": length_text(waited), "notify": targets})
                waited = 0
            elif kind != "repeat_escalation":
                draft.note("left out", f"{where}.{kind}", _WHY.get(kind, "it pages nobody"))
            if step.get("important"):
                draft.note("left out", f"{where}.important", "a person has one list of receivers")
        if not made:
            draft.note("left out", place, "none of its steps pages anybody")
            continue
        draft.policies[name] = {"steps": made}
        if repeats:
            draft.policies[name] |= {
                "repeat": _REPEATS, "repeat_after": f"{max(waited, 60)}s"
            }  # fmt: skip
        names[key] = name
    return names


def _targets(
    draft: Draft, place: str, step: Given, schedules: Mapping[str, str], teams: Mapping[str, str]
) -> Iterable[str]:
    kind, ids = text_of(step.get("type")), draft.person_ids
    if kind in ("notify_persons", "notify_person_next_each_time"):
        field = "persons_to_notify" if kind == "notify_persons" else (
            "persons_to_notify_next_each_time"
        )  # fmt: skip
        for key in texts_of(step.get(field)):
            if key in ids:
                yield f"person:{ids[key]}"
            else:
                draft.note("left out", f"{place}.{field}", f"{key} is no user of the answer")
        if kind == "notify_person_next_each_time":
            draft.note(
                "differs", f"{place}.{field}", "everybody is paged, and not one after the other"
            )
    elif kind == "notify_on_call_from_schedule":
        key = text_of(step.get(kind))
        if key in schedules:
            yield f"schedule:{schedules[key]}"
    elif kind == "notify_team_members":
        key = text_of(step.get("team_to_notify"))
        if key in teams:
            yield f"team:{teams[key]}"


def report_integrations(draft: Draft, answers: GrafanaAnswers, chains: Mapping[str, str]) -> None:
    """Report integrations as doors, and their routes.

    Args:
        draft: with the report
        answers: of Grafana OnCall
        chains: our names of policies, by the ids of chains
    """
    for one in answers.of("integrations"):
        key, kind = text_of(one.get("id")), text_of(one.get("type"))
        place = f"integrations.{text_of(one.get('name')) or key}"
        door = _DOORS.get(kind)
        if door is None:
            draft.note(
                "left out", place, f"{kind}: Sentinel has no door of its own for it; send its "
                "webhook as events to POST /api/v1/events",
            )  # fmt: skip
        else:
            draft.note("make", place, f"{kind}: send its alerts to {door}")
        default_route = object_of(one.get("default_route"))
        default = chains.get(text_of(default_route.get("escalation_chain_id")))
        if default is not None:
            draft.note("make", f"{place}.default_route", f"a route {{escalation: {default}}}")
        for route in answers.of("routes"):
            if text_of(route.get("integration_id")) != key or route.get("is_the_last_route"):
                continue
            chain = chains.get(text_of(route.get("escalation_chain_id")), "''")
            draft.note(
                "left out", f"{place}.routes.{text_of(route.get('id'))}.routing_regex",
                f"{text_of(route.get('routing_regex'))}: it looks at the whole payload; a route "
                f"{{matchers: […], escalation: {chain}}} looks at labels",
            )  # fmt: skip
