"""Heartbeats: a job reports over HTTP that it runs; the trigger `heartbeat` fires if it stops.

A heartbeat is a sample of the metric `heartbeat` with the label `job`: 1 for success, 0 if the job
reports a failure. Besides the API's token, each job has a URL with its own key, for schedulers that
can only fetch a URL; the key allows heartbeats of that job and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Tenant
from sentinel.api.needs import needs, public
from sentinel.api.problems import Problem, responses
from sentinel.api.scoped import WholeTenant, without_principal
from sentinel.metrics import Sample
from sentinel.metrics.moments import datetime_of
from sentinel.store.access.within import OfTenant

__all__ = ["METRIC", "by_key", "key_of", "router"]

METRIC = "heartbeat"
_KEY_LENGTH = 32
_REACH = timedelta(days=7)

router = APIRouter(prefix="/heartbeats", tags=["heartbeats"])
by_key = APIRouter(prefix="/ping", tags=["heartbeats"])
_BY_URL = "Send a heartbeat by the job's own URL"

Job = Annotated[
    str,
    Path(pattern="^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$", description="Name of the job."),
]
Status = Annotated[Literal["ok", "fail"], Query(description="fail: the job ran and failed.")]


class Beat(BaseModel):
    """The heartbeat as stored."""

    job: str
    status: Literal["ok", "fail"]
    at: datetime


class Heart(BaseModel):
    """A job, its last heartbeat, and the URL that it may fetch without the token."""

    job: str
    last: datetime | None = Field(
        description="Time of the last heartbeat; null: none within a week."
    )
    status: Literal["ok", "fail"] | None
    ping: str | None = Field(
        description="Path of the URL; whoever knows it can send heartbeats of this job. "
        "null: you may not."
    )


def key_of(token: str, tenant: str, job: str) -> str:
    """Return the key in a job's URL: an HMAC-SHA256 of its name with the API's token, shortened."""
    text = f"heartbeat\0{tenant}\0{job}".encode()
    return hmac.new(token.encode(), text, hashlib.sha256).hexdigest()[:_KEY_LENGTH]


@router.post("/{job}", summary="Send a heartbeat", responses=responses())
@needs(Permission.RESPOND, "heartbeats", confined=True)
def beat(job: Job, tenant: WholeTenant, status: Status = "ok") -> Beat:
    """Store a heartbeat of a job. It is durable when the response arrives."""
    return _kept(job, status, tenant)


@router.get("/{job}", summary="Read the last heartbeat", responses=responses())
@needs(Permission.READ, "heartbeats", confined=True)
def heart(request: Request, job: Job, who: Acting, tenant: WholeTenant) -> Heart:
    """Return the last heartbeat of a job, and to whoever may send one the job's own URL."""
    now = tenant.store.now()
    matchers = [f'job="{job}"']
    series = tenant.reader().window(METRIC, matchers, now - _REACH, now)
    last = int(series.times.argmax()) if len(series) else None
    ping: str | None = None
    if who.allows(Permission.RESPOND, tenant.name):
        key = key_of(_token(request), tenant.name, job)
        ping = str(request.app.url_path_for("ping", job=job, key=key))
        if tenant.name != "default":
            ping += f"?tenant={tenant.name}"
    return Heart(
        job=job,
        last=None if last is None else datetime_of(series.times[last]),
        status=None if last is None else ("ok" if series.values[last] else "fail"),
        ping=ping,
    )


@by_key.head("/{job}/{key}", summary=_BY_URL, responses=responses(401))
@by_key.post("/{job}/{key}", summary=_BY_URL, responses=responses(401))
@by_key.get("/{job}/{key}", summary=_BY_URL, responses=responses(401))
@public("heartbeats", "the path contains the key of one job")
def ping(
    request: Request,
    job: Job,
    key: Annotated[
        str, Path(max_length=100, description="Key of this job; reading its heartbeat returns it.")
    ],
    status: Status = "ok",
    tenant: Tenant = "default",
) -> Beat:
    """Store a heartbeat without the token, for schedulers that can only fetch a URL.

    GET, POST and HEAD do the same, since schedulers differ; a body is ignored.

    Returns:
        The heartbeat as stored.

    Raises:
        Problem: 401 for a wrong key
    """
    wanted = key_of(_token(request), tenant, job)
    if not hmac.compare_digest(wanted.encode(), key.encode("utf-8", "surrogateescape")):
        raise Problem(
            401,
            "unauthorized",
            f"the key of the job {job} is wrong",
            hint=f"Read it with the token: GET /api/v1/alerts/heartbeats/{job}",
        )
    return _kept(job, status, without_principal(request, tenant))


def _kept(job: str, status: Literal["ok", "fail"], tenant: OfTenant) -> Beat:
    at = tenant.store.now()
    sample = Sample(name=METRIC, value=float(status == "ok"), labels={"job": job}, at=at)
    tenant.metrics.add([sample], tenant=tenant.name)
    return Beat(job=job, status=status, at=at)


def _token(request: Request) -> str:
    return cast("str", request.app.state.token)
