"""Build the application: its lifespan, its routers and its error format."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from sentinel.access.client_address import networks_of
from sentinel.api import (
    access,
    access_reviews,
    alert_export,
    alert_routes,
    alertmanager,
    alerts,
    archive,
    audit,
    bounces,
    bulk_actions,
    canaries,
    causes,
    channel_tests,
    channels,
    consumer_keys,
    consumer_self,
    consumers,
    custom_dashboards,
    deliveries,
    digests,
    drills,
    escalations,
    events,
    exposition,
    fatigue,
    health,
    heartbeats,
    inbox,
    incident_work,
    intake,
    introduction,
    keys,
    lifecycle_events,
    limit_sets,
    log_search,
    login,
    message_settings,
    metrics,
    notify_documents,
    oncall,
    oncall_feeds,
    orchestration,
    orchestration_queries,
    orchestration_tables,
    packs,
    pending_changes,
    personal_data,
    policies,
    posted_alerts,
    problems,
    providers,
    receivers,
    remediations,
    reports,
    request_log,
    route_shadow,
    rule_changes,
    rule_drift,
    rule_file_trials,
    rule_files,
    rule_runs,
    rule_trials,
    rules,
    runtime_settings,
    services,
    silence_announcements,
    silences,
    slo_figures,
    slos,
    statistics,
    status_pages,
    stored_events,
    system_log,
    telemetry_bodies,
    telemetry_intake,
    trace_search,
    usage,
    users,
    views,
    web_feeds,
    webhooks,
    why,
)
from sentinel.api.answers import Answers
from sentinel.api.batches import Batches
from sentinel.api.bodies import DESCRIBED
from sentinel.api.dependency_watch import DependencyWatch
from sentinel.api.documentation import documentation_of
from sentinel.api.doors import nagios, opsgenie, pagerduty
from sentinel.api.host_guard import refuse_host
from sentinel.api.intake_queue import IntakeQueue
from sentinel.api.issuer_keys import outside_tokens
from sentinel.api.known_keys import KnownKeys
from sentinel.api.last_intake import IntakeWatch, LastIntake
from sentinel.api.limits import Limits
from sentinel.api.listeners import Listeners
from sentinel.api.log_mining import LogMining
from sentinel.api.needs import describe_needs
from sentinel.api.own_limits import limit_own_api
from sentinel.api.own_requests import log_own_requests
from sentinel.api.own_token import configured_login_key, token
from sentinel.api.parts import describe_parts, offer_parts
from sentinel.api.people import SignedIn
from sentinel.api.prefect_feed import PrefectFeed
from sentinel.api.prompt import KnownRoutes
from sentinel.api.query_names import KnownQuery
from sentinel.api.relay_thread import RelayThread
from sentinel.audit.origin import Origin
from sentinel.engine.log_levels import LogLevelWatch
from sentinel.host_guard import HostGuard
from sentinel.ingest.alertmanager_intake import AlertmanagerIntake
from sentinel.ingest.arrivals import Arrivals
from sentinel.ingest.mappings.catalog import Catalog
from sentinel.ingest.own_logs import OwnLogs
from sentinel.ingest.untimed import UntimedBatches
from sentinel.links import Addresses, allowed_hosts
from sentinel.prefect_client.client import PrefectApi
from sentinel.settings import Settings
from sentinel.settings import settings as settings_of_process
from sentinel.store import Store
from sentinel.store.access.security_log import SecurityLog
from sentinel.store.api_usage.limit_sets import HeldLimitSets
from sentinel.store.events.log_policies import LogPolicies

__all__ = ["create_app"]

DESCRIPTION = """
Alerts and their actions, rules, metrics, events and notifications.

