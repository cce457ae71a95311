"""`sentinel db …`: the shared database, its schema, and backups of it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.output import AsJson, fields, json_out, print_table, say
from sentinel.cli.target import home_of, open_store, settings_here

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="The shared database: schema, backup, restore, how large it is."
)


@commands.command()
def migrate(json: AsJson = False) -> None:
    """Bring the database up to this version; several may do it at once.

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
            help="Where to; left out, a name with the time in it, here.", show_default=False
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Also where the file exists.")] = False,
    json: AsJson = False,
) -> None:
    """Write everything that Sentinel keeps into one file, while it runs.

    SQLite and PostgreSQL can both restore it. Prefect's own database is not in it.

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
    say(f"{path}: {sum(made.rows.values()):,} rows, {_size(size)}, read back and whole.")


@commands.command()
def restore(
    file: Annotated[
        Path, typer.Argument(help="What `sentinel db backup` wrote.", show_default=False)
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Also where the database has rows; they are lost.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Make the database what it was when a backup was written: all of it, or nothing.

    An empty database need not be migrated before; an older backup is brought up to date.

    Examples:
        sentinel db restore sentinel-20260301T120000Z.jsonl.gz

        SENTINEL_DATABASE_URL=postgresql+psycopg://db.example/new sentinel db restore FILE
    """
    from sentinel.store.database.backup import restore as read

    with _store_to_fill() as store:
        done = read(store, file, replace=replace)
        dialect = store.dialect
    if json:
        json_out({"file": str(file), "created_at": done.created_at, "rows": done.rows})
        return
    say(
        f"{sum(done.rows.values()):,} rows of {done.created_at:%Y-%m-%d %H:%M:%S} UTC "
        f"({done.dialect}) are in this {dialect} database."
    )


@commands.command()
def status(json: AsJson = False) -> None:
    """Where the database is, its schema, and how much is in it.

    Exits with 1 where the schema is not this version's.

    Example:
        sentinel db status --json
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
            empty="There are no tables. Make them: sentinel db migrate",
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
    """The shared database; a new SQLite one under home, where there is none yet."""
    from sentinel.up.postgres import Postgres

    settings = settings_here()
    home = home_of(settings)
    if not settings.database_url and not home.sqlite.exists() and not Postgres.has_data(home):
        home.prepare()
        home.sqlite.touch(mode=0o600)
    with open_store() as store:
        yield store
