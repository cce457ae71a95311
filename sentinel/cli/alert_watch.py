"""`sentinel alert watch`: what happens to alerts and incidents, as it happens."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from sentinel.cli.output import complain, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import open_store
from sentinel.errors import ConfigurationError, DatabaseUnreachable
from sentinel.printable import printable_json
from sentinel.severity import severity_of

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["add_to", "watch"]

_AT_ONCE = 100
_LOOKS_EVERY = 0.5
_WAITS = 25.0
_TRIES_EVERY = 2.0
"""Seconds: between two looks at the database here, that a server waits with its answer, and before
one that does not answer is asked again."""
Read = Callable[[int | None, int], tuple[list[dict[str, Any]], int]]
"""Returns the CloudEvents after a cursor, at most so many, and the next cursor."""


def add_to(commands: typer.Typer) -> None:
    """Add the command to those of alerts."""
    commands.command()(watch)


def watch(
    tenant: Annotated[
        str, typer.Option(help="Whose alerts.", show_default="default, or the only one of the key")
    ] = "",
    severity: Annotated[
        list[str] | None,
        typer.Option(help="Only of these: critical, high, medium, low or info; repeatable."),
    ] = None,
    after: Annotated[
        int | None,
        typer.Option(
            "--from", min=0, show_default=False,
            help="Begin with what followed this change; 0 for all that are kept. By default what "
            "happens from now on.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, help="End after so many changes.", show_default="never")
    ] = 0,
    json: Annotated[
        bool, typer.Option("--json", help="Print one CloudEvent a line, for programs.")
    ] = False,
) -> None:  # fmt: skip
    """Print what happens to alerts and incidents, as it happens. Ctrl-C ends it.

    No change is left out: where the server or the database is away, the command waits and goes on
    from where it was.

    Examples:
        sentinel alert watch --severity critical --severity high

        sentinel alert watch --from 0 --json | jq -r .type
    """
    wanted = {_severity(one) for one in severity or ()}
    shown = 0
    with _reader(tenant) as read:
        for events in _endless(read, after):
            for event in events:
                if wanted and event["data"].get("severity") not in wanted:
                    continue
                _show(event, json=json)
                shown += 1
                if shown == limit:
                    return


def _endless(read: Read, cursor: int | None) -> Iterator[list[dict[str, Any]]]:
    """Read on for ever, also after the other side was away."""
    away = False
    while True:
        try:
            events, cursor = read(cursor, _AT_ONCE)
        except DatabaseUnreachable as error:
            if not away:
                complain(f"sentinel: {error} Waiting for it.")
            away = True
            time.sleep(_TRIES_EVERY)
            continue
        if away:
            complain("sentinel: it answers again")
            away = False
        yield events


@contextmanager
def _reader(tenant: str) -> Generator[Read]:
    """Open what reads changes: of the database here, or of the server that commands use."""
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import lifecycle_events

        with client_here() as client:

            def ask(cursor: int | None, limit: int) -> tuple[list[dict[str, Any]], int]:
                found = client.do(
                    lifecycle_events.after(
                        cursor, tenant=tenant or None, limit=limit,
                        # The first answer says from where on, and is not to be waited for.
                        wait=0.0 if cursor is None else _WAITS,
                    )
                )  # fmt: skip
                return found.events, found.cursor

            yield ask
        return
    from sqlalchemy.exc import OperationalError

    from sentinel.events.outgoing import cloud_event
    from sentinel.store.events.lifecycle import changes_after

    with open_store() as store:

        def look(cursor: int | None, limit: int) -> tuple[list[dict[str, Any]], int]:
            try:
                found = changes_after(store, tenant or "default", cursor, limit)
            except OperationalError as error:
                why = str(error.orig).partition("\n")[0]
                raise DatabaseUnreachable(f"the database does not answer: {why}.") from None
            if not found.items and cursor is not None:
                time.sleep(_LOOKS_EVERY)
            return [cloud_event(one) for one in found.items], found.cursor

        yield look


def _show(event: Mapping[str, Any], *, json: bool) -> None:
    if json:
        line = printable_json(msgspec.json.encode(event).decode())
        sys.stdout.buffer.write(line.encode() + b"\n")
        sys.stdout.buffer.flush()
        return
    data = event["data"]
    _, what, kind = event["type"].split(".", 2)
    moment = event["time"][:19].replace("T", " ")
    actor, comment = data.get("actor", ""), data.get("comment", "")
    by = f" by {actor}" if actor else ""
    said = f": {comment}" if comment else ""
    title = data.get("title", "")
    change = f"{what} {kind.replace('_', ' ')}"
    say(f"{moment}  {data.get('severity', ''):<8}  {change:<22}  {title}{by}{said}".rstrip())
    sys.stdout.flush()


def _severity(word: str) -> str:
    try:
        return severity_of(word).word
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