Every path under `/api` requires the header `Authorization: Bearer TOKEN`, with an API key, the
token of a login or that of the instance; a browser sends the cookie of its login instead.
`X-Sentinel-User` names the person who acts. All errors have the same format:
`{"error": {"code", "message", "hint", "field"?, "request_id"}}`.
"""


def create_app(
    settings: Settings | None = None, *, store: Store | None = None, relay: bool = True
) -> FastAPI:
    """Build the application.

    Args:
        settings: the settings; by default those of the process
        store: the database; by default opened from the settings, and closed at shutdown
        relay: run the relay in a thread; it publishes events and stands in for Prefect

    Returns:
        The application, ready to be served.

    Raises:
        ConfigurationError: the token cannot be stored, SENTINEL_LOGIN_KEY is too short, or the
            database URL is invalid
    """
    chosen = settings or settings_of_process()
    configured_login_key(chosen)
    prefect = PrefectApi.of(chosen)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        relay_thread = RelayThread(app.state.store, chosen) if relay else None
        app.state.relay_thread = relay_thread
        if relay_thread is not None:
            relay_thread.start()
        log_levels = LogLevelWatch(app.state.store)
        log_levels.start()
        app.state.log_mining.start()
        app.state.dependency_watch.start()
        app.state.prefect_feed.start(chosen)
        listeners = Listeners()
        await listeners.start(app, chosen)
        own_logs = OwnLogs.of(
            chosen, app.state.store, "sentinel-api", lambda: app.state.log_mining.wake(chosen)
        )
        app.state.posted_alerts.start()
        security = app.state.security = SecurityLog(app.state.store)
        app.state.people.record_in(security)
        try:
            yield
        finally:
            log_levels.stop()
            if relay_thread is not None:
                relay_thread.stop()
            prefect.close()
            await listeners.close()
            # Not on the event loop: whoever waits for an answer is to get it.
            await run_in_threadpool(app.state.prefect_feed.close)
            await run_in_threadpool(app.state.batches.close)
            await run_in_threadpool(app.state.answers.close)
            await run_in_threadpool(app.state.arrivals.close)
            await run_in_threadpool(app.state.posted_alerts.close)
            await run_in_threadpool(app.state.metrics_queue.close)
            await run_in_threadpool(app.state.intake_queue.close)
            if own_requests is not None:
                await run_in_threadpool(own_requests.close)
            await run_in_threadpool(app.state.log_mining.close)
            await run_in_threadpool(app.state.dependency_watch.close)
            if own_logs is not None:  # after what says something about its end
                await run_in_threadpool(own_logs.close)
            app.state.keys.close()
            await run_in_threadpool(app.state.last_intake.close)
            if app.state.outside is not None:
                app.state.outside.close()
            app.state.people.close()
            await run_in_threadpool(security.close)
            if store is None:
                app.state.store.close()

    app = _Application(
        title="Sentinel",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.settings = chosen
    app.state.token = token(chosen)
    app.state.store = store or Store.of(chosen, origin=Origin("api", "token"))
    app.state.answers = Answers(app.state.store)
    app.state.batches = Batches(app.state.store)
    app.state.limit_sets = HeldLimitSets(app.state.store)
    app.state.known_lists = alerts.KnownLists()
    app.state.arrivals = Arrivals(app.state.store)
    app.state.posted_alerts = AlertmanagerIntake(app.state.store)
    app.state.began = app.state.store.now()
    app.state.intake_queue = IntakeQueue()
    app.state.mappings = Catalog(chosen.mappings)
    app.state.log_mining = LogMining(app.state.store)
    app.state.dependency_watch = DependencyWatch(app.state.store)
    app.state.log_policies = LogPolicies(app.state.store)
    app.state.untimed = UntimedBatches()
    wake = app.state.log_mining.wake
    app.state.prefect_feed = PrefectFeed(
        app.state.store, app.state.log_policies, wake, app.state.dependency_watch.wake
    )
    app.state.metrics_queue = IntakeQueue()
    app.state.keys = KnownKeys(app.state.store)
    app.state.last_intake = LastIntake(app.state.store)
    app.state.outside = outside_tokens(chosen, app.state.store)
    app.state.people = SignedIn(app.state.store, chosen)
    app.state.people.has_key()
    app.state.security = None  # until it is served
    app.state.trusted_proxies = networks_of(chosen.trusted_proxies)
    app.state.addresses = Addresses.of(chosen)
    app.state.relay_thread = None
    app.state.prefect_healthy = prefect.healthy
    app.state.runs_waiting = lambda: prefect.waiting_runs(chosen.work_pool, app.state.store.now())
    problems.install(app)
    pending_changes.install(app)
    limit_own_api(
        app, chosen.api_limits, app.state.store, app.state.trusted_proxies,
        chosen.limits_redis_url.get_secret_value(),
    )  # fmt: skip
    app.add_middleware(
        HostGuard,
        allowed=allowed_hosts(chosen, socket.gethostname()),
        refusal=refuse_host,
    )
    app.add_middleware(IntakeWatch, last_intake=lambda: app.state.last_intake)
    app.add_middleware(Limits)
    own_requests = log_own_requests(app, chosen, app.state.trusted_proxies)

    api = APIRouter(prefix="/api/v1/alerts", dependencies=[access.Trusted, KnownQuery])
    for noun in (
        access_reviews, alert_export, alert_routes, archive, route_shadow, alerts, bulk_actions,
        audit, bounces, channels, custom_dashboards, events, heartbeats, inbox, keys, login,
        message_settings, silence_announcements, metrics, notify_documents, digests, oncall,
        orchestration, orchestration_queries, orchestration_tables,
        oncall_feeds, canaries, drills, escalations, fatigue, packs, pending_changes, personal_data,
        policies, providers, receivers, remediations, causes, reports, channel_tests, deliveries,
        rules, rule_trials, rule_changes, rule_drift, rule_file_trials, rule_files, rule_runs,
        silences, statistics, system_log, users, views, webhooks, why,
    ):  # fmt: skip
        api.include_router(_for_callers(noun.router))
    api.include_router(_for_callers(posted_alerts.steps), prefix="/alerts")
    api.include_router(_for_callers(health.within))
    api.include_router(_for_callers(causes.correlated))
    api.include_router(_for_callers(notify_documents.owners))
    api.include_router(_for_callers(message_settings.channels))
    describe_needs(webhooks.older.routes)
    api.include_router(webhooks.older)
    app.include_router(api)
    guarded = [access.Trusted, KnownQuery]
    for figures in (statistics.router, fatigue.router):
        app.include_router(_for_callers(figures), prefix="/api/alerts", dependencies=guarded)
    for prefix in ("/api/v1/alerts", "/api/alerts"):
        # After the others: some of its paths begin with the id of an alert.
        for router in (posted_alerts.router, posted_alerts.steps):
            app.include_router(_for_callers(router), prefix=prefix, dependencies=guarded)
    # The same as below the noun, for who leaves it out.
    app.include_router(
        _for_callers(causes.router), prefix="/api/v1", dependencies=guarded,
        include_in_schema=False,
    )  # fmt: skip
    app.include_router(webhooks.older, dependencies=guarded)
    # The token of a consumer opens these alone. Before /consumers/{account_id}.
    app.include_router(
        _for_callers(consumer_self.router), prefix="/api/v1", dependencies=[KnownQuery]
    )
    for older in (
        web_feeds.router, events.batches, lifecycle_events.router, lifecycle_events.destinations,
        stored_events.router, runtime_settings.router, services.router, status_pages.router,
        consumer_keys.router, consumers.router, limit_sets.router, limit_sets.decisions,
        request_log.router, usage.router,
    ):  # fmt: skip
        app.include_router(_for_callers(older), prefix="/api/v1", dependencies=guarded)
    for router in (
        telemetry_intake.router, telemetry_bodies.router, opsgenie.router, exposition.router
    ):  # fmt: skip
        app.include_router(_for_callers(router), dependencies=guarded)
    for router in (
        log_search.router, trace_search.router, slos.router, slo_figures.router,
        *incident_work.routers,
    ):  # fmt: skip
        prepared = _for_callers(router)
        app.include_router(prepared, prefix="/api", dependencies=guarded)
        # The same, described once.
        app.include_router(
            prepared, prefix="/api/v1", dependencies=guarded, include_in_schema=False
        )
    # The key is where the vendor can put it.
    app.include_router(
        _for_callers(intake.router), prefix="/api/v1", dependencies=[intake.Keyed, KnownQuery]
    )
    for router in (nagios.icinga, nagios.lines):
        app.include_router(_for_callers(router), dependencies=guarded)
    # The key is in the body.
    app.include_router(_for_callers(nagios.nrdp), dependencies=[nagios.Tokened, KnownQuery])
    app.include_router(_for_callers(pagerduty.router), dependencies=[pagerduty.Routed, KnownQuery])
    app.include_router(_for_callers(alertmanager.router), dependencies=[access.Trusted])
    app.include_router(_for_callers(alertmanager.health))
    # Nobody is logged in before.
    app.include_router(
        _for_callers(login.entrance), prefix="/api/v1/alerts", dependencies=[KnownQuery]
    )
    # Its path contains a key.
    app.include_router(_for_callers(heartbeats.by_key), dependencies=[KnownQuery])
    for probe in (health.probe, introduction.router):
        app.include_router(_for_callers(probe), dependencies=[KnownQuery])
    open_here = [Depends(access.local_or_trusted), KnownQuery]
    app.include_router(_for_callers(health.router), dependencies=open_here)
    for router in (introduction.pages, documentation_of(app)):
        app.include_router(_for_callers(router), dependencies=open_here)
    app.router.middleware_stack = KnownRoutes(app.router.middleware_stack)
    app.mount("/docs/static", StaticFiles(directory=Path(__file__).parent / "static"))
    return app


class _Application(FastAPI):
    """Describes the bodies that routes read themselves, too."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        document = super().openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in DESCRIBED.items():
            schemas.setdefault(name, schema)
        problems.describe_refusals(document)
        describe_parts(document)
        return document


def _for_callers(router: APIRouter) -> APIRouter:
    """Prepare the descriptions of routes for callers: without sections for readers of the code.

    Args:
        router: whose routes declare what they need

    Returns:
        The same router.
    """
    describe_needs(router.routes)
    offer_parts(router.routes)
    for route in router.routes:
        if isinstance(route, APIRoute):
            route.description = re.split(r"\n(?:Returns|Raises):\n", route.description)[0].rstrip()
    return router
