"""Forms that are posted to the public pages: small, in time, and decoded."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

__all__ = ["MOST_BODY_BYTES", "Form", "body_of", "field_of", "form_of"]

Form = list[tuple[str, str]]

MOST_BODY_BYTES = 8_192
MOST_FIELDS = 100
BODY_SECONDS = 10.0


async def body_of(request: Request, most: int = MOST_BODY_BYTES) -> bytes | None:
    """Return a whole body of at most so many bytes that comes in time, else None."""
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    return None
    except (TimeoutError, ClientDisconnect):
        return None
    return body


def field_of(form: Form, name: str) -> str:
    """Return a field of a form as it was sent first; empty where it has none."""
    return dict(reversed(form)).get(name, "")


def form_of(body: bytes | None, most: int = MOST_FIELDS) -> Form | None:
    """Return names and values of a form of at most so many, decoded; None for what is none."""
    if body is None:
        return None
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=most, errors="strict"
        )
    except ValueError:  # of which UnicodeDecodeError is one
        return None
