"""`sentinel rule test` and `sentinel rule diff`: backtests of one rule and of a changed file."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import completion
from sentinel.cli.deploy import rules_here
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import open_store, settings_here
from sentinel.errors import ConfigurationError, DatabaseUnreachable
from sentinel.printable import counted

if TYPE_CHECKING:
    from sentinel.backtest import Backtest
    from sentinel.rollout.files import Entry
    from sentinel.store import Store

__all__ = ["backtest", "diff"]

Since = Annotated[
    str, typer.Option("--since", help="Length of the period to replay, for example 7d or 12h.")
]


def backtest(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of the rule.", show_default=False, autocompletion=completion.rules
        ),
    ],
    since: Since = "7d",
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Replay the readings of this CSV, JSON or NDJSON file; for event policies, a "
            "JSON or NDJSON file of events.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="Read the rule from this deployment file."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Backtest a rule: replay stored readings and show the alerts that it would have opened.

    Stored readings, and for event policies stored events, go through the same code as live ones,
    on a simulated clock, into a temporary database. Nothing is stored and nobody is notified.
    With `--data` no instance need run; the rule is then read from `--file` or `prefect.yaml`. Over
    `--url` the server replays what it stored; a file given with `--data` is replayed here, and the
    rule is the server's unless `--file` has it.

    Examples:
        sentinel rule test disk-full --since 7d

        sentinel rule test disk-full --file changed.yaml --data readings.csv --json

        sentinel rule test failed-logins --file policies.yaml --data events.ndjson
    """
    length = _length(since)
    if remote_url():
        from sentinel.cli.remote_backtests import backtested_there

        found = backtested_there(name, length, file=file, data=data, here=_here)
    else:
        found = _here(name, length, file, data)
    if json:
        import msgspec

        json_out(
            {
                **msgspec.to_builtins(found),
                "resolved": found.resolved,
                "open_seconds": found.open_for.total_seconds(),
            }
        )
        return
    _show(found)


def _here(name: str, length: timedelta, file: Path | None, data: Path | None) -> Backtest:
    """Replay on this machine, in its database or, where files have all of it, in an empty one."""
    from sentinel.backtest.file_rules import of_entries, replayed, stored_candidate

    with _opened(file, data) as (store, source):
        candidate = (
            stored_candidate(store, name)
            if source is None
            else of_entries(_entries(source), name, str(source))
        )
        until = store.now()
        return replayed(store, candidate, until - length, until, data, _lines)


@contextmanager
def _opened(file: Path | None, data: Path | None) -> Generator[tuple[Store, Path | None]]:
    """Open the database, or an empty one if a file has all that a backtest needs.

    Args:
        file: a deployment file that has the rule, or None
        data: a file of readings, or None

    Yields:
        The store, and the file to read the rule from; None where the store has the rule.

    Raises:
        DatabaseUnreachable: no database runs, and the readings or the rule are in no file
    """
    with ExitStack() as stack:
        if remote_url() and data is not None and file is not None:
            yield stack.enter_context(_without_database()), file
            return
        try:
            store = stack.enter_context(open_store())
        except DatabaseUnreachable:
            found = file or rules_here()
            if data is None or found is None:
                raise
            store, file = stack.enter_context(_without_database()), found
        yield store, file


@contextmanager
def _without_database() -> Generator[Store]:
    """Open an empty store in a temporary folder: receivers and settings are the defaults."""
    from sentinel.backtest.sandbox import empty_database
    from sentinel.store import Store

    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        path.write_bytes(empty_database())
        store = Store(f"sqlite:///{path}")
        try:
            yield store
        finally:
            store.close()


def diff(
    file: Annotated[Path, typer.Argument(help="The changed deployment file.", show_default=False)],
    since: Since = "7d",
) -> None:
    """Backtest a changed rule file and print the differences as Markdown, for a review.

    Each rule of the file is compared with the rule of the same name as it last ran, over the
    stored readings.

    Examples:
        sentinel rule diff prefect.yaml

        sentinel rule diff deployments/rules/machine.yaml --since 2d > review.md

        sentinel --url https://sentinel.example.com rule diff prefect.yaml
    """
    length = _length(since)
    if remote_url():
        from sentinel.cli.remote_backtests import differences_there

        pages = differences_there(file, length)
    else:
        from sentinel.backtest.file_rules import differences

        with open_store() as store:
            until = store.now()
            pages = [*differences(store, _entries(file), until - length, until, _lines)]
    say("\n".join(pages) if pages else "No rule of the file differs from the deployed one.")


def _lines(tenant: str, since: datetime, until: datetime) -> Iterator[Any]:
    """Read the stored log lines of a tenant."""
    from sentinel.store.telemetry.client import telemetry_client
    from sentinel.store.telemetry.replayed_lines import replayed_lines

    yield from replayed_lines(telemetry_client(settings_here()), tenant, since, until)


def _show(found: Backtest) -> None:
    from sentinel.backtest import picture
    from sentinel.duration import format_duration

    what = f"{counted(found.evaluations, 'evaluation')} of {found.series:,} series"
    if found.of == "events":
        what = (
            f"{counted(found.evaluations, 'event')}, {counted(found.bad, 'match', 'matches')} of "
            + counted(found.series, "policy", "policies")
        )
    say(f"{found.rule}: {what}, {found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M} UTC")
    say(
        f"{counted(len(found.alerts), 'alert')} would have opened and {found.resolved:,} "
        f"resolved; {counted(len(found.messages), 'message')} would have been sent."
    )
    say("")
    if found.peaks:
        for line in picture(found):
            say(line)
        say("")

    def length(seconds: float) -> str:
        return format_duration(timedelta(seconds=round(seconds)))

    print_table(
        ["#", "SEVERITY", "OPENED", "RESOLVED", "DURATION", "OCCURRENCES", "TITLE"],
        [
            (
                number,
                one.severity,
                f"{one.spells[0].opened:%m-%d %H:%M:%S}",
                f"{ended:%m-%d %H:%M:%S}" if (ended := one.spells[-1].ended) else "still open",
                length(one.lasted(found.until).total_seconds()),
                len(one.spells),
                one.title,
            )
            for number, one in enumerate(found.alerts, start=1)
        ],
        empty="No alert would have opened.",
        ranks=[one.rank for one in found.alerts],
    )
    if found.failed:
        say(f"\n{counted(found.failed, 'evaluation')} failed: {found.error}")
    for note in found.notes:
        say(f"\n{note}" if note == found.notes[0] else note)


def _length(since: str) -> timedelta:
    from sentinel.duration import parse_duration

    try:
        length = parse_duration(since)
    except ValueError as error:
        raise ConfigurationError(f"--since: {error}") from None
    if length <= timedelta(0):
        raise ConfigurationError("--since must be longer than 0s")
    return length


def _entries(file: Path) -> list[Entry]:
    from sentinel.rollout.files import read_files

    return read_files([file])
