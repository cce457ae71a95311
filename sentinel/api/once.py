"""Creation that a retry does not repeat: the header `Idempotency-Key`.

The first request of a key is worked on, and its answer is kept for 24 hours: the same request again
gets it, with `Idempotent-Replayed: true`. The same key with another request is 422; while the first
is worked on, 409. A request that was refused, or that failed before it changed anything, keeps
nothing, so that it may be sent again. Where the process died, or the request broke off, between a
change and the answer, the key is 409 for the 24 hours: the change is never repeated.

Put `@router.post(..., dependencies=[Once])` on a route of a router whose `route_class` is
`OnceRoute`: the dependency claims the key once the caller is known, the class keeps the answer. Use
`OnceOnPrefect` where the same request completes what it began when Prefect did not answer: then its
key is free again, so that it may.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from sentinel.api.access import Acting
from sentinel.api.problems import Problem
from sentinel.errors import (
    DatabaseError,
    LimitsUnavailable,
    PrefectUnreachable,
    SentinelError,
    TelemetryUnavailable,
)
from sentinel.store import Store
from sentinel.store.answered_requests import (
    Answered,
    Claim,
    begin,
    finish,
    give_up,
    note_changes,
)

__all__ = ["Once", "OnceOnPrefect", "OnceRoute"]

_KEPT_HEADERS = ("content-type", "location", "etag")
_REFUSALS = (HTTPException, Problem, RequestValidationError, SentinelError)
_BREAKS = (DatabaseError, LimitsUnavailable, PrefectUnreachable, TelemetryUnavailable)
"""Errors of Sentinel's own that may come midway."""


class _Replayed(Exception):
    """The answer is known already."""

    def __init__(self, answered: Answered) -> None:
        super().__init__()
        self.answered = answered


async def _once(
    request: Request,
    who: Acting,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="A key of your own for this request: sent again within 24 hours, it is "
            "answered again and not worked on a second time.",
            min_length=1,
            max_length=200,
            examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
            json_schema_extra={"pattern": "^[!-~]*$"},
        ),
    ] = None,
) -> None:
    """Claim the key of a request, or give its earlier answer.

    Raises:
        Problem: 409 while it is worked on, or where it changed something and was not answered;
            422 where the key stands for another request
        _Replayed: the answer is known
    """
    if key is None:
        return
    body = await request.body()
    said = b"\0".join((request.url.query.encode(), body))
    claim = Claim(
        caller=f"{who.kind}:{who.id or who.name}"[:200],
        path=f"{request.method} {request.url.path}"[:300],
        key=key,
        digest=hashlib.sha256(said).hexdigest(),
    )
    before = await run_in_threadpool(begin, _store(request), claim)
    if before is None:
        request.state.claim = claim
        note_changes(_store(request), claim)
        return
    if not before.same:
        raise Problem(
            422,
            "invalid",
            "Idempotency-Key: another request was sent with this key",
            hint="Make a new key for each request, and repeat it only with the same body.",
            field="Idempotency-Key",
        )
    if before.lost:
        raise Problem(
            409,
            "conflict",
            "the first request with this Idempotency-Key failed, and may have been carried out: it "
            "broke off after it had changed something",
            hint="Look whether it was done. If it was not, send it with a new key.",
        )
    if not before.status:
        raise Problem(
            409,
            "conflict",
            "the first request with this Idempotency-Key is worked on",
            hint="Send it again in a second.",
        )
    raise _Replayed(before)


async def _once_on_prefect(request: Request, _claimed: Annotated[None, Depends(_once)]) -> None:
    request.state.completed_again = True


Once = Depends(_once)
"""The dependency of routes that create."""
OnceOnPrefect = Depends(_once_on_prefect)
"""The dependency of routes that create in Prefect too, and whose repetition completes them."""


class OnceRoute(APIRoute):
    """Keeps the answers of routes that depend on `Once`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of requests."""
        work = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                response = await work(request)
            except _Replayed as found:
                headers = {**found.answered.headers, "Idempotent-Replayed": "true"}
                return Response(found.answered.answer, found.answered.status, headers)
            except BaseException as error:
                await _give_up(request, error)
                raise
            await _end(request, response)
            return response

        return handler


async def _give_up(request: Request, error: BaseException) -> None:
    claim = _claim(request)
    if claim is not None:
        refused = isinstance(error, _REFUSALS) and not isinstance(error, _BREAKS)
        if isinstance(error, PrefectUnreachable):
            refused = bool(getattr(request.state, "completed_again", False))
        await run_in_threadpool(give_up, _store(request), claim, refused=refused)


async def _end(request: Request, response: Response) -> None:
    claim = _claim(request)
    if claim is None:
        return
    if response.status_code >= 300:
        refused = response.status_code < 500
        await run_in_threadpool(give_up, _store(request), claim, refused=refused)
        return
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}

    def keep() -> None:
        finish(
            _store(request),
            claim,
            status=response.status_code,
            answer=bytes(response.body).decode(),
            headers=headers,
        )

    await run_in_threadpool(keep)


def _claim(request: Request) -> Claim | None:
    return cast("Claim | None", getattr(request.state, "claim", None))


def _store(request: Request) -> Store:
    return cast("Store", request.app.state.store)
