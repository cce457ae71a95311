"""A real Prefect server for tests, and an HTTP receiver that keeps what it is sent.

Tests of one process share the server: mark them `prefect`.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import yaml
from sqlalchemy.engine import make_url

from sentinel.prefect_client.client import PrefectApi
from sentinel.prefect_client.transport import authentication
from tests.databases import database
from tests.waiting import eventually

ROOT = Path(__file__).parent.parent
AnyServer = TypeVar("AnyServer", bound="PrefectServer")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class PrefectServer:
    """A Prefect server of its own.

    Args:
        home: a folder of its own
        database: an address for asyncpg; empty means SQLite in its folder
        login: what it asks every client for, `user:password`; empty means nothing
    """

    def __init__(self, home: Path, database: str = "", login: str = "") -> None:
        self.home = home
        self.login = {"PREFECT_API_AUTH_STRING": login} if login else {}
        self._database = database
        self.log = home / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.api = PrefectApi(self.url, headers=authentication(self.login))
        self._process: subprocess.Popen[bytes] | None = None

    def environ(self, **more: str) -> dict[str, str]:
        """What a process needs to talk to this server, and nothing of the machine's own."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "SENTINEL_"))}
        return {
            **kept,
            "PREFECT_HOME": str(self.home),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": str(ROOT),
            "SENTINEL_ALLOWED_NETWORKS": "127.0.0.0/8",
            "PYTHONTZPATH": "",  # see conftest
            **self.login,
            **more,
        }

    def start(self) -> None:
        """Start it and wait until it answers."""
        own = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": self._database} if self._database else {}
        own |= {f"PREFECT_SERVER_{name[8:]}": login for name, login in self.login.items()}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "prefect", "server", "start", "--no-ui"),
                    *("--host", "127.0.0.1", "--port", str(self.port)),
                ],
                env=self.environ(**own),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(self._answers, "the Prefect server starts", within=120)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-3000:]
        return self.api.healthy()

    def stop(self) -> None:
        """End it; its data stay, so that it can be started again."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(60)
            self._process = None

    def cli(
        self, *arguments: str, cwd: Path = ROOT, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `prefect …` without a terminal, in the repository's root unless told."""
        return subprocess.run(
            [sys.executable, "-m", "prefect", *arguments],
            cwd=cwd,
            env=self.environ(COLUMNS="200", **environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def commands(self, *commands: Sequence[str]) -> list[tuple[int, str]]:
        """Run `prefect …` once for each, one after the other in one process.

        Args:
            commands: the arguments of each

        Returns:
            The exit code of each, and what it printed.
        """
        done = subprocess.run(
            [sys.executable, "-m", "tests.prefect_commands"],
            cwd=ROOT,
            env=self.environ(COLUMNS="200"),
            input=json.dumps(commands),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return [(code, printed) for code, printed in json.loads(done.stdout)]

    def pool(self, name: str = "sentinel") -> None:
        """Make a process work pool of that name, as `prefect work-pool create` does."""
        with httpx.Client(base_url=self.url, headers=authentication(self.login)) as http:
            kinds = http.get("/collections/views/aggregate-worker-metadata").json()["prefect"]
            template = kinds["process"]["default_base_job_configuration"]
            body = {"name": name, "type": "process", "base_job_template": template}
            http.post("/work_pools/", json=body).raise_for_status()

    def deploy(self, folder: Path, *deployments: Mapping[str, Any], cwd: Path = ROOT) -> None:
        """Roll deployments out by the command a user types; runs get a copy of `cwd`."""
        file = folder / f"{secrets.token_hex(4)}.yaml"
        file.write_text(yaml.safe_dump({"name": "test", "deployments": [*map(dict, deployments)]}))
        done = self.cli("--no-prompt", "deploy", "--all", "--prefect-file", str(file), cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def on_postgres(postgres_url: str, made: Callable[[str], AnyServer]) -> Generator[AnyServer]:
    """A Prefect server as long as a block lasts.

    On PostgreSQL, as `make run` has it: on SQLite it answers 503 to whoever writes while another
    does, which every test that does not ask again would then fail for, and slow disks make worse.

    Args:
        postgres_url: of the PostgreSQL that gets one database more
        made: gives the server for the address of its database
    """
    with database(postgres_url) as url:
        address = make_url(url).set(drivername="postgresql+asyncpg")
        server = made(address.render_as_string(hide_password=False))
        server.start()
        try:
            yield server
        finally:
            server.stop()
            server.api.close()


@pytest.fixture(scope="session")
def prefect_server(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> Generator[PrefectServer]:
    """One Prefect server for the whole session, with the work pool `sentinel`."""
    home = tmp_path_factory.mktemp("prefect")
    with on_postgres(postgres_url, lambda database: PrefectServer(home, database)) as server:
        server.pool()
        yield server


@pytest.fixture
def connected(prefect_server: PrefectServer) -> Generator[PrefectServer]:
    """This process's own Prefect client talks to the server."""
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    with temporary_settings(
        updates={PREFECT_API_URL: prefect_server.url, PREFECT_HOME: str(prefect_server.home)}
    ):
        yield prefect_server


class Received:
    """One request as it came over the wire."""

    def __init__(
        self, headers: Mapping[str, str], body: bytes, method: str = "POST", path: str = "/"
    ) -> None:
        self.headers = headers
        self.body = body
        self.method = method
        self.path = path


class Receiver:
    """A real HTTP server that keeps every request and answers what it is told to.

    It hangs up on as many requests as `hangs_up` says, without an answer, and on every request
    before the last `owes` bytes of its body.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Received] = []
        self.answers: list[int] = []
        self.says = b""
        self.replies: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.hangs_up = 0
        self.owes = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                received = Received(dict(self.headers.items()), body, self.command, self.path)
                receiver.requests.append(received)
                if receiver.hangs_up:
                    receiver.hangs_up -= 1
                    self.close_connection = True
                    return
                code = receiver.answers.pop(0) if receiver.answers else 200
                said = receiver.replies.pop(0) if receiver.replies else receiver.says
                self.send_response(code)
                if code in (301, 302, 307, 308):
                    self.send_header("Location", receiver.url + "/elsewhere")
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said) + receiver.owes))
                self.end_headers()
                self.wfile.write(said)

            do_GET = do_PUT = do_PATCH = do_POST  # noqa: N815 - http.server's own names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its own name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            # Handshakes are left to the handlers: one that hangs would keep the server from ending.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Generator[Receiver]:
        """Serve while the block lasts."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join(60)
            self._server.server_close()
            assert not thread.is_alive(), "the server goes on"


@pytest.fixture
def receiver() -> Generator[Receiver]:
    """A real HTTP receiver on a free port."""
    with Receiver().serving() as serving:
        yield serving
