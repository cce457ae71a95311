"""What searches of logs and traces have in common: their parameters, and who answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, cast

from fastapi import Query, Request

from sentinel.api.problems import SEE_DOCS, Problem
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.telemetry.client import TelemetryClient, telemetry_client
from sentinel.telemetry.asked import Asked, BadParameter, Language, ask
from sentinel.telemetry.query import FieldKind, QueryFault

__all__ = ["Cursor", "Limit", "Since", "Text", "Until", "asked_of", "reader_of"]

_MOMENTS = "A length of time before now, such as `15m`, or a moment; "
Text = Annotated[
    str,
    Query(
        max_length=2_000,
        description="The query: words, `field:value`, `@attribute:value`, `-`, `OR`, parentheses.",
    ),
]
Since = Annotated[str, Query(max_length=80, description=_MOMENTS + "`since:` of the query wins.")]
Until = Annotated[
    str, Query(max_length=80, description=_MOMENTS + "empty for now. `until:` of the query wins.")
]
Limit = Annotated[int, Query(ge=1, le=1_000, description="Most rows.")]
Cursor = Annotated[
    str | None, Query(max_length=400, description="`next_cursor` of the page before.")
]


def asked_of(
    request: Request, text: str, fields: Mapping[str, FieldKind], since: str, until: str,
    also: Sequence[tuple[str, str]], language: Language = "query",
) -> Asked:  # fmt: skip
    """Read what a request asks for.

    Args:
        request: the request
        text: the query
        fields: of what is searched
        since: the beginning of the period
        until: its end
        also: fields, and what each must be equal to
        language: of the text

    Returns:
        What is looked for.

    Raises:
        Problem: 422, which names the parameter, and the column of the query
    """
    now = cast("Store", request.app.state.store).now()
    try:
        return ask(text, fields, now, also=also, since=since, until=until, language=language)
    except QueryFault as fault:
        raise Problem(
            422, "invalid", f"query: {fault}", hint="Write texts with signs in quotes.",
            field="query",
        ) from None  # fmt: skip
    except BadParameter as error:
        raise Problem(
            422, "invalid", f"{error.field}: {error}", hint=SEE_DOCS, field=error.field
        ) from None


def reader_of(request: Request) -> TelemetryClient:
    """Return the client that reads.

    Returns:
        The same object for the same store.

    Raises:
        TelemetryUnavailable: there is no telemetry store
    """
    return telemetry_client(cast("Settings", request.app.state.settings))
