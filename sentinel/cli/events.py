"""`sentinel event …`: send events to the shared database, or over HTTP to a server elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, cast

import orjson
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sentinel.cli.exit_codes import Exit
from sentinel.cli.output import AsJson, complain, json_out, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import open_store
from sentinel.errors import ConfigurationError, NotFound
from sentinel.events import Kept, NoEvents, Refused, read_events, taken
from sentinel.tenant import checked_tenant

__all__ = ["commands"]

commands = typer.Typer(
    no_args_is_help=True, help="Events: any JSON objects, evaluated by event policies."
)
_AT_ONCE = 1000
_SHOWN = 10


@commands.command()
def send(
    file: Annotated[str, typer.Argument(help="A file of JSON or NDJSON; - for standard input.")],
    tenant: Annotated[str, typer.Option(help="Tenant of the events.")] = "default",
    json: AsJson = False,
) -> None:
    """Store the events of a file: an object, a list, `{"events": […]}`, or one object per line.

    Events are deduplicated by `id`, so sending a file again is safe. Exits with 1 if events were
    rejected; the others are stored.

    Examples:
        sentinel event send audit.ndjson

        journalctl -o json -n 1000 | sentinel event send - --tenant acme --json

    Raises:
        Exit: with 1 if an event was rejected
    """
    checked_tenant(tenant)
    accepted = duplicates = sent = 0
    refused: list[dict[str, Any]] = []
    count = 0
    with _opened(file) as stream, _receiver(tenant) as keep, _progress() as progress:
        task = progress.add_task("events", total=None)
        for piece in _pieces(_events(stream, file)):
            kept = keep(piece)
            accepted, duplicates = accepted + kept.accepted, duplicates + kept.duplicates
            count += len(kept.refused)
            refused += [
                {"event": sent + one.index + 1, "field": one.field, "message": one.message}
                for one in kept.refused[: 100 - len(refused)]
            ]
            sent += len(piece)
            progress.update(task, description=f"{sent:,} events")
    if json:
        json_out(
            {"accepted": accepted, "duplicates": duplicates, "refused": count, "errors": refused}
        )
    else:
        again = f", {duplicates:,} duplicates" if duplicates else ""
        say(f"Stored {accepted:,} {'event' if accepted == 1 else 'events'}{again}.")
        for one in refused[:_SHOWN]:
            field = f"{one['field']}: " if one["field"] else ""
            complain(f"event {one['event']}: {field}{one['message']}")
        if count > _SHOWN:
            complain(f"… and {count - _SHOWN:,} more rejected")
    if count:
        raise typer.Exit(Exit.FAILED)


@contextmanager
def _receiver(tenant: str) -> Generator[Callable[[list[object]], Kept]]:
    """Open what stores events: the database here, or the server that commands use."""
    if not remote_url():
        with open_store() as store:
            yield lambda piece: store.events.add(piece, tenant=tenant)
        return
    from sentinel.cli.remote import client_here
    from sentinel.client import calls

    with client_here() as client:

        def send_piece(piece: list[object]) -> Kept:
            """Send what is valid: the server's refusal of a batch does not say what it stored."""
            checked = [
                event if isinstance(event, Refused) else taken(tenant, index, event)
                for index, event in enumerate(piece)
            ]
            refused = [one for one in checked if isinstance(one, Refused)]
            valid = [
                cast("dict[str, Any]", event)
                for one, event in zip(checked, piece, strict=True)
                if not isinstance(one, Refused)
            ]
            if not valid:
                return Kept(accepted=0, refused=refused)
            stored = client.do(calls.events(valid, tenant))
            return Kept(accepted=stored.accepted, duplicates=stored.duplicates, refused=refused)

        yield send_piece


@contextmanager
def _opened(file: str) -> Generator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - closed below
    except FileNotFoundError:
        raise NotFound(f"there is no file {file}", hint="Name a file, or - for stdin.") from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None
    with stream:
        yield stream


def _events(stream: BinaryIO, file: str) -> Iterator[object]:
    """Yield the events one by one; a file of lines is never held in memory as a whole."""
    first, second = _line(stream), _line(stream)
    if not second or not _is_object(first):
        try:
            yield from read_events(first + second + stream.read())
        except NoEvents as error:
            raise ConfigurationError(
                f"{file} cannot be used: {error.message}", hint=error.hint
            ) from None
        return
    line = first
    while line:
        yield _of_line(line)
        line, second = second or _line(stream), b""


def _line(stream: BinaryIO) -> bytes:
    """Return the next line that is not blank; empty at the end."""
    line = stream.readline()
    while line and not line.strip():
        line = stream.readline()
    return line


def _of_line(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Refused(index=0, field="", message=f"it is not JSON: {error}")


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _pieces(events: Iterable[object]) -> Iterator[list[object]]:
    piece: list[object] = []
    for event in events:
        if isinstance(event, Refused):
            event = Refused(index=len(piece), field=event.field, message=event.message)
        piece.append(event)
        if len(piece) >= _AT_ONCE:
            yield piece
            piece = []
    if piece:
        yield piece


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
