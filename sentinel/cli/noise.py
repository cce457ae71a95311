"""`sentinel noise`: which rules, teams and people have noisy alerts, and what helps."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import completion
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store, settings_here

if TYPE_CHECKING:
    from collections.abc import Generator

    from sentinel.rollout.made_rules import MadeRules
    from sentinel.store import Store
    from sentinel.store.reports.kept_alerts import Scored
    from sentinel.store.reports.rule_noise import RuleNoise

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Alert fatigue: noisy rules, and what makes them less so."
)

Days = Annotated[float, typer.Option(min=0.05, max=60, help="Length of the period, in days.")]
Rule = Annotated[
    str,
    typer.Argument(
        help="Name of the rule.", show_default=False, autocompletion=completion.rules
    ),
]  # fmt: skip
OfTenant = Annotated[str, typer.Option("--tenant", help="Tenant of the rule.")]


@commands.command("list")
def list_(days: Days = 7, json: AsJson = False) -> None:
    """Print the fatigue scores of rules, teams and people, the highest first.

    Rules come in the order of a learned ranking where the extra `learned` is installed and the
    order was better in the last weeks; a sentence says which order it is, and why.

    Example:
        sentinel noise list --days 28
    """
    found = _report(days)
    if json:
        json_out(found)
        return
    say(found["definition"])
    for title in ("rules", "teams", "people"):
        say("")
        if title == "rules":
            say(found["ranking"]["text"])
        print_table(
            [title.upper(), "SCORE", "ALERTS", "PARTS"],
            [
                (_named(one, found[title]), _score(one["score"]), f"{one['alerts']:,}",
                 ", ".join(_part(part) for part in one["parts"][:3] if part["points"]))
                for one in found[title]
            ],
            empty=f"No alerts of {title}.",
        )  # fmt: skip


@commands.command()
def show(rule: Rule, days: Days = 7, tenant: OfTenant = "default", json: AsJson = False) -> None:
    """Print the score of a rule with its parts, and what each change would have saved.

    Example:
        sentinel noise show disk-space
    """
    found = _of_rule(rule, tenant, days)
    if json:
        json_out(found)
        return
    fatigue = found["fatigue"]
    fired = "once" if found["times_fired"] == 1 else f"{found['times_fired']:,} times"
    say(f"{rule}: fatigue {_score(fatigue['score'])}, fired {fired}")
    for part in fatigue["parts"]:
        say(f"  {part['points']:5.1f} of {part['most']:2}  {part['text']}")
    if found["advised_since"] > found["since"]:
        say("Advice counts what fired since the rule was last changed.")
    if found["note"]:
        say(found["note"])
    elif not found["advice"]:
        say("No change would have saved messages without losing an alert that somebody needed.")
    for one in found["advice"]:
        say("")
        say(one["text"])
        say(
            f"  Messages of the last {days:g} days: {one['messages_before']:,} → "
            f"{one['messages_after']:,}. {_needed(one)}"
        )
        say(f"  {one['command']}")


@commands.command("apply")
def apply_(
    rule: Rule,
    kind: Annotated[str, typer.Argument(help="As `sentinel noise show` names it.")],
    days: Days = 7,
    tenant: OfTenant = "default",
    json: AsJson = False,
) -> None:
    """Apply an advice to a rule; of a rule of a file, print what to change there.

    Example:
        sentinel noise apply disk-space raise_for
    """
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import noise

        with client_here() as client:
            done: Any = client.do(noise.apply(rule, kind, tenant=tenant, days=days)).model_dump()
    else:
        import msgspec

        from sentinel.rollout.noise_change import apply_advice, the_advice
        from sentinel.store.reports.rule_noise import rule_noise

        with open_store() as store:
            found = rule_noise(store, tenant, rule, timedelta(days=days))
            advice = the_advice(found, kind)
            applied = apply_advice(store, lambda: _made_rules(store), found, advice, actor=actor())
        done = msgspec.structs.asdict(applied)
    if json:
        json_out(done)
        return
    say(done["text"])
    if done["difference"]:
        say(done["difference"])


@contextmanager
def _made_rules(store: Store) -> Generator[MadeRules]:
    from sentinel.cli.deploy import flow_cache_of
    from sentinel.rollout.api import RolloutApi
    from sentinel.rollout.made_rules import MadeRules

    settings = settings_here()
    with RolloutApi.of(settings) as api:
        yield MadeRules(store, api, flow_cache_of(settings))


def _report(days: float) -> dict[str, Any]:
    """Return the scores here, or of the server whose address is given."""
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import noise

        with client_here() as client:
            return client.do(noise.fatigue(days=days)).model_dump(mode="json")
    import msgspec

    from sentinel.noise.score import DEFINITION
    from sentinel.store.reports.noise import noise_report

    with open_store() as store:
        found = noise_report(store, timedelta(days=days))
    return {
        "since": found.since, "until": found.until, "definition": DEFINITION,
        "ranking": msgspec.structs.asdict(found.ranking),
        "rules": [_scored(one) for one in found.rules],
        "teams": [_scored(one) for one in found.teams],
        "people": [_scored(one) for one in found.people],
    }  # fmt: skip


def _of_rule(rule: str, tenant: str, days: float) -> dict[str, Any]:
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import noise

        with client_here() as client:
            there = client.do(noise.of_rule(rule, tenant=tenant, days=days))
        return there.model_dump(mode="json")
    from sentinel.store.reports.rule_noise import rule_noise

    with open_store() as store:
        return _noise(rule_noise(store, tenant, rule, timedelta(days=days)))


def _noise(found: RuleNoise) -> dict[str, Any]:
    from sentinel.rollout.noise_change import command_of

    return {
        "rule": found.rule, "tenant": found.tenant, "owner": found.owner, "since": found.since,
        "until": found.until, "times_fired": found.episodes, "fatigue": _scored(found.scored),
        "advised_since": found.advised_since, "note": found.note,
        "advice": [
            {
                "kind": one.kind, "text": one.text, "fields": one.fields,
                "messages_before": one.before, "messages_after": one.after,
                "removed": one.removed, "needed": one.needed, "lost": one.lost,
                "later_seconds": one.later.total_seconds(), "command": command_of(found, one),
            }
            for one in found.advice
        ],
    }  # fmt: skip


def _scored(one: Scored) -> dict[str, Any]:
    import msgspec

    return {
        "name": one.name, "tenant": one.tenant, "score": one.fatigue.score,
        "alerts": one.counts.opened, "learned": one.learned,
        "parts": [msgspec.structs.asdict(part) for part in one.fatigue.parts],
    }  # fmt: skip


def _named(one: dict[str, Any], among: list[dict[str, Any]]) -> str:
    """Return a name, with its tenant where several have one of it."""
    several = sum(other["name"] == one["name"] for other in among) > 1
    return f"{one['name']} of {one['tenant']}" if several else one["name"] or "(no team)"


def _score(given: float | None) -> str:
    return "not enough data" if given is None else f"{given:.0f}"


def _part(part: dict[str, Any]) -> str:
    return f"{part['name']} {part['points']:.0f}"


def _needed(advice: dict[str, Any]) -> str:
    if not advice["needed"]:
        return "Nobody needed an alert of it."
    later = round(advice["later_seconds"] / 60)
    late = f", at most {later:,} minutes later" if later else ""
    return f"All of the {advice['needed']:,} alerts that people needed would have opened{late}."
