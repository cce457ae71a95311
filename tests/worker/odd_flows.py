"""Flows that do what no flow should, each in its own way. Loaded by workers, by path."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

from prefect import flow


def _stay(until: str, within: float = 600) -> None:
    """Until a file is there."""
    deadline = time.monotonic() + within
    while not Path(until).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(until)
        time.sleep(0.05)


@flow(persist_result=False)
def fine(note: str = "") -> int:
    """Write this process's id."""
    if note:
        Path(note).write_text(str(os.getpid()))
    return os.getpid()


@flow(persist_result=False)
def waits(until: str, note: str = "") -> None:
    """Begin, and go on when told."""
    if note:
        Path(note).write_text(str(os.getpid()))
    _stay(until)


@flow(persist_result=False)
def raises() -> None:
    raise ValueError("as asked")


@flow(persist_result=False)
def exits() -> None:
    sys.exit(3)


@flow(persist_result=False)
def exits_hard() -> None:
    os._exit(7)


@flow(persist_result=False)
def aborts() -> None:
    os.abort()


@flow(persist_result=False)
def segfaults() -> None:
    ctypes.string_at(0)


@flow(persist_result=False)
def hangs(note: str = "") -> None:
    """Hold the interpreter itself, so that no thread of it can do anything."""
    if note:
        Path(note).write_text(str(os.getpid()))
    ctypes.PyDLL(None).sleep(600)


@flow(persist_result=False)
def leaks(megabytes: int) -> None:
    """Use memory, and keep it."""
    _kept.append(b"\x01" * (megabytes * 1_000_000))


_kept: list[bytes] = []


@flow(persist_result=False)
def forks(note: str) -> None:
    """Go on twice, and leave a process behind."""
    left = subprocess.Popen(["sleep", "300"])
    if os.fork() == 0:
        return  # the copy ends the same flow run, were it let
    Path(note).write_text(str(left.pid))


@flow(persist_result=False)
async def gently(until: str = "", note: str = "") -> int:
    """Wait without blocking anybody."""
    if note:
        Path(note).write_text(str(os.getpid()))
    while until and not Path(until).exists():
        await asyncio.sleep(0.05)
    return os.getpid()


@flow(persist_result=False)
async def blocks_the_loop() -> None:
    """Abort the process that others share."""
    await asyncio.sleep(0.2)
    os.abort()


@flow(persist_result=False)
def leaks_more(megabytes: int) -> None:
    """Use memory until somebody ends it."""
    _kept.append(b"\x01" * (megabytes * 1_000_000))
    time.sleep(60)
