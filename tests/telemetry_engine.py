"""One telemetry store for all tests that need one, emptied between them.

It is the embedded one or, where `SENTINEL_TEST_CLICKHOUSE_URL` names it, a database of a real
ClickHouse, such as `http://default:PASSWORD@127.0.0.1:8123/sentinel_test`. Its name begins with
`sentinel_test`, since its tables are emptied; what needs the embedded process is skipped.

The process costs seconds and hundreds of megabytes: conftest keeps these tests on one worker.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from sentinel.errors import TelemetryUnavailable
from sentinel.settings import Settings
from sentinel.store.telemetry.client import TelemetryClient, place_of, telemetry_client
from sentinel.up.ports import any_free
from tests.waiting import eventually

URL = "SENTINEL_TEST_CLICKHOUSE_URL"
"""Names a ClickHouse that the tests may use."""
TABLES = (
    "logs", "spans", "trace_times", "refused", "log_patterns", "log_mined", "log_templates",
    "log_anomalies",    "requests", "usage_by_endpoint", "usage_by_consumer",
)  # fmt: skip


class EngineProcess:
    """The process, which a test may kill and start again on the same folder and port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backups = folder.with_name("telemetry-backups")
        self.port = any_free()
        self.log = folder.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        # As in production, connections wait for the process from the first moment.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(32)
        environment = {
            **os.environ,
            "SENTINEL_TELEMETRY_PASSWORD": "writes",
            "SENTINEL_TELEMETRY_READ_PASSWORD": "reads",
        }
        command = [sys.executable, "-m", "sentinel.telemetry_server", str(self.folder)]
        with self.log.open("ab") as output, listener:
            self._process = subprocess.Popen(
                [*command, "--fd", str(listener.fileno()), "--memory", "900000000",
                 "--backups", str(self.backups)],
                env=environment, pass_fds=(listener.fileno(),),
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(60)

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)

    def ready(self) -> None:
        """Wait until it answers; on a busy machine it starts slowly, and a request waits 5 s."""

        def answers(client: TelemetryClient) -> bool:
            assert self._process is not None
            code = self._process.poll()
            assert code is None, f"it ended with {code}:\n{self.log.read_text()[-2000:]}"
            try:
                client.prepare()
            except TelemetryUnavailable:
                return False
            return True

        for write in (True, False):
            client = telemetry_client(self.settings, write=write)
            eventually(lambda client=client: answers(client), "the telemetry store answers", 180)

    @property
    def settings(self) -> Settings:
        return Settings(
            telemetry_url=SecretStr(f"http://sentinel:writes@127.0.0.1:{self.port}"),
            telemetry_read_url=SecretStr(f"http://reader:reads@127.0.0.1:{self.port}"),
        )


class ServerElsewhere:
    """A ClickHouse that somebody runs, in place of our process."""

    def __init__(self, url: str) -> None:
        name = place_of(url).database
        if not name.startswith("sentinel_test"):
            raise pytest.UsageError(
                f"{URL} names the database {name}: its tables are emptied, so it must begin with "
                "sentinel_test"
            )
        self.settings = Settings(telemetry_url=SecretStr(url))

    def __getattr__(self, name: str) -> Any:
        pytest.skip(f"the embedded telemetry store alone has `{name}`")


@pytest.fixture(scope="session")
def telemetry_engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[EngineProcess]:
    """The process, its schema migrated; tests use `telemetry` or `telemetry_settings`."""
    if url := os.environ.get(URL):
        server = ServerElsewhere(url)
        with _prepared(server.settings):
            yield cast("EngineProcess", server)
        return
    engine = EngineProcess(tmp_path_factory.mktemp("telemetry") / "store")
    engine.start()
    try:
        engine.ready()
        with _prepared(engine.settings):
            yield engine
    finally:
        engine.stop()


@contextmanager
def _prepared(settings: Settings) -> Generator[None]:
    """A schema without what costs time and no test looks at, until the clients are closed."""
    client = telemetry_client(settings, write=True)
    try:
        for table in TABLES:  # what no test looks at costs most of the time
            client.command(
                f"ALTER TABLE {table} MODIFY SETTING fsync_after_insert = 0, "
                "fsync_part_directory = 0"
            )
        # An intake waits 5 seconds for its client, which sets first how long rows are kept: two
        # changes of each table, which take longer on a busy machine.
        with closing(telemetry_client(settings, write=True, retain=True, wait=180)) as first:
            first.prepare()
        yield
    finally:
        for write, retain in ((True, True), (True, False), (False, False)):
            telemetry_client(settings, write=write, retain=retain).close()


@pytest.fixture
def telemetry_settings(telemetry_engine: EngineProcess) -> Generator[Settings]:
    """Settings that name an empty telemetry store."""
    yield telemetry_engine.settings
    client = telemetry_client(telemetry_engine.settings, write=True)
    used = "SELECT name FROM system.tables WHERE database = {database:String} AND total_rows > 0"
    for row in client.rows(used, {"database": client.place.database}):
        if row["name"] in TABLES:
            client.command(f"TRUNCATE TABLE {row['name']}")


@pytest.fixture
def telemetry(telemetry_settings: Settings) -> TelemetryClient:
    """An empty telemetry store, to write to and to read from."""
    return telemetry_client(telemetry_settings, write=True)
