"""Commands about rules against a server on another machine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sentinel.cli.drift import drift_here, say_drift
from sentinel.cli.output import ago, as_written, fields, json_out, print_table, say
from sentinel.cli.remote import client_here
from sentinel.rules.health import LABELS, RuleHealth

if TYPE_CHECKING:
    from sentinel.client import Rule

__all__ = ["list_rules", "show_rule", "switch_remotely"]


def list_rules(*, pack: str = "", json: bool) -> None:
    """Print the rules of the server, or those of one pack."""
    with client_here() as client:
        found = [one for one in client.rules().items if pack in ("", one.pack)]
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
    drift = drift_here(name, tenant)
    if json:
        edits = [str(one) for one in drift.differences]
        json_out({**rule.model_dump(), "differs_from_file": edits})
        return
    say(rule.name)
    fields(
        {
            "health": _health(rule), "switch": "on" if rule.enabled else "off",
            "trigger": rule.trigger, **({"pack": rule.pack} if rule.pack else {}),
            "category": rule.category, "owner": rule.source,
            "last evaluation": _evaluated(rule, datetime.now(UTC)), "result": rule.health_text,
            "alerts": rule.live_alerts, "error": rule.error,
        }
    )  # fmt: skip
    say("")
    fields({key: as_written(value) for key, value in rule.spec.items() if key != "name"})
    say_drift(drift)


def switch_remotely(name: str, tenant: str, *, on: bool, reason: str = "", json: bool) -> None:
    """Enable or disable a rule of the server."""
    with client_here() as client:
        rule = client.switch_rule(name, on=on, reason=reason, tenant=tenant)
    if json:
        json_out({"name": rule.name, "enabled": rule.enabled})
    else:
        say(f"{rule.name} is {'enabled' if rule.enabled else 'disabled; its alerts are closed'}.")


def _health(rule: Rule) -> str:
    return LABELS[RuleHealth(rule.health)]


def _evaluated(rule: Rule, now: datetime) -> str:
    return f"{ago(rule.evaluated_at, now)} ago" if rule.evaluated_at else "never"
