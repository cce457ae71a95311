"""`sentinel requests consume`: access logs and requests from a topic of Kafka."""

from __future__ import annotations

import asyncio
import time
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sentinel.cli.output import AsJson, complain, json_out, say
from sentinel.cli.remote import client_here
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import settings_here
from sentinel.cli.telemetry_search import Tenant
from sentinel.errors import (
    ConfigurationError,
    DatabaseUnreachable,
    SentinelError,
    TelemetryUnavailable,
    TooManyRequests,
)
from sentinel.printable import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentinel.ingest.kafka_requests import KafkaBatch

__all__ = ["add_to"]

_LONGEST_PAUSE = 60.0
_AT_ONCE = 10_000
"""Requests of a batch that are sent together."""
_AGAIN = (TelemetryUnavailable, DatabaseUnreachable, TooManyRequests)


def add_to(commands: typer.Typer) -> None:
    """Add the command to `sentinel requests`."""
    commands.command()(consume)


def consume(
    topic: Annotated[str, typer.Argument(help="The topic.", show_default=False)],
    brokers: Annotated[
        str, typer.Option(help="Where the brokers are: `host:9092`, several with commas.")
    ],
    group: Annotated[
        str, typer.Option(help="Group of the consumers that share the topic's partitions.")
    ] = "sentinel",
    format: Annotated[  # noqa: A002 - the option's name
        Literal["json", "nginx", "apache", "envoy", "caddy"],
        typer.Option("--format", help="Of the messages: requests as JSON, or lines of a log."),
    ] = "json",
    service: Annotated[
        str, typer.Option(help="Name of the API. By default the host, where lines have one.")
    ] = "",
    tls: Annotated[bool, typer.Option("--tls", help="Speak TLS with the brokers.")] = False,
    ca_file: Annotated[
        str, typer.Option(help="Certificates that TLS trusts. By default the system's.")
    ] = "",
    username: Annotated[
        str,
        typer.Option(help="Of SASL; the password is in the variable SENTINEL_KAFKA_PASSWORD."),
    ] = "",
    mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], typer.Option(help="Of SASL.")
    ] = "SCRAM-SHA-512",
    once: Annotated[bool, typer.Option("--once", help="Send what there is, and end.")] = False,
    tenant: Tenant = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Send the requests of a topic of Kafka to the request log, each once.

    Offsets are committed once a batch is durable. Each process of a group has some of the
    partitions; the group GROUP.sending keeps what is about to be sent. Ctrl-C stops it.

    Examples:
        sentinel requests consume access-log --brokers kafka:9092 --format nginx --service shop

        sentinel --url https://sentinel.example requests consume access --brokers kafka:9092 --once

    Raises:
        SentinelError: with --once, a broker or the server does not answer
    """
    from sentinel.ingest.kafka_requests import KafkaRequests

    totals = {"accepted": 0, "rejected": 0}
    client = _client(brokers, tls=tls, ca_file=ca_file, username=username, mechanism=mechanism)
    reading = KafkaRequests(
        topic, group, client, _sender(tenant, totals), kind=format, service=service
    )
    kafka_error: Any = import_module("aiokafka.errors").KafkaError
    pause = 1.0
    while True:
        before = totals["accepted"]
        try:
            asyncio.run(reading.run(once=once))
            break
        except KeyboardInterrupt:
            break
        except kafka_error as error:
            why = SentinelError(f"Kafka does not answer: {error}", hint="Is --brokers right?")
            if once:
                raise why from error
        except _AGAIN as error:
            why = error
            if once:
                raise
        pause = 1.0 if totals["accepted"] > before else min(_LONGEST_PAUSE, pause * 2)
        complain(f"trying again in {pause:g} s: {why.message}")
        try:
            time.sleep(pause)
        except KeyboardInterrupt:
            break
    if json:
        json_out({"topic": topic, "group": group, **totals})
        return
    say(f"{topic}: {counted(totals['accepted'], 'request')}, {totals['rejected']:,} not taken")


def _client(
    brokers: str, *, tls: bool, ca_file: str, username: str, mechanism: str
) -> dict[str, Any]:
    """Return the options of aiokafka's clients.

    Args:
        brokers: addresses, with commas
        tls: whether the brokers speak TLS
        ca_file: certificates that are trusted; empty for the system's
        username: of SASL; empty for none
        mechanism: of SASL

    Returns:
        Options by name.

    Raises:
        ConfigurationError: the password is missing, or the certificates cannot be read
    """
    import os
    import ssl

    found: dict[str, Any] = {"bootstrap_servers": brokers}
    found["security_protocol"] = f"{'SASL_' if username else ''}{'SSL' if tls else 'PLAINTEXT'}"
    if tls:
        try:
            found["ssl_context"] = ssl.create_default_context(cafile=ca_file or None)
        except OSError as error:
            raise ConfigurationError(f"--ca-file: {ca_file} cannot be read: {error}") from None
    if username:
        password = os.environ.get("SENTINEL_KAFKA_PASSWORD", "")
        if not password:
            raise ConfigurationError(
                "--username needs a password", hint="Put it in SENTINEL_KAFKA_PASSWORD."
            )
        found |= {
            "sasl_mechanism": mechanism, "sasl_plain_username": username,
            "sasl_plain_password": password,
        }  # fmt: skip
    return found


def _sender(tenant: str | None, totals: dict[str, int]) -> Callable[[KafkaBatch], None]:
    take = _over_http if remote_url() else _here

    def send(batch: KafkaBatch) -> None:
        # Parts begin where they do by the batch alone, so that each counts once, too.
        for at in range(0, len(batch.requests), _AT_ONCE):
            part = batch.requests[at : at + _AT_ONCE]
            refused = batch.refused if at == 0 else 0
            accepted, rejected = take(part, f"{batch.id} {at}", refused, tenant)
            totals["accepted"] += accepted
            totals["rejected"] += rejected
        if not batch.requests:
            totals["rejected"] += batch.refused
        if batch.why:
            complain(
                f"{counted(batch.refused, 'request was', 'requests were')} not taken. {batch.why}"
            )

    return send


def _over_http(found: list[Any], batch: str, refused: int, tenant: str | None) -> tuple[int, int]:
    import msgspec

    from sentinel.client import usage as calls

    given = [
        {name: value for name, value in msgspec.to_builtins(one).items() if value not in (None, "")}
        for one in found
    ]
    with client_here() as client:
        taken = client.do(calls.send_requests(given, batch=batch, dropped=refused, tenant=tenant))
    return taken.accepted, taken.rejected


def _here(found: list[Any], batch: str, refused: int, tenant: str | None) -> tuple[int, int]:
    from sentinel.clock import SystemClock
    from sentinel.ingest.requests import RequestIntake, taken_view
    from sentinel.ingest.telemetry import token_of

    whose = tenant or "default"
    token = token_of(whose, "requests by id", batch.encode())
    intake = RequestIntake(settings_here(), SystemClock(), retain=False)
    counted = {"invalid": refused} if refused else {}
    taken = taken_view(intake.take(whose, found, token, refused=counted), {})
    return taken.accepted, taken.rejected
