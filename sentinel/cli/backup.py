"""`sentinel backup …`: everything into one folder, and the proof that it restores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.output import AsJson, complain, json_out, print_table, say
from sentinel.cli.target import actor, home_of, open_store, settings_here
from sentinel.errors import NotFound

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Backups of both databases, telemetry and configuration."
)
Folder = Annotated[
    Path, typer.Argument(help="The folder where backups are kept.", show_default=False)
]


@commands.command("run")
def run_(
    folder: Folder,
    keep: Annotated[
        int, typer.Option(min=0, help="Delete all but so many of the newest; 0 deletes none.")
    ] = 0,
    verify: Annotated[
        bool, typer.Option("--verify", help="Restore it into a temporary place afterwards.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Back up everything while it runs: both databases with their blocks, telemetry, configuration.

    Each backup is a folder of its own, which holds secrets: only this user may read it. Where the
    telemetry store is away, the backup lacks it and says so, and `--keep` deletes nothing. Exits
    with 1 if it does not verify.

    Examples:
        sentinel backup run /backups --keep 14 --verify

        sentinel backup run /backups --json

    Raises:
        Exit: with 1 if `--verify` found a problem
    """
    from sentinel.cli.exit_codes import Exit
    from sentinel.up.backup_check import read_manifest, record_verification, verify_backup
    from sentinel.up.backup_set import back_up_all, keep_newest

    settings = settings_here()
    with open_store() as store:
        path = back_up_all(store, settings, home_of(settings), folder)
        made = read_manifest(path)
        found = (
            verify_backup(path, audit_key=settings.audit_key.get_secret_value()) if verify else []
        )
        if verify:
            record_verification(store, found)
    bad = [one for one in found if one.problem]
    gone = keep_newest(folder, keep) if keep and not bad and not made.incomplete else []
    if json:
        json_out(
            {
                "folder": str(path),
                "backup": made,
                "verified": found,
                "deleted": list(map(str, gone)),
            }
        )
    else:
        size = sum(one.bytes for one in made.parts)
        say(f"{path}: {size / 1e6:,.1f} MB, {', '.join(one.file for one in made.parts)}.")
        for name, why in made.left_out.items():
            say(f"Left out: {name}: {why}.")
        for one in bad:
            complain(f"{one.file} does not restore: {one.problem}")
        if verify and not bad:
            say("Verified by restoring it.")
    if bad:
        raise typer.Exit(Exit.FAILED)


@commands.command()
def verify(
    backup: Annotated[
        Path,
        typer.Argument(
            help="A backup, or a folder of backups, of which the newest is meant.",
            show_default=False,
        ),
    ],
    record: Annotated[
        bool, typer.Option("--record/--no-record", help="Keep the result for rules and doctor.")
    ] = True,
    json: AsJson = False,
) -> None:
    """Restore a backup into a temporary place, and compare counts and checksums.

    Nothing of this instance is changed. Exits with 1 if a part does not restore.

    Examples:
        sentinel backup verify /backups

        sentinel backup verify /backups/sentinel-backup-20261130T010000Z --no-record

    Raises:
        NotFound: there is no backup in the folder
        Exit: with 1 if a part does not restore
    """
    from sentinel.cli.exit_codes import Exit
    from sentinel.up.backup_check import record_verification, verify_backup

    backup = _newest(backup)
    found = verify_backup(backup, audit_key=settings_here().audit_key.get_secret_value())
    if record:
        with open_store() as store:
            record_verification(store, found)
    if json:
        json_out({"folder": str(backup), "items": found})
    else:
        print_table(
            ["FILE", "STATE", "ROWS", "DETAILS"],
            [
                (one.file, "failed" if one.problem else "ok", f"{one.rows:,}",
                 one.problem or one.how)
                for one in found
            ],
            empty="It has no parts.",
        )  # fmt: skip
    if any(one.problem for one in found):
        raise typer.Exit(Exit.FAILED)


@commands.command()
def restore(
    backup: Annotated[
        Path,
        typer.Argument(
            help="A backup, or a folder of backups, of which the newest is meant.",
            show_default=False,
        ),
    ],
    json: AsJson = False,
) -> None:
    """Restore everything onto a machine that has nothing yet; then start it with `sentinel up`.

    Both databases with their blocks, telemetry, and the keys and settings of SENTINEL_HOME, which
    must have no data. Sentinel's database goes where SENTINEL_DATABASE_URL says, else into the
    embedded one. A part that is damaged, or does not restore, leaves nothing behind. Files of the
    project (`prefect.yaml`, `triggers/`) stay in configuration.tar.

    Examples:
        sentinel backup restore /backups

        SENTINEL_HOME=/srv/sentinel sentinel backup restore /backups

    Raises:
        NotFound: there is no backup in the folder
    """
    from sentinel.up.backup_check import read_manifest
    from sentinel.up.restore_set import restore_all

    settings = settings_here()
    path = _newest(backup)
    done = restore_all(settings, home_of(settings), path, actor=actor())
    if json:
        json_out({"folder": str(path), "items": done})
        return
    print_table(
        ["FILE", "DETAILS", "ROWS"],
        [(one.file, one.into, f"{one.rows:,}") for one in done],
        empty="It has no parts.",
    )
    for name, why in read_manifest(path).left_out.items():
        say(f"The backup has no {name}: {why}.")
    sqlite = any("SQLite" in one.into for one in done)
    say(f"Start it: sentinel up{' --sqlite' if sqlite else ''}")


def _newest(backup: Path) -> Path:
    from sentinel.up.backup_set import MANIFEST, backups_in

    if (backup / MANIFEST).is_file():
        return backup
    newest = backups_in(backup)[:1]
    if not newest:
        raise NotFound(f"{backup} has no backup", hint=f"Write one: sentinel backup run {backup}")
    return newest[0]


@commands.command("list")
def list_(folder: Folder, json: AsJson = False) -> None:
    """List the backups in a folder, the newest first.

    Example:
        sentinel backup list /backups
    """
    from sentinel.up.backup_check import read_manifest
    from sentinel.up.backup_set import backups_in

    found = [(path, read_manifest(path)) for path in backups_in(folder)]
    if json:
        json_out({"items": [{"folder": str(path), "backup": one} for path, one in found]})
        return
    print_table(
        ["CREATED", "SIZE", "FILE"],
        [
            (
                f"{one.created_at:%Y-%m-%d %H:%M}",
                f"{sum(part.bytes for part in one.parts) / 1e6:,.1f} MB", path,
            )
            for path, one in found
        ],
        empty="There is no backup.",
    )  # fmt: skip
