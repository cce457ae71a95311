"""`sentinel rule …`: list rules, show, run, enable and disable one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli import backtest, completion, export, lint, pending_changes, promtool_tests
from sentinel.cli.drift import drift_here, say_drift
from sentinel.cli.output import AsJson, ago, as_written, fields, json_out, print_table, say
from sentinel.cli.remote_rules import list_rules, show_rule, switch_remotely
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store
from sentinel.rules.health import LABELS, RuleFacts, explain, health_of

if TYPE_CHECKING:
    from sentinel.schema.rules import RuleRow
    from sentinel.store.rules.health import AlertCounts

__all__ = ["commands"]

commands = typer.Typer(no_args_is_help=True, help="List rules; show, run, enable or disable one.")

commands.command("lint")(lint.lint)
commands.command("test")(backtest.backtest)
commands.command("diff")(backtest.diff)
commands.command("promtool-tests")(promtool_tests.promtool_tests)
commands.command("export")(export.export)
commands.command("import")(export.import_)
for one in (
    pending_changes.pending, pending_changes.approve, pending_changes.reject,
    pending_changes.withdraw,
):  # fmt: skip
    commands.command()(one)

Name = Annotated[
    str,
    typer.Argument(help="Name of the rule.", show_default=False, autocompletion=completion.rules),
]
OfTenant = Annotated[str, typer.Option("--tenant", help="Tenant of the rule.")]


@commands.command("list")
def list_(
    pack: Annotated[str, typer.Option("--pack", help="Only the rules of this rule pack.")] = "",
    json: AsJson = False,
) -> None:
    """List all rules that have run, with their last evaluation.

    Examples:
        sentinel rule list --json

        sentinel rule list --pack host-disks
    """
    from sentinel.store.rules.health import NONE, alert_counts

    if remote_url():
        list_rules(pack=pack, json=json)
        return
    with open_store() as store:
        rows = [row for row in store.rules.list() if pack in ("", row.pack)]
        counts = alert_counts(store)
        now = store.now()
    live = {key: count.live for key, count in counts.items() if count.live}
    facts = {
        (row.tenant, row.name): _facts(row, counts.get((row.tenant, row.name), NONE))
        for row in rows
    }
    if json:
        json_out(
            {
                "items": [
                    {
                        **row.model_dump(),
                        "health": health_of(facts[row.tenant, row.name], now).value,
                        "live_alerts": live.get((row.tenant, row.name), 0),
                    }
                    for row in rows
                ]
            }
        )
        return
    print_table(
        ["RULE", "HEALTH", "TRIGGER", "LAST EVALUATION", "RESULT", "ALERTS"],
        [
            (
                row.name,
                LABELS[health_of(facts[row.tenant, row.name], now)],
                row.trigger,
                f"{ago(row.evaluated_at, now)} ago" if row.evaluated_at else "never",
                explain(facts[row.tenant, row.name], now),
                live.get((row.tenant, row.name), 0),
            )
            for row in rows
        ],
        empty=(
            f"No rule that has run is in a pack {pack!r}. All rules: sentinel rule list"
            if pack
            else "No rule has run yet. Deploy rules: sentinel deploy"
        ),
        ranks=[row.severity if live.get((row.tenant, row.name)) else 0 for row in rows],
    )


@commands.command()
def show(name: Name, tenant: OfTenant = "default", json: AsJson = False) -> None:
    """Show one rule, its last evaluation, and how it differs from its file.

    Example:
        sentinel rule show disk-full
    """
    from sentinel.store.rules.health import NONE, alert_counts

    if remote_url():
        show_rule(name, tenant, json=json)
        return
    with open_store() as store:
        row = store.rules.get(name, tenant)
        counts = alert_counts(store).get((row.tenant, row.name), NONE)
        now = store.now()
    live, facts = counts.live, _facts(row, counts)
    health = health_of(facts, now)
    drift = drift_here(row.name, tenant)
    if json:
        json_out(
            {
                **row.model_dump(), "health": health.value, "live_alerts": live,
                "differs_from_file": [str(one) for one in drift.differences],
            }
        )  # fmt: skip
        return
    say(row.name)
    fields(
        {
            "health": LABELS[health],
            "switch": "on"
            if row.enabled
            else f"off, by {row.switched_by} {ago(row.switched_at, now)} ago: {row.switch_reason}",
            "trigger": row.trigger,
            **({"pack": row.pack} if row.pack else {}),
            "category": row.category,
            "owner": row.source,
            "last evaluation": f"{ago(row.evaluated_at, now)} ago" if row.evaluated_at else "never",
            "result": explain(facts, now),
            "evaluations": row.evaluations,
            "alerts": live,
            "error": row.error if row.failures else "",
        }
    )
    say("")
    fields({key: as_written(value) for key, value in row.spec.items() if key != "name"})
    say_drift(drift)


def _facts(row: RuleRow, counts: AlertCounts) -> RuleFacts:
    from sentinel.store.rules.health import FACTS, facts_of

    return facts_of({name: getattr(row, name) for name in FACTS}, counts)


@commands.command()
def disable(
    name: Name,
    message: Annotated[
        str, typer.Option("--message", "-m", help="The reason; kept with the rule.")
    ] = "",
    tenant: OfTenant = "default",
    json: AsJson = False,
) -> None:
    """Disable a rule until it is enabled again; a deploy does not enable it.

    Its alerts close with the reason "rule disabled", never as recovered.

    Example:
        sentinel rule disable disk-full -m "the array is being replaced"
    """
    if remote_url():
        switch_remotely(name, tenant, on=False, reason=message, json=json)
        return
    with open_store() as store:
        closed = store.rules.disable(name, actor=actor(), reason=message, tenant=tenant)
    if json:
        json_out({"name": name, "enabled": False, "closed": closed})
    else:
        say(f"Disabled {name}; closed {closed} of its alerts.")


@commands.command()
def enable(name: Name, tenant: OfTenant = "default", json: AsJson = False) -> None:
    """Enable a disabled rule.

    Example:
        sentinel rule enable disk-full
    """
    if remote_url():
        switch_remotely(name, tenant, on=True, json=json)
        return
    with open_store() as store:
        changed = store.rules.enable(name, actor=actor(), tenant=tenant)
    if json:
        json_out({"name": name, "enabled": True, "changed": changed})
    else:
        say(f"Enabled {name}." if changed else f"{name} is enabled already.")


@commands.command()
def run(
    name: Name,
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="Follow the run until it ends, or only start it."),
    ] = True,
    within: Annotated[str, typer.Option(help="Longest time to follow the run.")] = "5m",
    tenant: Annotated[
        str, typer.Option(help="Tenant that the rule must be of. By default, any.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Start a flow run of a rule's deployment now, and follow it until it ends.

    It counts like a scheduled run. Exits with 1 if the run fails or does not end in time.

    Examples:
        sentinel rule run disk-full

        sentinel rule run disk-full --no-wait --json

    Raises:
        ConfigurationError: `--within` is not a duration
        Exit: with 1 if the run did not complete
    """
    from sentinel.cli.flow_runs import follow, start
    from sentinel.duration import parse_duration
    from sentinel.errors import ConfigurationError

    try:
        patience = parse_duration(within)
    except ValueError as error:
        raise ConfigurationError(f"--within: {error}") from None
    started = start(name, tenant=tenant, report=None if json else say)
    ended = (
        follow(started, patience, tenant=tenant, report=None if json else say) if wait else started
    )
    if json:
        json_out(ended)
    if wait and ended.type != "COMPLETED":
        from sentinel.cli.exit_codes import Exit

        raise typer.Exit(Exit.FAILED)
