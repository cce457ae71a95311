"""Commands about rules and silences against a server on another machine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sentinel.cli.output import ago, fields, json_out, print_table, say
from sentinel.cli.remote import client_here
from sentinel.duration import format_duration
from sentinel.errors import NotFound
from sentinel.rules.health import LABELS, RuleHealth

if TYPE_CHECKING:
    from datetime import timedelta

    from sentinel.client import Rule

__all__ = [
    "end_silence_remotely", "list_rules", "list_silences", "show_rule", "silence_remotely",
    "switch_remotely",
]  # fmt: skip


def list_rules(*, json: bool) -> None:
    """Print the rules of the server."""
    with client_here() as client:
        found = client.rules().items
    if json:
        json_out({"items": [one.model_dump(exclude_none=True) for one in found]})
        return
    now = datetime.now(UTC)
    print_table(
        ["RULE", "HEALTH", "TRIGGER", "LAST EVALUATION", "RESULT", "ALERTS"],
        [
            (
                one.name, _health(one), one.trigger, _evaluated(one, now), one.health_text,
                one.live_alerts,
            )
            for one in found
        ],
        empty="No rule has run yet, or none that this token may see.",
        ranks=[one.rank if one.live_alerts else 0 for one in found],
    )  # fmt: skip


def show_rule(name: str, tenant: str, *, json: bool) -> None:
    """Print one rule of the server."""
    with client_here() as client:
        rule = client.rule(name, tenant=tenant)
    if json:
        json_out(rule.model_dump())
        return
    say(rule.name)
    fields(
        {
            "health": _health(rule), "switch": "on" if rule.enabled else "off",
            "trigger": rule.trigger, "category": rule.category, "owner": rule.source,
            "last evaluation": _evaluated(rule, datetime.now(UTC)), "result": rule.health_text,
            "alerts": rule.live_alerts, "error": rule.error,
        }
    )  # fmt: skip
    say("")
    fields({key: value for key, value in rule.spec.items() if key != "name"})


def switch_remotely(name: str, tenant: str, *, on: bool, reason: str = "", json: bool) -> None:
    """Enable or disable a rule of the server."""
    with client_here() as client:
        rule = client.switch_rule(name, on=on, reason=reason, tenant=tenant)
    if json:
        json_out({"name": rule.name, "enabled": rule.enabled})
    else:
        say(f"{rule.name} is {'enabled' if rule.enabled else 'disabled; its alerts are closed'}.")


def list_silences(rule: str, *, ended: bool, json: bool) -> None:
    """Print the silences of the server."""
    with client_here() as client:
        found = client.silences(rule=rule, ended=ended).items
    if json:
        json_out({"items": [one.model_dump() for one in found]})
        return
    now = datetime.now(UTC)
    print_table(
        ["RULE", "TENANT", "EXPIRES", "BY", "REASON"],
        [
            (
                one.rule, one.tenant,
                f"in {format_duration(one.until - now)}" if one.state == "active" else one.state,
                one.created_by, one.reason,
            )
            for one in found
        ],
        empty="No rule is silenced.",
    )  # fmt: skip


def silence_remotely(rule: str, span: timedelta, reason: str, tenant: str, *, json: bool) -> None:
    """Silence a rule of the server."""
    minutes = span.total_seconds() / 60
    with client_here() as client:
        made = client.silence_rule(rule, minutes=minutes, reason=reason, tenant=tenant)
    if json:
        json_out(made.model_dump())
        return
    say(f"Silenced {rule} for {format_duration(span)}; live alerts: {made.silenced}.")


def end_silence_remotely(rule: str, tenant: str, *, json: bool) -> None:
    """End the silence of a rule of the server.

    Args:
        rule: name of the rule
        tenant: whose it is
        json: whether to print JSON

    Raises:
        NotFound: the rule is not silenced
    """
    with client_here() as client:
        mine = [one for one in client.silences(rule=rule).items if one.tenant == tenant]
        if not mine:
            raise NotFound(f"the rule {rule!r} is not silenced")
        ended = client.end_silence(mine[0].id)
    if json:
        json_out(ended.model_dump())
        return
    say(f"Ended the silence of {rule}.")


def _health(rule: Rule) -> str:
    return LABELS[RuleHealth(rule.health)]


def _evaluated(rule: Rule, now: datetime) -> str:
    return f"{ago(rule.evaluated_at, now)} ago" if rule.evaluated_at else "never"
