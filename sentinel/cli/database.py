"""`sentinel db …`: migrate, back up and restore the shared database, and show its size."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.output import AsJson, fields, json_out, print_table, say
from sentinel.cli.target import actor, home_of, open_store, settings_here
from sentinel.printable import counted

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="The shared database: schema, backup, restore and size."
)


@commands.command()
def migrate(json: AsJson = False) -> None:
    """Migrate the database to this version's schema; concurrent migrations wait for each other.

    Example:
        SENTINEL_DATABASE_URL=postgresql+psycopg://db.example/sentinel sentinel db migrate
    """
    from sentinel.store.database.migrate import revision

    with _store_to_fill() as store:
        store.migrate()
        with store.read() as connection:
            schema = revision(connection)
    if json:
        json_out({"schema": schema})
    else:
        say("The database is up to date.")


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
    """Back up everything that Sentinel stores into one file, while it runs.

    Both SQLite and PostgreSQL can restore it. It does not contain Prefect's own database.

    Examples:
        sentinel db backup

        sentinel db backup /backups/sentinel.jsonl.gz --replace --json
    """
    from sentinel.store.database.backup import backup as write

    with open_store() as store:
        path = file or Path(f"sentinel-{store.now():%Y%m%dT%H%M%SZ}.jsonl.gz")
        made = write(store, path, replace=replace)
    size = path.stat().st_size
    if json:
        json_out({"file": str(path), "bytes": size, "schema": made.schema, "rows": made.rows})
        return
    say(
        f"{path}: {counted(sum(made.rows.values()), 'row')}, {_size(size)}, verified by "
        f"reading it back."
    )


@commands.command()
def restore(
    file: Annotated[
        Path, typer.Argument(help="A file that `sentinel db backup` wrote.", show_default=False)
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete the rows that the database has.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Restore the database from a backup, in one transaction.

    An empty database need not be migrated first. A backup of an older version is migrated.

    Examples:
        sentinel db restore sentinel-20260301T120000Z.jsonl.gz

        SENTINEL_DATABASE_URL=postgresql+psycopg://db.example/new sentinel db restore FILE
    """
    from sentinel.store.database.backup import restore as read

    with _store_to_fill() as store:
        done = read(store, file, replace=replace, actor=actor())
        dialect = store.dialect
    if json:
        json_out({"file": str(file), "created_at": done.created_at, "rows": done.rows})
        return
    say(
        f"Restored {counted(sum(done.rows.values()), 'row')} of "
        f"{done.created_at:%Y-%m-%d %H:%M:%S} UTC "
        f"({done.dialect}) into this {dialect} database."
    )


@commands.command()
def status(json: AsJson = False) -> None:
    """Show the database's address, schema revision and the number of rows in each table.

    Exits with 1 if the schema is not this version's.

    Example:
        sentinel db status --json

    Raises:
        Exit: with 1 if the schema is not this version's
    """
    from sentinel.cli.exit_codes import Exit
    from sentinel.store.database.info import facts_of

    with open_store() as store:
        facts = facts_of(store)
    if json:
        json_out(facts)
    else:
        fields(
            {
                "database": facts.url,
                "kind": f"{facts.dialect} {facts.version}",
                "schema": facts.schema if facts.up_to_date else f"{facts.schema or 'none'}, old",
                "size": _size(facts.bytes),
            }
        )
        say("")
        print_table(
            ["TABLE", "ROWS"],
            [(name, f"{count:,}") for name, count in facts.rows.items()],
            empty="The database has no tables. Create them with: sentinel db migrate",
        )
    if not facts.up_to_date:
        raise typer.Exit(Exit.FAILED)


def _size(count: int) -> str:
    amount = float(count)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


@contextmanager
def _store_to_fill() -> Generator[Store]:
    """Yield the shared database; create an SQLite file under home if there is no database yet."""
    from sentinel.up.postgres import Postgres

    settings = settings_here()
    home = home_of(settings)
    if not settings.database_url and not home.sqlite.exists() and not Postgres.has_data(home):
        home.prepare()
        home.sqlite.touch(mode=0o600)
    with open_store() as store:
        yield store
