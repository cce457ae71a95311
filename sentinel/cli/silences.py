"""`sentinel silence …`: rules of whose alerts nobody is notified for a time."""

from __future__ import annotations

from typing import Annotated

import typer

from sentinel.cli import completion
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_rules import end_silence_remotely, list_silences, silence_remotely
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.duration import format_duration, parse_duration
from sentinel.errors import ConfigurationError

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Silences: rules of whose alerts nobody is notified for a time."
)

WhichRule = Annotated[
    str,
    typer.Argument(
        help="Name of the rule.", show_default=False, autocompletion=completion.rules
    ),
]  # fmt: skip
OfTenant = Annotated[str, typer.Option("--tenant", help="Tenant of the rule.")]


@commands.command("list")
def list_(
    ended: Annotated[bool, typer.Option("--ended", help="Also those that are over.")] = False,
    rule: Annotated[str, typer.Option(help="Of this rule only.", show_default=False)] = "",
    json: AsJson = False,
) -> None:
    """List the silences that are active, newest first.

    Example:
        sentinel silence list
    """
    if remote_url():
        list_silences(rule, ended=ended, json=json)
        return
    with open_store() as store:
        found, now = store.silences.page(500, ended=ended, rule=rule), store.now()
    if json:
        json_out({"items": [one.model_dump() for one in found]})
        return
    print_table(
        ["RULE", "TENANT", "EXPIRES", "BY", "REASON"],
        [
            (
                one.rule, one.tenant,
                f"ended by {one.ended_by}" if one.ended_at
                else f"in {format_duration(one.until - now)}" if one.until > now else "is over",
                one.actor, one.reason,
            )
            for one in found
        ],
        empty="No rule is silenced.",
    )  # fmt: skip


@commands.command()
def add(
    rule: WhichRule,
    length: Annotated[str, typer.Option("--for", help="Duration: 30m, 2h, 1d.")] = "1h",
    message: Annotated[
        str, typer.Option("--message", "-m", help="The reason, shown beside the alerts.")
    ] = "",
    tenant: OfTenant = "default",
    json: AsJson = False,
) -> None:
    """Silence a rule for a while: nobody is notified of its alerts, also of those that open later.

    Example:
        sentinel silence add disk-space --for 2h -m "the array is being rebuilt"

    Raises:
        ConfigurationError: `--for` is not a duration
    """
    try:
        span = parse_duration(length)
    except ValueError as error:
        raise ConfigurationError(f"--for: {error}") from None
    if remote_url():
        silence_remotely(rule, span, message, tenant, json=json)
        return
    with open_store() as store:
        until = store.now() + span
        silenced = store.silences.begin(rule, until, actor=actor(), reason=message, tenant=tenant)
    if json:
        json_out({"rule": rule, "tenant": tenant, "until": until, "silenced": silenced})
        return
    say(f"Silenced {rule} for {format_duration(span)}; live alerts: {silenced}.")


@commands.command()
def end(rule: WhichRule, tenant: OfTenant = "default", json: AsJson = False) -> None:
    """End the silence of a rule before its time; suppressions of single alerts go on.

    Example:
        sentinel silence end disk-space
    """
    if remote_url():
        end_silence_remotely(rule, tenant, json=json)
        return
    with open_store() as store:
        heard = store.silences.end(rule, actor=actor(), tenant=tenant)
    if json:
        json_out({"rule": rule, "tenant": tenant, "no_longer_silenced": heard})
        return
    say(f"Ended the silence of {rule}; live alerts: {heard}.")
