"""What commands about logs and traces share: where they ask, for whom, and over which time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from sentinel.cli import completion
from sentinel.cli.output import complain
from sentinel.cli.remote import client_here
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import settings_here
from sentinel.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from sentinel.client.calls import Call
    from sentinel.store.telemetry.answering import LogAnswers, TraceAnswers
    from sentinel.store.telemetry.log_anomalies import SavedAnomalies
    from sentinel.telemetry.asked import Asked, Language
    from sentinel.telemetry.query import FieldKind

__all__ = [
    "Limit", "QueryWords", "Since", "Tenant", "Until", "answer", "asked_here", "logs_here",
    "patterns_here", "say_query", "searched", "traces_here", "when",
]  # fmt: skip

R = TypeVar("R", bound="BaseModel")

_WAIT_SECONDS = 60.0
"""How long a command waits for an embedded store that has to start first."""

QueryWords = Annotated[
    list[str] | None,
    typer.Argument(
        help="The query, such as `level:>=error service:shop`; a query that begins with a minus "
        "comes after `--`.",
        show_default=False,
        autocompletion=completion.query_terms,
    ),
]
Since = Annotated[
    str, typer.Option(help="Where the time range begins: 15m before now, or a moment.")
]
Until = Annotated[
    str, typer.Option(help="Where it ends, likewise. By default, now.", show_default=False)
]
Limit = Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")]
Tenant = Annotated[
    str | None,
    typer.Option(help="Whose. By default, `default`, or the one of the key.", show_default=False),
]


def answer(call: Call[R], here: Callable[[], R]) -> R:
    """Ask the server that commands use, or the telemetry store of this machine.

    Args:
        call: the request
        here: asks the store

    Returns:
        The answer of either.
    """
    if not remote_url():
        return here()
    with client_here() as client:
        return client.do(call)


def searched(call: Call[R], ask: Callable[[], Asked], here: Callable[[Asked], R]) -> R:
    """Ask as `answer` does; a query that cannot be read is refused before a store is looked for.

    Args:
        call: the request
        ask: reads the query
        here: asks the store

    Returns:
        The answer of either.
    """

    def asked() -> R:
        return here(ask())

    return answer(call, asked)


def logs_here(tenant: str | None) -> LogAnswers:
    """Return what answers about a tenant's log lines in the store of this machine."""
    from sentinel.store.telemetry.answering import LogAnswers
    from sentinel.store.telemetry.client import telemetry_client

    return LogAnswers(telemetry_client(settings_here(), wait=_WAIT_SECONDS), tenant or "default")


def patterns_here(tenant: str | None) -> SavedAnomalies:
    """Return what reads patterns and anomalies of a tenant's lines in the store of this machine."""
    from sentinel.store.telemetry.client import telemetry_client
    from sentinel.store.telemetry.log_anomalies import SavedAnomalies

    return SavedAnomalies(
        telemetry_client(settings_here(), wait=_WAIT_SECONDS), tenant or "default"
    )


def traces_here(tenant: str | None) -> TraceAnswers:
    """Return what answers about a tenant's traces in the store of this machine."""
    from sentinel.store.telemetry.answering import TraceAnswers
    from sentinel.store.telemetry.client import telemetry_client

    return TraceAnswers(telemetry_client(settings_here(), wait=_WAIT_SECONDS), tenant or "default")


def asked_here(
    text: str, fields: Mapping[str, FieldKind], since: str, until: str, *,
    language: Language = "query", also: Sequence[tuple[str, str]] = (),
) -> Asked:  # fmt: skip
    """Read what a command looks for.

    Args:
        text: the query
        fields: of what is searched
        since: where the time range begins
        until: where it ends; empty for now
        language: of the text
        also: fields, and what each must be

    Returns:
        What is looked for.

    Raises:
        ConfigurationError: the query or the time range cannot be read
    """
    from sentinel.telemetry.asked import BadParameter, ask
    from sentinel.telemetry.query import QueryFault

    now = datetime.now(UTC)
    try:
        return ask(text, fields, now, since=since, until=until, language=language, also=also)
    except QueryFault as fault:
        mark = f"{text}\n{' ' * (fault.column - 1)}^"
        raise ConfigurationError(f"the query cannot be read: {fault}\n{mark}") from None
    except BadParameter as error:
        raise ConfigurationError(f"--{error.field}: {error}") from None


def say_query(query: str, *, from_words: bool) -> None:
    """Print the query that plain words made, beside the answer."""
    if from_words:
        complain(f"Query: {query or 'every line'}")


def when(timestamp: str) -> str:
    """Return a moment as commands print it: UTC, to the millisecond."""
    return f"{timestamp[:10]} {timestamp[11:23]}"
