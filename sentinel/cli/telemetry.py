"""`sentinel telemetry …`: back up and restore logs and spans of the embedded store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.output import AsJson, json_out, say
from sentinel.cli.target import home_of, settings_here
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from sentinel.store.telemetry.client import TelemetryClient

__all__ = ["commands"]

_BACKUP_SECONDS = 3_600.0
"""How long one statement of a backup or restore may take."""

commands = typer.Typer(
    no_args_is_help=True, help="The embedded store of logs and spans: backup and restore."
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
