"""The order in which the product starts, runs and stops."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import httpx

from sentinel.errors import DatabaseError, PrefectUnreachable, SentinelError
from sentinel.links import host_in_url
from sentinel.settings import Settings, kept_file, set_by
from sentinel.store import Store
from sentinel.up import services
from sentinel.up.channels import sync_channels
from sentinel.up.console import StartScreen
from sentinel.up.exposure import warn_of_open_dashboard
from sentinel.up.first_alert import announce_first_alert
from sentinel.up.home import Home
from sentinel.up.instance import Instance, ProcessIdentity
from sentinel.up.own_reports import keep_reporting
from sentinel.up.plan import PREFECT_LOGIN, TOKEN, Options, Plan, make_plan
from sentinel.up.postgres import Postgres, PostgresUnusable
from sentinel.up.processes import Child, ProcessGroup, tail
from sentinel.up.rules import RULES, Rules
from sentinel.up.setup import Setup
from sentinel.up.start_log import log_start
from sentinel.up.telemetry import TelemetrySocket

__all__ = ["up"]

log = logging.getLogger(__name__)

DATABASE, SCHEMA, PREFECT, WORKER, API, DASHBOARD, PUBLIC = (
    "Database",
    "Tables",
    "Prefect",
    "Worker",
    "API and relay",
    "Dashboard",
    "Public pages",
)
_PATIENCE_SECONDS = 180.0
"""How long one service may take to answer; the first migration is slow on a busy machine."""
_CLOSING = "Sentinel is running. Ctrl-C stops it; the data stays."


def up(settings: Settings, options: Options, screen: StartScreen) -> int:
    """Start everything, run until asked to stop, then stop everything.

    Args:
        settings: of this process
        options: of the command line
        screen: the terminal that shows progress

    Returns:
        The exit code of the command.

    Raises:
        SentinelError: a service cannot start; every service that was started has been stopped
    """
    if settings.oidc_issuer:
        from sentinel.api.issuer_keys import checked_terms  # its libraries take a while to import

        checked_terms(settings)
    home = Home(settings.resolved_home())
    home.prepare()
    with Instance(home) as instance, screen:
        return asyncio.run(Start(make_plan(settings, options), instance, screen).run())


class Start:
    """One start, from the plan to the last process stopped."""

    def __init__(self, plan: Plan, instance: Instance, screen: StartScreen) -> None:
        self._plan = plan
        self._home = plan.home
        self._instance = instance
        self._screen = screen
        self._processes = ProcessGroup(changed=self._note, say=screen.say)
        self._stopping = asyncio.Event()
        self._database_url = ""
        self._database_text = ""
        self._environment: dict[str, str] = {}
        self._telemetry: TelemetrySocket | None = None
        self._ready_parts = 0
        # Asked before a rule may run: an alert often opens before all else is ready.
        self._had_alerts = False

    async def run(self) -> int:
        """Everything; see `up`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop)
        starting = asyncio.create_task(self._start())
        asked = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                return 0
            starting.result()
            watching = asyncio.create_task(self._processes.watch())
            first = asyncio.create_task(self._announce())
            own = asyncio.create_task(
                keep_reporting(self._plan.settings, self._environment, self._home)
            )
            await asyncio.wait({watching, asked}, return_when=asyncio.FIRST_COMPLETED)
            for task in (watching, first, own):
                task.cancel()
            if not asked.done():
                watching.result()
            return 0
        except BaseExceptionGroup as errors:
            # Not `except*`: Python 3.11 before 3.11.4 wraps even one error raised in it anew.
            ours = errors.split(SentinelError)[0]
            if ours is None:
                raise
            raise _first(ours) from None
        finally:
            asked.cancel()
            starting.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await starting
            await self._stop()

    def _asked_to_stop(self) -> None:
        if self._stopping.is_set():  # asked again: the person cannot wait
            self._processes.kill()
        self._stopping.set()

    async def _start(self) -> None:
        public = (PUBLIC,) if self._plan.public_port else ()
        for name in (DATABASE, SCHEMA, PREFECT, RULES, WORKER, API, DASHBOARD, *public):
            self._screen.step(name, "waits")
        await self._database()
        self._environment = self._plan.environment(self._database_url)
        self._instance.write(
            environment=self._plan.shared(self._database_url), places=self._places()
        )
        if self._plan.telemetry_port:
            self._telemetry = TelemetrySocket(
                self._plan.telemetry_port,
                partial(services.telemetry, self._plan, self._environment),
                self._processes,
            )
            self._telemetry.listen()
        async with asyncio.TaskGroup() as group:
            prefect = group.create_task(self._prefect())
            tables = group.create_task(self._tables())
            pool = group.create_task(self._pool(prefect))
            rules = group.create_task(self._rules().start(tables, pool))
            group.create_task(self._channels(rules))
            group.create_task(self._worker(tables, pool))
            group.create_task(self._api(tables))
            group.create_task(self._dashboard(tables))
            if public:
                group.create_task(self._public_pages(tables))
        self._instance.write(ready=True)
        await asyncio.to_thread(log_start, self._database_url)
        await asyncio.to_thread(
            warn_of_open_dashboard, self._plan.settings, self._database_url, self._screen.say
        )
        self._screen.places(self._places(), _CLOSING)

    async def _database(self) -> None:
        plan = self._plan
        self._screen.step(DATABASE, "starts")
        server: Postgres | None = None
        if plan.wants_postgres:
            try:
                server = await self._postgres()
            except PostgresUnusable as error:
                if plan.settings.database == "postgresql" or Postgres.has_data(self._home):
                    raise
                self._screen.say(f"Using SQLite, since {error.message}.")
        if plan.given_database:
            self._database_url = plan.given_database
            self._database_text = f"given: {_without_password(plan.given_database)}"
        elif server is not None:
            self._database_url = server.address("sentinel")
            self._database_text = f"PostgreSQL on 127.0.0.1:{server.port}, {server.folder}"
        else:
            if Postgres.has_data(self._home):
                self._screen.say(
                    "Using SQLite as asked. Data of earlier starts stays in PostgreSQL."
                )
            self._database_url = f"sqlite:///{self._home.closed_sqlite()}"
            self._database_text = f"SQLite, {self._home.sqlite}"
        self._prefect_database = (
            plan.given_prefect_database
            or (server.address("prefect", driver="asyncpg") if server else "")
            or services.sqlite_of_prefect(self._home)
        )
        self._screen.step(DATABASE, "ready", self._database_text)

    async def _postgres(self) -> Postgres:
        server = Postgres(self._home, self._plan.postgres_port)
        await asyncio.to_thread(server.prepare)
        child = self._processes.start(server.service(self._plan.environment("")))
        await asyncio.to_thread(server.wait, child.runs)
        return server

    async def _tables(self) -> None:
        self._screen.step(SCHEMA, "starts")
        await asyncio.to_thread(self._migrate)
        self._screen.step(SCHEMA, "ready")

    def _migrate(self) -> None:
        store = Store(self._database_url)
        try:
            store.migrate()
            self._had_alerts = bool(store.alerts.page(limit=1).items)
        except DatabaseError as error:
            if self._plan.given_database and not error.hint:
                raise type(error)(error.message, hint="See SENTINEL_DATABASE_URL.") from error
            raise
        finally:
            store.close()

    async def _prefect(self) -> None:
        plan = self._plan
        if plan.given_prefect:
            self._screen.step(PREFECT, "starts", f"asking {plan.given_prefect}")
            with self._setup() as setup:
                if not await asyncio.to_thread(setup.healthy):
                    where = set_by("prefect_api_url") or str(kept_file(plan.home.root))
                    raise PrefectUnreachable(
                        f"Prefect at {plan.given_prefect} ({where}) does not answer, or "
                        "refuses the credentials",
                        hint=f"Start that server or correct {where}. Sentinel starts a "
                        "server of its own where no address is set.",
                    )
            self._screen.step(PREFECT, "ready", f"given: {plan.given_prefect}")
            return
        self._screen.step(PREFECT, "starts", "the first start takes a few seconds longer")
        child = self._processes.start(
            services.prefect_server(plan, self._environment, self._prefect_database)
        )
        await self._until(lambda: _answers(f"{plan.prefect_api}/health"), child, PREFECT)
        self._screen.step(PREFECT, "ready", plan.prefect_ui)

    async def _pool(self, prefect: Awaitable[None]) -> None:
        await prefect
        with self._setup() as setup:
            name = self._plan.settings.work_pool
            made = await asyncio.to_thread(setup.ensure_pool, name)
            if not made and (said := await asyncio.to_thread(setup.oddity, name)):
                self._screen.say(said)

    async def _worker(self, tables: Awaitable[None], pool: Awaitable[None]) -> None:
        await tables
        self._screen.step(WORKER, "starts")
        child = self._processes.start(services.worker(self._plan, self._environment))
        await pool
        with self._setup() as setup:

            async def polls() -> bool:
                try:
                    found = await asyncio.to_thread(setup.pool, self._plan.settings.work_pool)
                except PrefectUnreachable:  # busy for a moment
                    return False
                return found is not None and found.get("status") == "READY"

            await self._until(polls, child, WORKER)
        self._screen.step(
            WORKER, "ready", f"sentinel worker on pool {self._plan.settings.work_pool}"
        )

    async def _api(self, tables: Awaitable[None]) -> None:
        await tables
        self._screen.step(API, "starts")
        child = self._processes.start(services.api(self._plan, self._environment))
        await self._until(lambda: _answers(f"{self._plan.api}/health"), child, API)
        self._screen.step(API, "ready", f"{self._plan.api}/docs")

    async def _public_pages(self, tables: Awaitable[None]) -> None:
        await tables
        self._screen.step(PUBLIC, "starts")
        child = self._processes.start(services.public_pages(self._plan, self._environment))
        await self._until(lambda: _answers(f"{self._plan.public_pages}/health"), child, PUBLIC)
        self._screen.step(PUBLIC, "ready", self._plan.public_pages)

    async def _dashboard(self, tables: Awaitable[None]) -> None:
        await tables
        self._screen.step(DASHBOARD, "starts")
        child = self._processes.start(services.dashboard(self._plan, self._environment))
        # Not the address for people: that may lead over a proxy, which asks for a login.
        host = host_in_url(self._plan.settings.dashboard_host)
        scheme = self._plan.settings.scheme
        health = f"{scheme}://{host}:{self._plan.dashboard_port}/_stcore/health"
        await self._until(lambda: _answers(health), child, DASHBOARD)
        self._screen.step(DASHBOARD, "ready", self._plan.dashboard)

    async def _until(self, answers: Callable[[], Awaitable[bool]], child: Child, name: str) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not await answers():
                    if not child.runs():
                        self._screen.step(name, "failed")
                        raise SentinelError(
                            f"{name} ended while it was starting: {tail(child.service.log, 3)}",
                            hint=f"See {child.service.log}.",
                        )
                    await asyncio.sleep(0.15)
        except TimeoutError:
            self._screen.step(name, "failed")
            raise SentinelError(
                f"{name} does not answer after {_PATIENCE_SECONDS:.0f} s",
                hint=f"See {child.service.log}.",
            ) from None

    async def _announce(self) -> None:
        if self._plan.options.demo and not self._had_alerts:
            await announce_first_alert(self._plan, self._database_url, self._screen)

    async def _stop(self) -> None:
        if self._telemetry is not None:
            self._telemetry.close()
        if not self._processes.children:
            return
        self._screen.settle()
        self._screen.say("Stopping …")
        # Those that write first, then what they write to.
        for together in (
            ("rollout", "worker", "api", "dashboard", "public-pages"),
            ("prefect", "telemetry"),
            ("database",),
        ):
            await self._processes.stop_together(together)
        await self._processes.stop()
        self._screen.say("Stopped. The next start continues with the same data.")

    def _rules(self) -> Rules:
        return Rules(self._plan, self._environment, self._processes, self._screen, self._setup)

    async def _channels(self, rules: Awaitable[None]) -> None:
        await sync_channels(self._plan, self._environment, self._processes, self._screen, rules)

    def _setup(self) -> Setup:
        plan = self._plan
        chosen = plan.settings.model_copy(update={"prefect_api_url": plan.prefect_api})
        return Setup.of(chosen, self._environment)

    def _places(self) -> dict[str, str]:
        plan = self._plan
        token = self._home.root / TOKEN
        return {
            DASHBOARD: plan.dashboard,
            **({PUBLIC: plan.public_pages} if plan.public_port else {}),
            "Prefect UI": plan.prefect_ui,
            **self._prefect_login(),
            "API": f"{plan.api}/docs",
            "API token": "SENTINEL_API_TOKEN"
            if plan.settings.api_token.get_secret_value()
            else str(token),
            DATABASE: self._database_text,
            WORKER: f"sentinel worker on pool {plan.settings.work_pool}",
            "Logs": str(self._home.logs),
        }

    def _prefect_login(self) -> dict[str, str]:
        """Say where the text is that Prefect's UI asks for; nothing where Prefect is given."""
        if self._plan.given_prefect:
            return {}
        if self._plan.given_login:
            return {"Prefect login": "PREFECT_SERVER_API_AUTH_STRING"}
        return {"Prefect login": str(self._home.root / PREFECT_LOGIN)}

    def _note(self, children: list[ProcessIdentity]) -> None:
        self._instance.write(children=children)


async def _answers(url: str) -> bool:
    try:
        # The certificate is for the name that people use, and nothing secret is sent.
        async with httpx.AsyncClient(timeout=3, verify=False) as client:  # noqa: S501
            # 503 with a body is an answer too: health by component.
            return (await client.get(url)).status_code in (200, 503)
    except httpx.HTTPError:
        return False


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)


def _first(errors: BaseExceptionGroup[SentinelError]) -> SentinelError:
    for error in errors.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    raise AssertionError("an empty group of errors")
