"""Heartbeats: a job says over HTTP that it is there; the check `heartbeat` misses one that stops.

A beat is a sample of the metric `heartbeat` with the label `job`: 1 where all is well, 0 where the
job says that it failed. Besides the API's token there is an address for each job that holds its own
key, for schedulers that can only fetch a URL; it lets nobody do more than beat for that job.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from sentinel.api.bodies import Tenant
from sentinel.api.problems import Problem, responses
from sentinel.metrics import Sample
from sentinel.metrics.moments import datetime_of
from sentinel.store import Store

__all__ = ["METRIC", "by_key", "key_of", "router"]

METRIC = "heartbeat"
_KEY_LENGTH = 32
_REACH = timedelta(days=7)

router = APIRouter(prefix="/heartbeats", tags=["heartbeats"])
by_key = APIRouter(prefix="/ping", tags=["heartbeats"])

Job = Annotated[
    str,
    Path(pattern="^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$", description="The name of the job."),
]
Status = Annotated[
    Literal["ok", "fail"], Query(description="fail: the job ran, and says that it failed.")
]


class Beat(BaseModel):
    """What was kept."""

    job: str
    status: Literal["ok", "fail"]
    at: datetime


class Heart(BaseModel):
    """A job, when it was last heard of, and the address that it may ping without the token."""

    job: str
    last: datetime | None = Field(description="None: not within a week.")
    status: Literal["ok", "fail"] | None
    ping: str = Field(description="Path of the address; whoever knows it can beat for this job.")


def key_of(token: str, tenant: str, job: str) -> str:
    """The key in a job's own address: an HMAC of its name under the API's token."""
    text = f"heartbeat\0{tenant}\0{job}".encode()
    return hmac.new(token.encode(), text, hashlib.sha256).hexdigest()[:_KEY_LENGTH]


@router.post("/{job}", summary="Beat")
def beat(request: Request, job: Job, status: Status = "ok", tenant: Tenant = "default") -> Beat:
    """Say that a job is there; durable when the answer comes."""
    return _kept(request, job, status, tenant)


@router.get("/{job}", summary="See a heartbeat")
def heart(request: Request, job: Job, tenant: Tenant = "default") -> Heart:
    """When a job was last heard of, and its own address."""
    store = cast("Store", request.app.state.store)
    now = store.now()
    matchers = [f'job="{job}"']
    series = store.metrics.reader(tenant).window(METRIC, matchers, now - _REACH, now)
    last = int(series.times.argmax()) if len(series) else None
    path = request.app.url_path_for("ping", job=job, key=key_of(_token(request), tenant, job))
    return Heart(
        job=job,
        last=None if last is None else datetime_of(series.times[last]),
        status=None if last is None else ("ok" if series.values[last] else "fail"),
        ping=str(path) if tenant == "default" else f"{path}?tenant={tenant}",
    )


@by_key.api_route(
    "/{job}/{key}", methods=["GET"], summary="Beat, by a job's own address",
    responses=responses(401),
)  # fmt: skip
def ping(
    request: Request,
    job: Job,
    key: Annotated[str, Path(max_length=100, description="Of this job: see its heartbeat.")],
    status: Status = "ok",
    tenant: Tenant = "default",
) -> Beat:
    """As with the token, for schedulers that can only fetch a URL."""
    wanted = key_of(_token(request), tenant, job)
    if not hmac.compare_digest(wanted.encode(), key.encode("utf-8", "surrogateescape")):
        raise Problem(
            401,
            "unauthorized",
            f"that is not the key of the job {job}",
            hint=f"Ask for it with the token: GET /api/v1/alerts/heartbeats/{job}",
        )
    return _kept(request, job, status, tenant)


def _kept(request: Request, job: str, status: Literal["ok", "fail"], tenant: str) -> Beat:
    store = cast("Store", request.app.state.store)
    at = store.now()
    sample = Sample(name=METRIC, value=float(status == "ok"), labels={"job": job}, at=at)
    store.metrics.add([sample], tenant=tenant)
    return Beat(job=job, status=status, at=at)


def _token(request: Request) -> str:
    return cast("str", request.app.state.token)
