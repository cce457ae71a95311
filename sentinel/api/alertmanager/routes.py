"""The routes of Alertmanager's API v2.

Its OpenAPI document describes them
(https://github.com/prometheus/alertmanager/blob/v0.25.0/api/v2/openapi.yaml), so Sentinel's does
not.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.alertmanager.replies import Refusal, ReplyRoute, reply, silence_refusal
from sentinel.api.bodies import Body
from sentinel.api.needs import needs, public
from sentinel.api.problems import Problem
from sentinel.api.scoped import WholeTenant, within
from sentinel.errors import SentinelError
from sentinel.ingest.alertmanager_answers import (
    BadFilter,
    Wanted,
    alerts_of,
    filters_of,
    groups_of,
    id_of,
    moment_of,
    shown_id,
    silence_of,
    silences_of,
    wanted,
)
from sentinel.ingest.alertmanager_config import configuration_of
from sentinel.ingest.alertmanager_intake import AlertmanagerIntake, resolve_timeout
from sentinel.ingest.alertmanager_posts import PostRefused, posts_of
from sentinel.ingest.alertmanager_silences import read_silence
from sentinel.store.access.within import OfTenant
from sentinel.store.alerts.posted_batches import rule_facts
from sentinel.store.alerts.posted_listing import PostedAlert, posted_alerts
from sentinel.store.notifications.posted_silences import post_silence
from sentinel.store.notifications.routes import Routes

__all__ = ["health", "router"]

PREFIX = "/alertmanager"
VERSION = "0.25.0"
"""The version of Alertmanager whose API this is."""
router = APIRouter(prefix=f"{PREFIX}/api/v2", route_class=ReplyRoute, include_in_schema=False)
health = APIRouter(prefix=f"{PREFIX}/-", include_in_schema=False)
_MOST_SILENCES = 10_000


async def _intake(request: Request) -> AlertmanagerIntake:
    return cast("AlertmanagerIntake", request.app.state.posted_alerts)


Intake = Annotated[AlertmanagerIntake, Depends(_intake)]


def _json_only(request: Request) -> None:
    """Refuse a body of another type, as Alertmanager does.

    Raises:
        Refusal: 415
    """
    given = request.headers.get("content-type", "application/octet-stream")
    if given.partition(";")[0].strip().lower() != "application/json":
        message = f'unsupported media type "{given[:100]}", only [application/json] are allowed'
        raise Refusal(415, {"code": 415, "message": message})


@router.post("/alerts")
@needs(Permission.RESPOND, "webhooks", confined=True)
async def post_alerts(
    request: Request, body: Body, tenant: WholeTenant, intake: Intake
) -> Response:
    """Take alerts, which are durable when the answer comes."""
    _json_only(request)
    return await run_in_threadpool(_posted, tenant, intake, body)


def _posted(tenant: OfTenant, intake: AlertmanagerIntake, body: bytes) -> Response:
    with tenant.store.glance() as connection:
        rule = rule_facts(connection, tenant.name)
    if rule is not None and not rule.enabled:
        raise Problem(
            503, "disabled", "the rule 'alertmanager' is disabled, so nothing was stored",
            hint="Enable it with: sentinel rule enable alertmanager",
        )  # fmt: skip
    timeout = resolve_timeout(None if rule is None else rule.spec)
    try:
        posts, wrong = posts_of(body, tenant.store.now(), timeout)
    except PostRefused as error:
        return reply(error.payload, error.status)
    if posts:
        intake.add(tenant.name, posts)
    return reply("; ".join(wrong), 400) if wrong else reply()


@router.get("/alerts")
@needs(Permission.READ, "alerts", confined=True)
def list_alerts(request: Request, tenant: WholeTenant, intake: Intake) -> Response:
    """Return the alerts that fire and match."""
    asked = _wanted(request)
    return reply(alerts_of(_current(tenant, intake), asked))


@router.get("/alerts/groups")
@needs(Permission.READ, "alerts", confined=True)
def list_groups(request: Request, tenant: WholeTenant, intake: Intake) -> Response:
    """Return the groups of the alerts that fire and match."""
    asked = _wanted(request)
    return reply(groups_of(_current(tenant, intake), asked))


def _wanted(request: Request) -> Wanted:
    try:
        return wanted(request.query_params.multi_items())
    except BadFilter as error:
        raise Refusal(400, str(error)) from None


def _current(tenant: OfTenant, intake: AlertmanagerIntake) -> list[PostedAlert]:
    intake.settle(tenant.name)
    return posted_alerts(tenant.store, tenant.name)


@router.get("/silences")
@needs(Permission.READ, "silences", confined=True)
def list_silences(request: Request, tenant: WholeTenant) -> Response:
    """Return the silences whose matchers match."""
    try:
        filters = filters_of(request.query_params.multi_items())
    except BadFilter as error:
        raise Refusal(400, str(error)) from None
    store = within(request)
    found = store.silences(_MOST_SILENCES, None, ended=True, tenant=tenant.name, rule="")
    return reply(silences_of(found, filters, tenant.store.now()))


@router.post("/silences")
@needs(Permission.RESPOND, "silences", confined=True)
def put_silence(request: Request, body: Body, tenant: WholeTenant, who: Acting) -> Response:
    """Make a silence, or change the one whose id is given."""
    _json_only(request)
    try:
        posted = read_silence(body, tenant.store.now())
        made = post_silence(
            tenant.store, posted, tenant=tenant.name, actor=_actor(posted.author, who.name),
            scope=within(request).scope,
        )  # fmt: skip
    except PostRefused as error:
        raise Refusal(error.status, error.payload) from None
    except SentinelError as error:
        raise silence_refusal(error) from None
    return reply({"silenceID": shown_id(made)})


def _actor(author: str, key: str) -> str:
    return f"{author} via {key}" if author and author != key else key


@router.get("/silence/{silence_id}")
@needs(Permission.READ, "silences", confined=True)
def get_silence(request: Request, silence_id: str, tenant: WholeTenant) -> Response:
    """Return one silence, also one that is over."""
    id_ = _id(silence_id)
    try:
        found = within(request).silence(id_)
    except SentinelError:
        return reply(None, 404)
    shown = silence_of(found, tenant.store.now())
    if shown is None or found.tenant != tenant.name:
        return reply(None, 404)
    return reply(shown)


@router.delete("/silence/{silence_id}")
@needs(Permission.RESPOND, "silences", confined=True)
def expire_silence(request: Request, silence_id: str, tenant: WholeTenant, who: Acting) -> Response:
    """End a silence; one that is over stays as it is."""
    id_ = _id(silence_id)
    store = within(request)
    try:
        found = store.silence(id_)
    except SentinelError:
        raise Refusal(404, "silence not found") from None
    if found.tenant != tenant.name:
        raise Refusal(404, "silence not found")
    if found.ended_at is None and found.until > tenant.store.now():
        store.end_silence(found, actor=who.name)
    return reply()


def _id(given: str) -> str:
    found = id_of(given)
    if found is None:
        message = f'silenceID in path must be of type uuid: "{given[:100]}"'
        raise Refusal(422, {"code": 601, "message": message})
    return found


@router.get("/receivers")
@needs(Permission.READ, "receivers", confined=True)
def list_receivers(request: Request, tenant: WholeTenant) -> Response:
    """Return the names of the receivers."""
    return reply([{"name": name} for name in _receivers(request, tenant)])


def _receivers(request: Request, tenant: OfTenant) -> list[str]:
    """Return all receivers; for who is confined, those of its alerts."""
    if within(request).scope.is_everything:
        return sorted({"default", *tenant.store.receivers.all()})
    alerts = posted_alerts(tenant.store, tenant.name)
    return sorted(
        {"default", *(name for one in alerts for group in one.groups for name in group.receivers)}
    )


@router.get("/status")
@needs(Permission.READ, "receivers", confined=True)
def status(request: Request, tenant: WholeTenant) -> Response:
    """Return the version, the configuration and the cluster; no routes to who is confined."""
    store = tenant.store
    with store.read() as connection:
        rule = rule_facts(connection, tenant.name)
    tree = Routes(store).tree() if within(request).scope.is_everything else None
    text = configuration_of(
        None if tree is None else tree.document, _receivers(request, tenant),
        resolve_timeout(None if rule is None else rule.spec),
    )  # fmt: skip
    began: datetime = request.app.state.began
    return reply(
        {
            "cluster": {"name": "", "peers": [], "status": "disabled"},
            "config": {"original": text},
            "uptime": moment_of(began),
            "versionInfo": {
                "branch": "sentinel", "buildDate": "", "buildUser": "", "goVersion": "",
                "revision": "sentinel", "version": VERSION,
            },
        }
    )  # fmt: skip


@health.get("/healthy")
@health.head("/healthy")
@public("health", "says only that the process answers, which Alertmanager tells everybody")
async def healthy() -> Response:
    """Say that the process answers."""
    return Response("OK", media_type="text/plain")


@health.get("/ready")
@health.head("/ready")
@public("health", "says only that alerts are taken, which Alertmanager tells everybody")
def ready(request: Request) -> Response:
    """Say that alerts are taken: the database answers."""
    with request.app.state.store.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    return Response("OK", media_type="text/plain")
