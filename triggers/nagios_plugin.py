"""What plugins of Nagios and Icinga see."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Annotated

from pydantic import Field

from sentinel import Reading, trigger
from sentinel.checks.plugin_output import STATES, PluginOutput, read_output
from sentinel.errors import TriggerError
from sentinel.settings import settings

_SEVERITY = {"warning": "warning", "critical": "critical"}
_MOST_BYTES = 65_536
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "SYSTEMROOT")
"""Variables that a plugin is given: the worker's own hold secrets."""
Argument = Annotated[str, Field(max_length=2_000)]


@trigger(category="system", backtest=False)
def nagios_plugin(
    plugin: Annotated[str, Field(min_length=1, max_length=200)],
    arguments: Annotated[list[Argument], Field(max_length=100)] = [],  # noqa: B006 - a form
    check: Annotated[str, Field(max_length=200)] = "",
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 30,
) -> Iterator[Reading]:
    """What a plugin of Nagios or Icinga sees: OK, WARNING or CRITICAL.

    WARNING and CRITICAL fire with that severity. UNKNOWN, a plugin that cannot be run and one that
    takes too long are errors of the check, which keep the state. Each value of the performance data
    is a series of its own, which never fires.

    Args:
        plugin: a program in one of the folders of SENTINEL_PLUGIN_FOLDERS, such as check_http
        arguments: its arguments, one per item; no shell reads them
        check: the label `check` of the alert; the plugin's name unless given
        timeout_seconds: how long it may take

    Yields:
        A reading with the label `check`, and one for each performance value with the label
        `metric`, too.

    Raises:
        TriggerError: the plugin cannot be run, took too long, or said UNKNOWN
    """
    code, output = _run([str(_program(plugin)), *arguments], timeout_seconds)
    said = read_output(output)
    state = STATES.get(code, "unknown")
    text = said.text or f"{plugin} said nothing"
    if state == "unknown":
        raise TriggerError(f"{plugin} ended with {code}: {text[:500]}")
    labels = {"check": check or plugin}
    yield Reading(
        labels=labels,
        firing=state != "ok",
        severity=_SEVERITY.get(state),
        summary=text[:1000],
        details={"state": state, "output": said.more[:4000], **_unread(said)},
    )
    for one in said.metrics:
        if one.value is not None:
            yield Reading(
                labels={**labels, "metric": one.name[:200]},
                value=one.value,
                firing=False,
                details={"unit": one.unit},
            )


def _unread(said: PluginOutput) -> dict[str, str]:
    return {"unread performance data": " ".join(said.unread)[:1000]} if said.unread else {}


def _program(plugin: str) -> Path:
    """Return the program of a plugin, which lies directly in one of the allowed folders."""
    folders = [Path(one.strip()) for one in settings().plugin_folders.split(",") if one.strip()]
    if Path(plugin).name != plugin:
        raise TriggerError(
            f"{plugin} is a path", hint="Name a program in a folder of SENTINEL_PLUGIN_FOLDERS."
        )
    for folder in folders:
        program = folder / plugin
        if program.is_file() and os.access(program, os.X_OK):
            return program
    places = ", ".join(map(str, folders)) or "no folder"
    raise TriggerError(
        f"there is no program {plugin} in {places}",
        hint="Install the plugins on every host with a worker, or set SENTINEL_PLUGIN_FOLDERS.",
    )


def _run(command: list[str], seconds: float) -> tuple[int, str]:
    """Run a plugin, and return its exit code and the beginning of what it printed.

    It is a process group of its own, so that what it has started ends with it.

    Args:
        command: the program and its arguments
        seconds: how long it may take

    Returns:
        The exit code, and at most 64 KiB of standard output and standard error.

    Raises:
        TriggerError: it cannot be run, or took too long
    """
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    deadline = time.monotonic() + seconds
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell; the program is in an allowed folder
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise TriggerError(f"{command[0]} cannot be run: {error.strerror}") from None
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    timer = Timer(seconds, _end, (process,))
    timer.start()
    try:
        with process.stdout as printed:
            output = printed.read(_MOST_BYTES)
            while printed.read(_MOST_BYTES):
                pass  # what is too much is not kept, and a full pipe does not stop the plugin
        code = process.wait()
    finally:
        timer.cancel()
        _end(process)
        process.wait()
    if code < 0 and time.monotonic() >= deadline:
        raise TriggerError(f"{Path(command[0]).name} took longer than {seconds:g} s")
    return code, output.decode("utf-8", "replace").replace("\0", "")


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):  # all of it has ended
        os.killpg(process.pid, signal.SIGKILL)
