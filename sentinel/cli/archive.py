"""`sentinel archive …`: alerts that retention moved into files, searched and restored."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from sentinel.cli.output import AsJson, complain, json_out, print_table, say
from sentinel.cli.target import actor, open_store, settings_here
from sentinel.duration import parse_duration
from sentinel.errors import ConfigurationError
from sentinel.printable import counted

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="The archive of resolved alerts: files, search, restore, legal hold."
)
Tenant = Annotated[str, typer.Argument(help="Name of the tenant.", show_default=False)]
Day = Annotated[
    str, typer.Option(help="A moment or day: 2026-11-30 or 2026-11-30T12:00Z.", show_default=False)
]


@commands.command("list")
def list_(json: AsJson = False) -> None:
    """List the files of the archive, newest alerts first.

    Example:
        sentinel archive list
    """
    from sentinel.store.archive.files import files

    with open_store() as store, store.read() as connection:
        found = [
            {name: row._mapping[name] for name in _LISTED}  # pyright: ignore[reportPrivateUsage] - SQLAlchemy's documented public name
            for kind in ("alert", "group")
            for row in files(connection, kind)
        ]
    if json:
        json_out({"items": found})
        return
    print_table(
        ["KIND", "TENANT", "RESOLVED", "ROWS", "SIZE", "FILE"],
        [
            (
                one["kind"], one["tenant"],
                f"{one['first_at']:%Y-%m-%d} to {one['last_at']:%Y-%m-%d}",
                f"{one['records']:,}", f"{one['bytes'] / 1000:,.1f} kB", one["path"],
            )
            for one in found
        ],
        empty="The archive has no files.",
    )  # fmt: skip


_LISTED = ("id", "kind", "tenant", "path", "records", "bytes", "first_at", "last_at", "format",
           "revision", "sha256", "created_at")  # fmt: skip


@commands.command()
def search(
    words: Annotated[
        list[str] | None, typer.Argument(help="Words that all occur.", show_default=False)
    ] = None,
    rule: Annotated[str, typer.Option(help="Of this rule only.", show_default=False)] = "",
    severity: Annotated[str, typer.Option(help="The least severity.", show_default=False)] = "",
    since: Day = "",
    until: Day = "",
    limit: Annotated[int, typer.Option(help="At most so many, up to 500.")] = 50,
    json: AsJson = False,
) -> None:
    """Search the archive for alerts, the last resolved first, for at most some seconds.

    Example:
        sentinel archive search "lost a disk" --since 2026-01-01

    Raises:
        ConfigurationError: a severity or a moment cannot be read
    """
    from sentinel.severity import severity_of
    from sentinel.store.archive.searching import ArchiveQuery, search_archive

    try:
        least = severity_of(severity) if severity else None
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    query = ArchiveQuery(
        words=tuple(words or ()), rule=rule, severity=least, since=_moment(since),
        until=_moment(until), limit=limit,
    )  # fmt: skip
    with open_store() as store:
        found = search_archive(store, query)
    if json:
        json_out(found)
        return
    print_table(
        ["RESOLVED", "SEVERITY", "TITLE", "RULE", "TENANT", "ID"],
        [
            (
                f"{one['resolved_at']:%Y-%m-%d %H:%M}", one["severity"], one["title"], one["rule"],
                one["tenant"], one["id"],
            )
            for one in found.items
        ],
        empty="Nothing in the archive matches.",
    )  # fmt: skip
    for sentence in found.unreadable:
        complain(f"Left out: {sentence}.")
    if found.unread_until is not None:
        complain(
            "The time was over: not searched is what was resolved at or before "
            f"{found.unread_until:%Y-%m-%dT%H:%M:%SZ}. Search it with --until."
        )
    elif found.more:
        complain("More match: raise --limit, or name an earlier --until.")


@commands.command()
def restore(
    ids: Annotated[list[str], typer.Argument(help="Ids of alerts.", show_default=False)],
    keep: Annotated[
        str, typer.Option("--for", help="How long they stay before they are archived again.")
    ] = "30d",
    json: AsJson = False,
) -> None:
    """Restore archived alerts with their timelines, groups and deliveries: all, or none.

    Example:
        sentinel archive restore 0198f2c4a7e07cc0b2a1d3f4e5a69788 --for 7d

    Raises:
        ConfigurationError: the length of time cannot be read
    """
    from sentinel.store.archive.restoring import restore_alerts

    try:
        length = parse_duration(keep)
    except ValueError as error:
        raise ConfigurationError(f"--for: {error}") from None
    with open_store() as store:
        done = restore_alerts(store, ids, actor=actor(), keep=length)
    if json:
        json_out({"ids": done})
    else:
        say(f"Restored {counted(len(done), 'alert')} for {keep}.")


@commands.command()
def verify(json: AsJson = False) -> None:
    """Read every file, and compare it with its checksum and the database. Exits with 1 on problems.

    Example:
        sentinel archive verify

    Raises:
        Exit: with 1 if there is a problem
    """
    from sentinel.cli.exit_codes import Exit
    from sentinel.store.archive.verifying import verify_archive

    with open_store() as store:
        found = verify_archive(store)
    if json:
        json_out(found)
    else:
        say(
            f"{counted(found.files, 'file')} with {counted(found.alerts, 'alert')} and "
            f"{counted(found.groups, 'group')}, "
            f"{found.bytes / 1e6:,.1f} MB."
        )
        for problem in found.problems:
            complain(problem)
    if found.problems:
        raise typer.Exit(Exit.FAILED)


@commands.command()
def run(json: AsJson = False) -> None:
    """Archive now what was resolved longer ago than SENTINEL_RETENTION, as every day's run does.

    Example:
        sentinel archive run
    """
    from sentinel.store.archive.archiving import archive_resolved

    with open_store() as store:
        done = archive_resolved(store, settings_here().retention)
    if json:
        json_out(done)
    else:
        say(
            f"Archived {counted(done.alerts, 'alert')} and {counted(done.groups, 'group')} "
            f"in {counted(done.files, 'file')}."
        )


@commands.command()
def holds(json: AsJson = False) -> None:
    """List the tenants on legal hold.

    Example:
        sentinel archive holds
    """
    from sentinel.store.archive.holds import Holds

    with open_store() as store:
        found = Holds(store).list()
    if json:
        json_out({"items": [one.model_dump() for one in found]})
        return
    print_table(
        ["TENANT", "SINCE", "BY", "REASON"],
        [(one.tenant, f"{one.set_at:%Y-%m-%d}", one.set_by, one.reason) for one in found],
        empty="No tenant is on legal hold.",
    )


@commands.command()
def hold(
    tenant: Tenant,
    reason: Annotated[str, typer.Option("--message", "-m", help="Why.", show_default=False)],
    json: AsJson = False,
) -> None:
    """Put a tenant on legal hold: none of its alerts, here or in the archive, is deleted.

    Example:
        sentinel archive hold acme -m "case 17"
    """
    from sentinel.store.archive.holds import Holds

    with open_store() as store:
        known = Holds(store).set(tenant, reason, actor=actor())
    if json:
        json_out({"tenant": tenant, "held": True})
    else:
        say(f"{tenant} is on legal hold.")
    if not known:
        complain(f"No alert of the tenant {tenant} is here or in the archive: is this its name?")


@commands.command()
def release(tenant: Tenant, json: AsJson = False) -> None:
    """Release the legal hold on a tenant.

    Example:
        sentinel archive release acme
    """
    from sentinel.store.archive.holds import Holds

    with open_store() as store:
        Holds(store).release(tenant, actor=actor())
    if json:
        json_out({"tenant": tenant, "held": False})
    else:
        say(f"{tenant} is not on legal hold any more.")


def _moment(given: str) -> datetime | None:
    from datetime import UTC

    if not given:
        return None
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise ConfigurationError(
            f"{given!r} is no moment", hint="Write 2026-11-30 or 2026-11-30T12:00Z."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
