"""OTLP over HTTP: `/v1/logs`, `/v1/traces`, `/v1/metrics`, as exporters of OpenTelemetry send them.

An answer is sent when the batch is on disk. Too much is refused by 429, and a store that does not
answer by 503, each with `Retry-After`: exporters send the batch again, which then counts once.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, cast

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from sentinel.access import Permission
from sentinel.api.dependency_watch import DependencyWatch
from sentinel.api.intake_queue import IntakeQueue, QueueFull
from sentinel.api.limits import allow
from sentinel.api.log_mining import LogMining
from sentinel.api.needs import needs
from sentinel.api.otlp_described import body_of, responses_of
from sentinel.api.scoped import WholeTenant
from sentinel.errors import DatabaseError, TelemetryError, TelemetryUnavailable
from sentinel.ingest.telemetry import TelemetryIntake, token_of
from sentinel.ingest.untimed import UntimedBatches
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.events.log_policies import LogPolicies
from sentinel.telemetry.bounds import MOST_UNPACKED, TooLarge
from sentinel.telemetry.otlp_body import (
    BadBody,
    Signal,
    answer_of,
    error_of,
    request_of,
    timed,
    unpacked,
)

__all__ = [
    "AWAY_SECONDS",
    "FULL_SECONDS",
    "NOT_INSTALLED",
    "intake_of",
    "queue_of",
    "router",
]

FULL_SECONDS, AWAY_SECONDS = 1, 5
"""What `Retry-After` says where the queue is full, and where the store does not answer."""
NOT_INSTALLED = "the libraries for logs and spans are not installed: install the extra `telemetry`"
_JSON, _PROTOBUF = "application/json", "application/x-protobuf"

router = APIRouter(prefix="/v1", tags=["telemetry"])


def _route(signal: Signal, summary: str) -> Any:
    """Return what makes a function the route of a signal."""
    return router.post(
        f"/{signal}", summary=summary, response_class=Response, responses=responses_of(signal),
        openapi_extra=body_of(signal),
    )  # fmt: skip


@_route("logs", "Send log records by OTLP")
@needs(Permission.RESPOND, "telemetry", confined=True)
async def logs(request: Request, tenant: WholeTenant) -> Response:
    """Store an `ExportLogsServiceRequest`. It is on disk when the response arrives."""
    return await _take(request, tenant.name, "logs")


@_route("traces", "Send spans by OTLP")
@needs(Permission.RESPOND, "telemetry", confined=True)
async def traces(request: Request, tenant: WholeTenant) -> Response:
    """Store an `ExportTraceServiceRequest`. It is on disk when the response arrives."""
    return await _take(request, tenant.name, "traces")


@_route("metrics", "Send samples by OTLP")
@needs(Permission.RESPOND, "telemetry", confined=True)
async def metrics(request: Request, tenant: WholeTenant) -> Response:
    """Store an `ExportMetricsServiceRequest` as samples, which join those of `POST …/metrics`."""
    return await _take(request, tenant.name, "metrics")


def intake_of(request: Request) -> TelemetryIntake:
    """Return what takes the batches of a request."""
    store = cast("Store", request.app.state.store)
    settings = cast("Settings", request.app.state.settings)
    mining = cast("LogMining", request.app.state.log_mining)
    watch = cast("DependencyWatch", request.app.state.dependency_watch)
    return TelemetryIntake(
        settings,
        store.clock,
        store.metrics,
        queue_of(request).aside,
        partial(mining.wake, settings),
        cast("LogPolicies", request.app.state.log_policies),
        partial(watch.wake, settings),
        cast("UntimedBatches", request.app.state.untimed),
    )


def queue_of(request: Request) -> IntakeQueue:
    """Return the queue of batches for the telemetry store."""
    return cast("IntakeQueue", request.app.state.intake_queue)


async def _take(request: Request, tenant: str, signal: Signal) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = kind == _JSON
    if kind not in (_JSON, _PROTOBUF):
        text = f"the body must be {_PROTOBUF} or {_JSON}, and not {kind or 'without a type'}"
        return _refusal(415, text, is_json=True)
    intake = intake_of(request)
    # Samples need no telemetry store, so one that hangs holds up none.
    state = request.app.state
    queue = cast("IntakeQueue", state.metrics_queue if signal == "metrics" else state.intake_queue)
    encoding = request.headers.get("content-encoding", "").strip().lower()
    allow(request, MOST_UNPACKED)

    def work() -> bytes:
        whole = unpacked(body, encoding)
        taken = None if is_json else intake.take_bytes(tenant, signal, whole)
        if taken is None:
            found = request_of(signal, whole, is_json=is_json)
            token = token_of(tenant, signal, whole)
            if timed(signal, found):
                taken = intake.take(tenant, signal, found, token)
            else:  # equal records may have happened twice
                taken = intake.take_untimed(tenant, found, token)
        return answer_of(signal, is_json=is_json, rejected=taken.rejected, why=taken.why)

    try:
        body = await request.body()
        answer = await queue.run(work)
    except HTTPException as error:
        if error.status_code != 408:
            raise
        # Exporters send again after 503, and not after 408.
        return _refusal(503, "the body did not arrive in time", is_json=is_json, after=FULL_SECONDS)
    except QueueFull:
        text = "too many batches wait to be written"
        return _refusal(429, text, is_json=is_json, after=FULL_SECONDS)
    except BadBody as error:
        return _refusal(400, str(error), is_json=is_json)
    except TooLarge as error:
        return _refusal(413, str(error), is_json=is_json)
    except (TelemetryUnavailable, DatabaseError) as error:
        return _refusal(503, str(error), is_json=is_json, after=AWAY_SECONDS)
    except ModuleNotFoundError:
        return _refusal(503, NOT_INSTALLED, is_json=is_json, after=AWAY_SECONDS)
    except TelemetryError as error:
        return _refusal(500, str(error), is_json=is_json)
    return Response(answer, media_type=kind)


def _refusal(status: int, message: str, *, is_json: bool, after: float = 0) -> Response:
    headers = {"Retry-After": str(math.ceil(after))} if after else None
    kind = _JSON if is_json else _PROTOBUF
    return Response(error_of(status, message, is_json=is_json), status, headers, kind)
