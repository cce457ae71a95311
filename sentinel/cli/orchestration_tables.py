"""`sentinel orchestration table …` and `… shadow …`: what rules enrich from, and a draft."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.document_versions import (
    Expected,
    HistoryLimit,
    Note,
    print_applied,
    print_history,
    print_rolled_back,
    text_of,
)
from sentinel.cli.orchestration import Tenant, print_replay
from sentinel.cli.orchestration_here import orchestration_here
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.duration import format_duration, parse_duration
from sentinel.errors import ConfigurationError

__all__ = ["shadow", "tables"]

tables = typer.Typer(no_args_is_help=True, help="Tables that rules enrich alerts from.")
shadow = typer.Typer(
    no_args_is_help=True, help="A draft of the rules beside the active ones, without any effect."
)
Name = Annotated[str, typer.Argument(help="Name of the table.", show_default=False)]


@tables.command("list")
def listed(tenant: Tenant = "default", json: AsJson = False) -> None:
    """List the tables that rules may enrich from.

    Example:
        sentinel orchestration table list
    """
    with orchestration_here(tenant) as here:
        found = here.tables()
    if json:
        json_out({"items": found})
        return
    print_table(
        ["TABLE", "VERSION", "ROWS", "APPLIED", "ACTOR"],
        [
            (
                one.name, one.version, f"{one.rows:,}", f"{one.applied_at:%Y-%m-%d %H:%M:%S}",
                one.applied_by,
            )
            for one in found
        ],
        empty="There are no tables.",
    )  # fmt: skip


@tables.command("set")
def upload(
    name: Name,
    file: Annotated[
        Path, typer.Argument(help="CSV whose first line names the columns.", show_default=False)
    ],
    message: Note = "",
    expect: Expected = None,
    tenant: Tenant = "default",
    json: AsJson = False,
) -> None:
    """Make a CSV file the active version of a table.

    Example:
        sentinel orchestration table set hosts hosts.csv -m "two new hosts"
    """
    text = text_of(file)
    with orchestration_here(tenant) as here:
        done = here.upload(name, text, message, expect)
    print_applied(f"the table {name}", done, json=json)


@tables.command("history")
def table_history(
    name: Name, limit: HistoryLimit = 50, tenant: Tenant = "default", json: AsJson = False
) -> None:
    """List every version of a table that was uploaded, the active one first.

    Example:
        sentinel orchestration table history hosts
    """
    with orchestration_here(tenant) as here:
        found = here.table_history(name, limit)
    print_history(found, f"There is no table {name}.", json=json)


@tables.command("rollback")
def table_rollback(
    name: Name,
    version: Annotated[
        int, typer.Argument(help="Number of a version; 0 removes the table.", show_default=False)
    ],
    message: Note = "",
    tenant: Tenant = "default",
    json: AsJson = False,
) -> None:
    """Make an earlier version of a table active again.

    Example:
        sentinel orchestration table rollback hosts 3
    """
    with orchestration_here(tenant) as here:
        done = here.rollback_table(name, version, message)
    print_rolled_back(f"the table {name}", version, done, json=json)


@tables.command()
def queries(tenant: Tenant = "default", json: AsJson = False) -> None:
    """List the tables that are read from other databases, and how that went.

    Example:
        sentinel orchestration table queries
    """
    with orchestration_here(tenant) as here:
        found = here.queries()
    if json:
        json_out({"items": found})
        return
    print_table(
        ["TABLE", "BLOCK", "PERIOD", "READ", "ERROR"],
        [
            (
                one.name, one.block, format_duration(timedelta(seconds=one.every_seconds)),
                "never" if one.read_at is None else f"{one.read_at:%Y-%m-%d %H:%M:%S}", one.error,
            )
            for one in found
        ],
        empty="No table is read from a database.",
    )  # fmt: skip


@tables.command()
def query(
    name: Name,
    block: Annotated[
        str,
        typer.Argument(
            help="Of prefect-sqlalchemy: sqlalchemy-connector/NAME.", show_default=False
        ),
    ],
    sql: Annotated[
        str, typer.Argument(help="One statement that reads the rows.", show_default=False)
    ],
    every: Annotated[str, typer.Option(help="It is read again after this; from 30s.")] = "10m",
    usable: Annotated[
        str, typer.Option(help="Its rows are used so long after they were read.")
    ] = "1d",
    tenant: Tenant = "default",
    json: AsJson = False,
) -> None:
    """Have the relay read a table from another database, through a block of Prefect.

    Example:
        sentinel orchestration table query cmdb sqlalchemy-connector/cmdb "select * from hosts"
    """
    from sentinel.store.orchestration.cached_tables import TableQuery

    asked = TableQuery(
        block=block, query=sql, every=_length("--every", every), usable=_length("--usable", usable)
    )
    with orchestration_here(tenant) as here:
        here.set_query(name, asked)
    if json:
        json_out({"name": name})
    else:
        say(f"The relay reads the table {name} within half a minute.")


def _length(option: str, text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigurationError(f"{option}: {error}") from None


@tables.command()
def remove(name: Name, tenant: Tenant = "default", json: AsJson = False) -> None:
    """Have a table read from no other database any longer, and forget its rows.

    Example:
        sentinel orchestration table remove cmdb
    """
    with orchestration_here(tenant) as here:
        here.remove_query(name)
    if json:
        json_out({"name": name})
    else:
        say(f"The table {name} is removed.")


@shadow.command()
def start(
    file: Annotated[Path, typer.Argument(help="YAML file with the rules.", show_default=False)],
    message: Annotated[str, typer.Option("--message", "-m", help="The reason.")] = "",
    tenant: Tenant = "default",
    json: AsJson = False,
) -> None:
    """Run a draft beside the active rules, once the tests in it pass; it changes nothing.

    Example:
        sentinel orchestration shadow start draft.yaml -m "drop more of staging"
    """
    text = text_of(file)
    with orchestration_here(tenant) as here:
        here.start_shadow(text, message)
    if json:
        json_out({"running": True})
    else:
        say("The draft runs: sentinel orchestration shadow report")


@shadow.command()
def stop(tenant: Tenant = "default", json: AsJson = False) -> None:
    """Stop the draft; what it would have changed can still be reported.

    Example:
        sentinel orchestration shadow stop
    """
    with orchestration_here(tenant) as here:
        here.stop_shadow()
    if json:
        json_out({"running": False})
    else:
        say("The draft is stopped.")


@shadow.command()
def report(tenant: Tenant = "default", json: AsJson = False) -> None:
    """Print what the draft would have made of what came in while it ran.

    Example:
        sentinel orchestration shadow report
    """
    with orchestration_here(tenant) as here:
        found = here.shadow()
    if json:
        json_out(found)
        return
    state = "runs" if found.running else "ran"
    say(f"The draft {state} since {found.started_at:%Y-%m-%d %H:%M} UTC.")
    print_replay(found.replay, "while it ran")
