"""`sentinel limit`: limits of your API as text under a name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.document_versions import text_of
from sentinel.cli.output import AsJson, complain, json_out, print_table, say
from sentinel.printable import counted

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True,
    help="""Limits of your API: what each of its consumers may use.

A limit set is a text with one limit a line, under a name:

    100/minute by key
    20/s burst 40 by address on GET /search/**
    10_000 per month quota by key plan free

`SentinelMiddleware(limits="set:NAME")` and `POST /api/v1/limits/decide` use it.
""",
)

Name = Annotated[str, typer.Argument(help="Name of the limit set.", show_default=False)]
TextFile = Annotated[
    Path, typer.Argument(help="File with the limits, in UTF-8.", show_default=False)
]
OfTenant = Annotated[
    str | None, typer.Option("--tenant", help="Of the API.", show_default="default")
]


def _in_a_line(text: str) -> str:
    """Return the start of a text of limits for one cell of a table."""
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())[:80]


@commands.command("list")
def list_(
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Only those of this tenant.", show_default=False)
    ] = None,
    json: AsJson = False,
) -> None:
    """List the limit sets.

    Example:
        sentinel limit list
    """
    from sentinel.cli.limit_doors import limit_door

    with limit_door() as door:
        found = door.list(tenant)
    if json:
        json_out({"items": found})
        return
    print_table(
        ["LIMIT SET", "TENANT", "VERSION", "CHANGED", "BY", "LIMITS"],
        [
            (
                one["name"], one["tenant"], one["version"], f"{one['saved_at']:%Y-%m-%d %H:%M}",
                one["saved_by"], _in_a_line(one["text"]),
            )
            for one in found
        ],
        empty="There are no limit sets. Save one: sentinel limit set public-api limits.txt",
    )  # fmt: skip


@commands.command()
def show(
    name: Name,
    tenant: OfTenant = None,
    versions: Annotated[
        bool, typer.Option("--versions", help="List its versions instead of its text.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Print the text of a limit set, as `sentinel limit set` takes it.

    Example:
        sentinel limit show public-api > limits.txt
    """
    from sentinel.cli.limit_doors import limit_door

    with limit_door() as door:
        found = door.versions(name, tenant) if versions else [door.read(name, tenant)]
    if json:
        json_out({"items": found} if versions else found[0])
    elif versions:
        rows = [
            (one["version"], f"{one['saved_at']:%Y-%m-%d %H:%M}", one["saved_by"], one["note"],
             _in_a_line(one["text"]))
            for one in found
        ]  # fmt: skip
        print_table(["VERSION", "CHANGED", "BY", "REASON", "LIMITS"], rows, empty="It has none.")
    else:
        for line in found[0]["text"].rstrip("\n").split("\n"):
            say(line)


@commands.command("set")
def set_(
    name: Name,
    file: TextFile,
    tenant: OfTenant = None,
    message: Annotated[
        str, typer.Option("--message", "-m", help="The reason; kept with the version.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, and change nothing.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Save a limit set from a file, or replace the one of that name. What uses it follows at once.

    Example:
        sentinel limit set public-api limits.txt -m "the launch"
    """
    from sentinel.cli.limit_doors import limit_door

    text = text_of(file)
    with limit_door() as door:
        saved = door.save(name, text, tenant, note=message, dry_run=dry_run)
    if json:
        json_out(saved)
        return
    if not saved["changed"]:
        say(f"Unchanged: {name}, version {saved['version']}.")
        return
    did = "Would save" if dry_run else "Saved"
    say(f"{did} {name}, version {saved['version']}, with {len(saved['limits'])} limits.")


@commands.command()
def remove(name: Name, tenant: OfTenant = None, json: AsJson = False) -> None:
    """Remove a limit set with its versions. What uses it limits nothing from then on.

    Example:
        sentinel limit remove public-api
    """
    from sentinel.cli.limit_doors import limit_door

    with limit_door() as door:
        gone = door.remove(name, tenant)
    if json:
        json_out(gone)
    else:
        say(f"Removed the limit set {name} of the tenant {gone['tenant']}.")


@commands.command()
def check(file: TextFile, json: AsJson = False) -> None:
    """Say what the limits of a file mean, and where they are wrong; exit code 2 where they are.

    Nothing is saved, and no server is asked.

    Example:
        sentinel limit check limits.txt

    Raises:
        Exit: the limits are wrong
    """
    from sentinel.api_usage.described import limit_fields
    from sentinel.api_usage.text import read_limits

    found = read_limits(text_of(file))
    read = [limit_fields(one) for one in found.limits]
    if json:
        faults = [
            {"line": one.line, "column": one.column, "message": one.message, "hint": one.hint}
            for one in found.faults
        ]
        json_out({"valid": not faults, "limits": read, "faults": faults})
    else:
        for one in read:
            say(one["text"])
        for fault in found.faults:
            hint = f". {fault.hint}" if fault.hint else ""
            complain(f"{file}:{fault.line}:{fault.column}: {fault.message}{hint}")
    if found.faults:
        raise typer.Exit(2)


@commands.command()
def state(
    name: Name,
    key: Annotated[str, typer.Option(help="Id of the key.", show_default=False)] = "",
    user: Annotated[str, typer.Option(help="Whose key it is.", show_default=False)] = "",
    plan: Annotated[str, typer.Option(help="Of the key.", show_default=False)] = "",
    address: Annotated[str, typer.Option(help="Of the client.", show_default=False)] = "",
    method: Annotated[str, typer.Option(help="Of HTTP.")] = "GET",
    path: Annotated[str, typer.Option(help="Without the query.")] = "/",
    tenant: OfTenant = None,
    json: AsJson = False,
) -> None:
    """Print what a limit set has left for a caller; nothing is used by asking.

    Units that a process holds as a lease are not left.

    Example:
        sentinel limit state public-api --address 203.0.113.7 --path /search
    """
    from sentinel.cli.limit_doors import limit_door

    caller = {
        "key": key, "user": user, "plan": plan, "address": address, "method": method.upper(),
        "path": path,
    }  # fmt: skip
    with limit_door() as door:
        found = door.state(name, tenant, caller)
    if json:
        json_out({"limits": found})
        return
    print_table(
        ["LIMIT", "REMAINING", "MORE IN", "RESULT"],
        [
            (
                one["name"], one["remaining"],
                "never" if one["reset_seconds"] is None else f"{one['reset_seconds']} s",
                "passes" if one["passed"] else "would be reported" if one["dry_run"]
                else "is refused",
            )
            for one in found
        ],
        empty="No limit of the set applies to such a request.",
    )  # fmt: skip


@commands.command()
def simulate(
    file: TextFile,
    since: Annotated[str, typer.Option(help="A length of time before now, or a moment.")] = "1d",
    query: Annotated[
        str, typer.Option(help="Of the request log, such as service:shop.", show_default=False)
    ] = "",
    tenant: OfTenant = None,
    json: AsJson = False,
) -> None:
    """Say who would have been refused by the limits of a file, over requests of the request log.

    Nothing is saved or counted. At most 100,000 requests, fewer for many limits and for logs; each
    costs one unit.

    Example:
        sentinel limit simulate limits.txt --since 6h --query service:shop
    """
    from sentinel.cli.limit_doors import limit_door

    text = text_of(file)
    with limit_door() as door:
        found = door.simulate(text, tenant, query, since)
    if json:
        json_out(found)
        return
    say(f"Of {counted(found['requests'], 'request')}, {found['refused']:,} would have been "
        f"refused; to "
        f"{found['unlimited']:,} no limit applies.")  # fmt: skip
    print_table(
        ["LIMIT", "REQUESTS", "REFUSED", "DRY RUN"],
        [
            (one["name"], f"{one['applied']:,}", f"{one['refused']:,}",
             "yes" if one["dry_run"] else "")
            for one in found["limits"]
        ],
        empty="",
    )  # fmt: skip
    if found["callers"]:
        print_table(
            ["CALLER", "REQUESTS", "REFUSED"],
            [(one["caller"], one["requests"], one["refused"]) for one in found["callers"]],
            empty="",
        )
    for note in found["notes"]:
        say(note)
