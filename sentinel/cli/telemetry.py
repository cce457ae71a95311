"""`sentinel telemetry …`: back up and restore logs and spans of the embedded store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.target import home_of, settings_here
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from sentinel.store.telemetry.client import TelemetryClient

__all__ = ["commands"]

_START_SECONDS = 30.0
"""How long the embedded store may take to start."""
_BACKUP_SECONDS = 3_600.0
"""How long one statement of a backup or restore may take."""

commands = typer.Typer(
    no_args_is_help=True, help="The store of logs and spans: status, backup and restore."
)


@commands.command()
def status(json: AsJson = False) -> None:
    """Show the size of the store by tenant and signal, and how much of its limits it uses.

    Examples:
        sentinel telemetry status

        sentinel telemetry status --json
    """
    from sentinel.cli.remote_url import refuse_remote
    from sentinel.store.telemetry.client import telemetry_client
    from sentinel.store.telemetry.condition import condition, used_limits

    refuse_remote()
    settings = settings_here()
    found = condition(telemetry_client(settings, wait=_START_SECONDS), tenants=True)
    used = used_limits(found)
    if json:
        import msgspec

        limits = {name: {"percent": share, "says": says} for name, (share, says) in used.items()}
        json_out({**msgspec.to_builtins(found), "used": limits})
        return
    say(f"ClickHouse {found.version}, {found.bytes / 1e6:,.1f} MB on disk")
    print_table(
        ["tenant", "kind", "rows", "size"],
        [
            [one.tenant, one.signal, f"{one.rows:,}", f"{one.bytes / 1e6:,.1f} MB"]
            for one in found.tenants
        ],
        empty="Nothing was sent yet.",
    )
    print_table(
        ["limit", "share", "details"],
        [[name, f"{share:,.0f}%", says] for name, (share, says) in used.items()],
        empty="",
    )


@commands.command()
def backup(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="The file to write; by default a name with the time, in this folder.",
            show_default=False,
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite an existing file.")] = False,
    json: AsJson = False,
) -> None:
    """Back up all logs and spans into one file, while they are written.

    `sentinel db backup` has everything else.

    Example:
        sentinel telemetry backup /backups/telemetry.tar --replace
    """
    from sentinel.store.telemetry.backup import backup_telemetry

    client, folder = _embedded()
    path = file or Path(f"telemetry-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar")
    size = backup_telemetry(client, folder, path, replace=replace)
    if json:
        json_out({"file": str(path), "bytes": size})
        return
    say(f"{path}: {size / 1e6:,.1f} MB")


@commands.command()
def restore(
    file: Annotated[
        Path,
        typer.Argument(help="A file that `sentinel telemetry backup` wrote.", show_default=False),
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete the rows that the store has.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Restore logs and spans from a backup, which is checked before anything is deleted.

    Example:
        sentinel telemetry restore /backups/telemetry.tar --replace
    """
    from sentinel.store.telemetry.backup import restore_telemetry

    client, folder = _embedded()
    rows = restore_telemetry(client, folder, file, replace=replace)
    if json:
        json_out({"file": str(file), "rows": rows})
        return
    said = " and ".join(f"{number:,} {name}" for name, number in rows.items())
    say(f"Restored: the store has {said}.")


def _embedded() -> tuple[TelemetryClient, Path]:
    from sentinel.cli.remote_url import refuse_remote
    from sentinel.store.telemetry.client import telemetry_client

    refuse_remote()
    settings = settings_here()
    home = home_of(settings)
    if not home.is_own_telemetry(settings.telemetry_url.get_secret_value()):
        raise ConfigurationError(
            "the telemetry store is not embedded here, or has never been started",
            hint="Start `sentinel up`. Back up a ClickHouse of your own with its BACKUP statement.",
        )
    # The embedded store may have to start first.
    client = telemetry_client(settings, write=True, wait=60, answer=_BACKUP_SECONDS)
    return client, home.telemetry_backups
