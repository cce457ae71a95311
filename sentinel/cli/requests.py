"""`sentinel requests …`: follow access logs, and search the request log."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sentinel.cli import kafka_requests, usage, usage_export
from sentinel.cli.output import AsJson, complain, json_out, print_table, say
from sentinel.cli.remote import client_here
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import settings_here
from sentinel.cli.telemetry_search import (
    Limit,
    QueryWords,
    Since,
    Tenant,
    Until,
    asked_here,
    searched,
    when,
)
from sentinel.errors import DatabaseUnreachable, TelemetryUnavailable, TooManyRequests
from sentinel.printable import counted

if TYPE_CHECKING:
    from sentinel.api_usage.access_lines import LineFormat
    from sentinel.api_usage.answers import RequestsTakenView
    from sentinel.ingest.file_tail import TailBatch

__all__ = ["commands"]

_WAIT_SECONDS = 60.0
_LONGEST_PAUSE = 60.0

commands = typer.Typer(
    no_args_is_help=True,
    help="Who uses your APIs: follow access logs, search requests, figures of usage.",
)


usage.add_to(commands)
usage_export.add_to(commands)
kafka_requests.add_to(commands)


@commands.command()
def search(
    query: QueryWords = None,
    since: Since = "1h",
    until: Until = "",
    limit: Limit = 50,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:
    """Search the request log, newest first; times are UTC.

    Example:
        sentinel requests search 'service:shop status:5xx' --since 2h
    """
    from sentinel.client import usage as calls
    from sentinel.store.telemetry.client import telemetry_client
    from sentinel.store.telemetry.usage_answers import requests_found
    from sentinel.telemetry.query import REQUEST_FIELDS

    text = " ".join(query or ())
    found = searched(
        calls.requests(text, since=since, until=until, limit=limit, tenant=tenant),
        lambda: asked_here(text, REQUEST_FIELDS, since, until),
        lambda asked: requests_found(
            telemetry_client(settings_here(), wait=_WAIT_SECONDS), tenant or "default", asked,
            limit, None,
        ),
    )  # fmt: skip
    if json:
        json_out(found.model_dump())
        return
    print_table(
        ("Time", "Service", "Consumer", "Request", "Status", "Duration", "Address"),
        [
            (when(one.timestamp), one.service, one.consumer, f"{one.method} {one.path}".strip(),
             one.status, f"{one.duration_ms:,.1f} ms", one.address)
            for one in found.requests
        ],
        empty="No request matches.",
        ranks=[4 if one.status >= 500 else 0 for one in found.requests],
    )  # fmt: skip


@commands.command()
def tail(
    file: Annotated[Path, typer.Argument(help="The log, also one that is not there yet.")],
    format: Annotated[  # noqa: A002 - the option's name
        Literal["nginx", "apache", "envoy", "caddy"],
        typer.Option("--format", help="Of its lines, as text or JSON.", show_default=False),
    ],
    service: Annotated[
        str, typer.Option(help="Name of the API. By default the host, where lines have one.")
    ] = "",
    from_start: Annotated[
        bool,
        typer.Option("--from-start", help="Read a new file from its beginning, not its end."),
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Send what there is, and end.")] = False,
    state: Annotated[
        Path | None,
        typer.Option(help="File that keeps the place. By default one under home.",
                     show_default=False),
    ] = None,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Send the lines of an access log to the request log, and follow it over rotation.

    Each line counts once, also after a crash on either side. Ctrl-C stops it; the next start goes
    on where it was.

    Examples:
        sentinel requests tail /var/log/nginx/access.log --format nginx --service shop

        sentinel --url https://sentinel.example requests tail access.json --format caddy --once

    Raises:
        TelemetryUnavailable: with --once, the store does not answer
        DatabaseUnreachable: with --once, the server does not answer
        TooManyRequests: with --once, it has no room for a batch now
    """
    from sentinel.ingest.file_tail import FileTail

    kept = state or _state_of(file)
    totals = {"accepted": 0, "rejected": 0}
    send = _sender(format, service, tenant, totals)
    pause = 1.0
    with closing(FileTail(file, kept, from_start=from_start)) as following:
        while True:
            try:
                while following.step(send):
                    pause = 1.0
                if once:
                    break
            except (TelemetryUnavailable, DatabaseUnreachable, TooManyRequests) as error:
                if once:
                    raise
                complain(f"trying again in {pause:g} s: {error.message}")
                pause = min(_LONGEST_PAUSE, pause * 2)
            try:
                time.sleep(pause)
            except KeyboardInterrupt:
                break
    if json:
        json_out({"file": str(file), "state": str(kept), **totals})
        return
    say(
        f"{file}: {counted(totals['accepted'], 'request')}, "
        f"{counted(totals['rejected'], 'line')} not taken"
    )


def _state_of(file: Path) -> Path:
    from hashlib import sha256

    name = sha256(str(file.absolute()).encode()).hexdigest()[:16]
    return Path(settings_here().home) / "tails" / f"{name}.json"


def _sender(
    kind: LineFormat, service: str, tenant: str | None, totals: dict[str, int]
) -> Callable[[TailBatch], None]:
    take = _over_http if remote_url() else _here

    def send(batch: TailBatch) -> None:
        taken = take(batch, kind, service, tenant)
        totals["accepted"] += taken.accepted
        totals["rejected"] += taken.rejected
        for one in taken.errors[:1]:
            complain(
                f"{counted(taken.rejected, 'line was', 'lines were')} not taken. Line "
                f"{one.line}: {one.message}"
            )

    return send


def _over_http(
    batch: TailBatch, kind: LineFormat, service: str, tenant: str | None
) -> RequestsTakenView:
    from sentinel.client import usage as calls

    with client_here() as client:
        return client.do(
            calls.send_lines(batch.lines, kind, batch=batch.id, service=service, tenant=tenant)
        )


def _here(
    batch: TailBatch, kind: LineFormat, service: str, tenant: str | None
) -> RequestsTakenView:
    from sentinel.api_usage.access_lines import requests_of_lines
    from sentinel.clock import SystemClock
    from sentinel.ingest.requests import RequestIntake, taken_view
    from sentinel.ingest.telemetry import token_of

    whose = tenant or "default"
    found, errors = requests_of_lines(kind, batch.lines, service)
    token = token_of(whose, "requests by id", batch.id.encode())
    intake = RequestIntake(settings_here(), SystemClock(), retain=False)
    refused = {"invalid": len(errors)} if errors else {}
    return taken_view(intake.take(whose, found, token, refused=refused), errors)
