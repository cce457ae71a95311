"""Processes: started again when they die, and none is left when the processes ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sentinel.errors import SentinelError
from sentinel.up.processes import ProcessGroup, Service, shorten, tail
from tests.waiting import eventually

# Starts a child in a session of its own, as Prefect's worker does with flow runs.
PARENT = """
import subprocess, sys, pathlib, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(600)
"""


def service(tmp_path: Path, code: str, *arguments: str, name: str = "part") -> Service:
    return Service(
        name=name,
        command=[sys.executable, "-c", code, *arguments],
        environment=dict(os.environ),
        log=tmp_path / f"{name}.log",
    )


async def until(what: Callable[[], object], within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not what():
            await asyncio.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_stopping_ends_also_what_a_child_has_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    async def scenario() -> tuple[int, int]:
        processes = ProcessGroup()
        child = processes.start(service(tmp_path, PARENT, str(note)))
        await until(lambda: note.exists() and note.read_text())
        await processes.stop()
        return child.process.pid, int(note.read_text())

    child, grandchild = asyncio.run(scenario())
    assert gone(child)
    eventually(lambda: gone(grandchild), "the grandchild ends")


def test_a_child_that_dies_is_started_again_and_that_is_said(tmp_path: Path) -> None:
    said: list[str] = []

    async def scenario() -> None:
        processes = ProcessGroup(say=said.append)
        first = processes.start(service(tmp_path, "import time; time.sleep(600)", name="worker"))
        watching = asyncio.create_task(processes.watch())
        first.process.kill()
        await until(lambda: processes.children[0].process.pid != first.process.pid)
        assert processes.children[0].runs()
        watching.cancel()
        await processes.stop()

    asyncio.run(scenario())
    assert said[0].startswith("worker ended (killed by SIGKILL) and restarts in 1 s")


def test_a_child_that_does_not_heed_the_signal_is_killed(tmp_path: Path) -> None:
    deaf = "import signal,time; signal.signal(15, signal.SIG_IGN); print('on', flush=True); "
    log = tmp_path / "part.log"

    async def scenario() -> int:
        processes = ProcessGroup()
        made = service(tmp_path, deaf + "time.sleep(600)")
        child = processes.start(replace(made, patience=0.2))
        await until(lambda: "on" in log.read_text())
        await processes.stop()
        return child.process.returncode

    assert asyncio.run(scenario()) == -signal.SIGKILL


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's part, Linux only")
def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    parent = f"""
import asyncio, os, sys, pathlib
from sentinel.up.processes import ProcessGroup, Service
processes = ProcessGroup()
child = processes.start(Service("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"],
                          dict(os.environ), pathlib.Path({str(tmp_path / "log")!r})))
print(child.process.pid, flush=True)
input()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.communicate()
    eventually(lambda: gone(child), "the child ends")


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SentinelError, match="database cannot be started"):
        ProcessGroup().start(Service("database", ["/nowhere/postgres"], {}, tmp_path / "log"))


def test_a_process_that_is_run_to_its_end_gives_its_exit_code(tmp_path: Path) -> None:
    async def scenario() -> int:
        processes = ProcessGroup()
        code = await processes.finish(service(tmp_path, "print('why'); raise SystemExit(3)"))
        assert not processes.children
        return code

    assert asyncio.run(scenario()) == 3
    assert tail(tmp_path / "part.log") == "why"


def test_a_log_that_is_too_long_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("x" * 100)
    shorten(log, limit=50)
    assert log.read_text() == ""
    assert (tmp_path / "a.log.1").read_text() == "x" * 100
