"""`sentinel requests export|export-usage`: requests and usage as files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sentinel.cli.output import complain
from sentinel.cli.remote import client_here
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import settings_here
from sentinel.cli.telemetry_search import QueryWords, Since, Tenant, Until, asked_here
from sentinel.cli.usage import By
from sentinel.errors import ConfigurationError, Conflict

if TYPE_CHECKING:
    from sentinel.api_usage.exported import FileShape
    from sentinel.client.calls import Call
    from sentinel.store.telemetry.client import TelemetryClient
    from sentinel.telemetry.asked import Asked

__all__ = ["add_to"]

_WAIT_SECONDS = 60.0
Form = Annotated[
    Literal["csv", "ndjson", "parquet"], typer.Option("--format", help="Format of the file.")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write to this new file instead of the terminal.",
                 show_default=False),
]  # fmt: skip


def add_to(commands: typer.Typer) -> None:
    """Add the commands to `sentinel requests`."""
    commands.command()(export)
    commands.command("export-usage")(export_usage)


def export(
    query: QueryWords = None, since: Since = "1h", until: Until = "", form: Form = "csv",
    output: Output = None, tenant: Tenant = None,
) -> None:  # fmt: skip
    """Export all requests that match, the oldest first, however many.

    Example:
        sentinel requests export 'consumer:user-7' --since 30d --format parquet -o user-7.parquet

    Raises:
        Conflict: the file exists
    """
    from sentinel.api_usage.exported import REQUEST_FILE
    from sentinel.client import exports
    from sentinel.store.telemetry.request_export import exported_requests

    text = " ".join(query or ())
    call = exports.requests(text, kind=form, since=since, until=until, tenant=tenant)

    def pages(client: TelemetryClient, asked: Asked) -> Iterator[list[Any]]:
        return exported_requests(client, tenant or "default", asked)

    _export(call, REQUEST_FILE, form, output, (text, since, until), pages)


def export_usage(
    query: QueryWords = None, by: By = "consumer", since: Since = "1d", until: Until = "",
    parts: Annotated[int, typer.Option(min=1, max=500, help="Most parts of the period.")] = 24,
    form: Form = "csv", output: Output = None, tenant: Tenant = None,
) -> None:  # fmt: skip
    """Export the figures of each value of a field in each part of a period.

    Example:
        sentinel requests export-usage --by endpoint --since 7d --parts 168 -o usage.csv

    Raises:
        Conflict: the file exists
    """
    from sentinel.api_usage.exported import USAGE_FILE
    from sentinel.client import exports
    from sentinel.store.telemetry.request_export import exported_usage

    text = " ".join(query or ())
    call = exports.usage(by, text, kind=form, since=since, until=until, parts=parts, tenant=tenant)

    def pages(client: TelemetryClient, asked: Asked) -> Iterator[list[Any]]:
        return exported_usage(client, tenant or "default", asked, by, parts)

    _export(call, USAGE_FILE, form, output, (text, since, until), pages)


def _export(
    call: Call[Any], shape: FileShape, form: Literal["csv", "ndjson", "parquet"],
    output: Path | None, asked: tuple[str, str, str],
    pages: Callable[[TelemetryClient, Asked], Iterator[list[Any]]],
) -> None:  # fmt: skip
    """Write a file: from the server that commands use, or of the store of this machine."""
    if output is None and form == "parquet" and sys.stdout.isatty():
        raise ConfigurationError(
            "a Parquet file is nothing for a terminal", hint="Name a file with --output."
        )
    if output is not None and output.exists():
        raise Conflict(f"the file {output} exists", hint="Use another name.")
    if remote_url():
        with client_here() as client:
            _write(client.download(call), output)
        return
    from sentinel.api_usage.exported import file_parts
    from sentinel.store.telemetry.client import telemetry_client
    from sentinel.telemetry.query import REQUEST_FIELDS

    text, since, until = asked
    found = asked_here(text, REQUEST_FIELDS, since, until)
    here = telemetry_client(settings_here(), wait=_WAIT_SECONDS)
    _write(file_parts(shape, form, pages(here, found)), output)


def _write(parts: Iterable[bytes], output: Path | None) -> None:
    """Write a file that only its owner reads; one that ends midway does not stay."""
    if output is None:
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        return
    part_of = output.with_name(f".{output.name}.{os.getpid()}.part")
    size = 0
    try:
        part_of.touch(mode=0o600, exist_ok=False)
        with part_of.open("wb") as file:
            for part in parts:
                size += file.write(part)
        os.link(part_of, output)  # never over a file that came meanwhile
    except FileExistsError:
        raise Conflict(f"the file {output} exists", hint="Use another name.") from None
    except OSError as error:
        raise ConfigurationError(
            f"the file {output} cannot be written: {error.strerror or error}"
        ) from error
    finally:
        part_of.unlink(missing_ok=True)
    complain(f"Wrote {size:,} bytes to {output}.")
