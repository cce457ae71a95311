"""A dashboard that runs, and a browser that looks at it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright

from tests.dashboard.scene import SERVED, Scene
from tests.dashboard.shared_server import PLACE
from tests.prefect_server import ROOT

__all__ = [
    "PATIENCE", "Served", "Shared", "Watched", "open_browser", "open_profile", "row", "serve",
]  # fmt: skip

PATIENCE = 30_000


class Served:
    """A dashboard that is running; `process` is None where others use it too."""

    def __init__(self, url: str, process: subprocess.Popen[bytes] | None) -> None:
        self.url = url
        self.process = process

    def stop(self) -> None:
        assert self.process is not None, "mark the test `own_server`"
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def _chromium() -> str | None:
    """Debian's Chromium where there is one, else Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@contextmanager
def open_browser(playwright: Playwright) -> Generator[Browser]:
    """A browser whose windows know nothing of each other."""
    browser = playwright.chromium.launch(executable_path=_chromium(), args=QUIET)
    yield browser
    browser.close()


@contextmanager
def open_profile(playwright: Playwright, folder: Path) -> Generator[BrowserContext]:
    """A browser that keeps Streamlit's scripts as it has compiled them, from page to page."""
    profile = playwright.chromium.launch_persistent_context(
        folder, executable_path=_chromium(), args=QUIET
    )
    yield profile
    profile.close()


@contextmanager
def serve(scene: Scene, tmp_path: Path, port: int = 0) -> Generator[Served]:
    """The dashboard, started as `sentinel up` starts it; on any free port unless told."""
    environment = {**os.environ, "SENTINEL_DATABASE_URL": scene.url, "SENTINEL_USER": "maria"}
    log = tmp_path / "dashboard.log"
    with _started(["streamlit", "run"], log, environment, port) as served:
        yield served
    assert "Traceback" not in log.read_text()


@contextmanager
def _started(
    command: list[str], log: Path, environment: dict[str, str], port: int = 0
) -> Generator[Served]:
    with socket.create_server(("127.0.0.1", port)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, str(SERVED), "--server.port", str(port)],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
        )
    deadline = time.monotonic() + 120
    try:
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the dashboard did not start"
            try:
                if httpx.get(f"{url}/_stcore/health", trust_env=False).is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield Served(url, process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(20)


class Shared:
    """One dashboard for test after test, each with a database and caches of its own.

    Args:
        folder: its own
    """

    def __init__(self, folder: Path) -> None:
        self._log = folder / "dashboard.log"
        self._stack = ExitStack()
        self._served: Served | None = None

    @contextmanager
    def looking_at(self, scene: Scene) -> Generator[Served]:
        """The dashboard of this process's settings, over the database of `scene`."""
        if self._served is None:
            here = {**os.environ, "PYTHONPATH": str(ROOT)}
            self._served = self._stack.enter_context(
                _started(["tests.dashboard.shared_server"], self._log, here)
            )
        said = self._log.stat().st_size
        chosen = {k: v for k, v in os.environ.items() if k.startswith(("SENTINEL_", "PREFECT_"))}
        chosen |= {"SENTINEL_DATABASE_URL": scene.url, "SENTINEL_USER": "maria"}
        answer = httpx.post(f"{self._served.url}{PLACE}", json=chosen, trust_env=False, timeout=60)
        answer.raise_for_status()
        yield Served(self._served.url, None)
        assert "Traceback" not in self._log.read_bytes()[said:].decode(errors="replace")

    def close(self) -> None:
        """End it."""
        self._stack.close()


def row(page: Page, text: str) -> Locator:
    """The row of the table whose title has this text."""
    return page.locator(".blotter .row", has=page.locator(".title", has_text=text))


class Watched:
    """A page, what it complained of, and what it asked of other hosts.

    Attributes:
        forgiven: words of complaints that are right where the test takes the server away
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.forgiven: tuple[str, ...] = ()
        self._complaints: list[str] = []
        self.outside: list[str] = []
        host = url.removeprefix("http")
        page.on("pageerror", lambda error: self._complaints.append(str(error)))
        page.on(
            "console",
            lambda said: self._complaints.append(said.text) if said.type == "error" else None,
        )
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((f"http{host}", "data:", "blob:"))
                else self.outside.append(asked.url)
            ),
        )

    @property
    def complaints(self) -> list[str]:
        """What it complained of, but for what is forgiven."""
        return [
            said for said in self._complaints if not any(word in said for word in self.forgiven)
        ]

    def loses_its_server(self) -> None:
        """The browser says at any later time that nobody answered, and is right."""
        self.forgiven = (
            "Failed to load resource: ",
            "WebSocket connection to ",
            "Failed to fetch dynamically imported module",  # a widget's, which it had begun to load
            "WebSocket is already in CLOSING or CLOSED state",
            # Streamlit's own, of what it would have sent, and of asking whether it is back
            "when disconnected from server",
            "Client Error in reaching server endpoint",
            "Streamlit server is not responding",
        )
