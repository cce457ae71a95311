"""`sentinel rule …`: which rules there are, what they last found, and their switch."""

from __future__ import annotations

from typing import Annotated

import typer

from sentinel.cli import backtest, completion, export, lint
from sentinel.cli.drift import drift_of
from sentinel.cli.output import AsJson, ago, fields, json_out, print_table, say
from sentinel.cli.target import actor, open_store

__all__ = ["commands"]

commands = typer.Typer(no_args_is_help=True, help="List rules, look at one, run or switch it.")

commands.command("lint")(lint.lint)
commands.command("test")(backtest.backtest)
commands.command("diff")(backtest.diff)
commands.command("export")(export.export)
commands.command("import")(export.import_)

Name = Annotated[
    str,
    typer.Argument(help="Name of the rule.", show_default=False, autocompletion=completion.rules),
]


@commands.command("list")
def list_(json: AsJson = False) -> None:
    """All rules that have run, with what they last found.

    Example:
        sentinel rule list --json
    """
    with open_store() as store:
        rows = store.rules.list()
        live = store.rules.live_counts()
        now = store.now()
    if json:
        json_out(
            {
                "items": [
                    {**row.model_dump(), "live_alerts": live.get((row.tenant, row.name), 0)}
                    for row in rows
                ]
            }
        )
        return
    print_table(
        ["RULE", "SWITCH", "TRIGGER", "LAST LOOK", "FOUND", "ALERTS"],
        [
            (
                row.name,
                "on" if row.enabled else "off",
                row.trigger,
                f"{ago(row.evaluated_at, now)} ago" if row.evaluated_at else "never",
                f"error: {row.error}" if row.failures else f"{row.bad} of {row.seen} bad",
                live.get((row.tenant, row.name), 0),
            )
            for row in rows
        ],
        empty="No rule has run yet. Roll some out: sentinel deploy",
        ranks=[row.severity if live.get((row.tenant, row.name)) else 0 for row in rows],
    )


@commands.command()
def show(name: Name, json: AsJson = False) -> None:
    """One rule as it last ran.

    Example:
        sentinel rule show disk-full
    """
    with open_store() as store:
        row = store.rules.get(name)
        live = store.rules.live_counts().get((row.tenant, row.name), 0)
        now = store.now()
    step = drift_of(row.name)
    edits = [str(one) for one in step.differences] if step is not None else []
    if json:
        json_out({**row.model_dump(), "live_alerts": live, "differs_from_file": edits})
        return
    say(row.name)
    fields(
        {
            "switch": "on"
            if row.enabled
            else f"off, by {row.switched_by} {ago(row.switched_at, now)} ago: {row.switch_reason}",
            "trigger": row.trigger,
            "category": row.category,
            "owner": row.source,
            "last look": f"{ago(row.evaluated_at, now)} ago" if row.evaluated_at else "never",
            "found": f"{row.bad} of {row.seen} bad",
            "looks": row.evaluations,
            "alerts": live,
            "error": row.error if row.failures else "",
        }
    )
    say("")
    fields({key: _as_written(value) for key, value in row.spec.items() if key != "name"})
    if step is not None and edits:
        say(f"\nIt is not as {step.file} has it; sentinel deploy puts that back:")
        for edit in edits:
            say(f"  {edit}")


def _as_written(value: object) -> object:
    """A field of a rule as a file has it: `{above: 95.0, clear: 93.0}`."""
    if not isinstance(value, dict | list) or not value:
        return value  # pyright: ignore[reportUnknownVariableType] - it is JSON
    import yaml

    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).strip()


@commands.command()
def disable(
    name: Name,
    message: Annotated[str, typer.Option("--message", "-m", help="Why; kept with the rule.")] = "",
    json: AsJson = False,
) -> None:
    """Switch a rule off for good; no deploy switches it on again.

    Its alerts close as "rule disabled", never as recovered.

    Example:
        sentinel rule disable disk-full -m "the array is being replaced"
    """
    with open_store() as store:
        closed = store.rules.disable(name, actor=actor(), reason=message)
    if json:
        json_out({"name": name, "enabled": False, "closed": closed})
    else:
        say(f"{name} is off; {closed} of its alerts closed.")


@commands.command()
def enable(name: Name, json: AsJson = False) -> None:
    """Switch a rule on again.

    Example:
        sentinel rule enable disk-full
    """
    with open_store() as store:
        changed = store.rules.enable(name, actor=actor())
    if json:
        json_out({"name": name, "enabled": True, "changed": changed})
    else:
        say(f"{name} is on." if changed else f"{name} was on already.")


@commands.command()
def run(
    name: Name,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Follow it until it ends, or only start it.")
    ] = True,
    within: Annotated[str, typer.Option(help="Follow it for at most so long.")] = "5m",
    json: AsJson = False,
) -> None:
    """Start the run of a rule's deployment now, and follow it until it ends.

    It counts like a scheduled one. Exits with 1 where the run fails or does not end in time.

    Examples:
        sentinel rule run disk-full

        sentinel rule run disk-full --no-wait --json
    """
    from sentinel.cli.flow_runs import follow, start
    from sentinel.duration import parse_duration
    from sentinel.errors import ConfigurationError

    try:
        patience = parse_duration(within)
    except ValueError as error:
        raise ConfigurationError(f"--within: {error}") from None
    started = start(name, tell=None if json else say)
    ended = follow(started, patience, tell=None if json else say) if wait else started
    if json:
        json_out(ended)
    if wait and ended.type != "COMPLETED":
        from sentinel.cli.exit_codes import Exit

        raise typer.Exit(Exit.FAILED)
