"""Looks whether a configuration of the agent works here: files, ports, key, what the API says."""

from __future__ import annotations

import errno
import glob
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import msgspec

from sentinel.agent.buffer import is_in_use
from sentinel.agent.config import AgentConfig, SyslogPort
from sentinel.agent.host import METRICS
from sentinel.agent.sending import HEARTBEATS, connection_of, job_of, token_of
from sentinel.agent.syslog import sockets_of
from sentinel.agent.tail import LOGS
from sentinel.errors import SentinelError
from sentinel.printable import counted

__all__ = ["Finding", "check_agent"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at; `ok` is false where the agent would not work."""

    what: str
    ok: bool
    says: str


class _Heart(msgspec.Struct):
    ping: str | None


def check_agent(config: AgentConfig) -> Iterator[Finding]:
    """Look at what a configuration names; nothing is sent or stored.

    Args:
        config: that can be read

    Yields:
        What was found, good and bad.
    """
    yield from _token(config)
    yield _state(config)
    for one in config.files:
        yield _files(one.path)
    if config.syslog is not None:
        yield _syslog(config.syslog, Path(config.state))
    yield from _answers(config)


def _token(config: AgentConfig) -> Iterator[Finding]:
    try:
        token_of(config)
    except SentinelError as error:
        yield Finding("token_file", False, str(error))
        return
    mode = stat.S_IMODE(Path(config.token_file).stat().st_mode)
    shared = mode & 0o077
    says = f"others may read it (mode {mode:03o}): chmod 600" if shared & 0o007 else "is read"
    yield Finding("token_file", not shared & 0o007, says)


def _state(config: AgentConfig) -> Finding:
    folder = Path(config.state)
    nearest = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    ok = nearest.is_dir() and os.access(nearest, os.W_OK)
    says = "can be written" if ok else f"{nearest} cannot be written by this user"
    return Finding("state", ok, f"{folder}: {says}")


def _files(pattern: str) -> Finding:
    found = sorted(glob.glob(pattern))  # noqa: PTH207 - an absolute pattern
    unreadable = [path for path in found if not os.access(path, os.R_OK)]
    if unreadable:
        return Finding("files", False, f"this user cannot read {unreadable[0]}")
    says = f"{counted(len(found), 'file')}" if found else "no files yet"
    return Finding("files", True, f"{pattern}: {says}")


def _syslog(port: SyslogPort, state: Path) -> Finding:
    """Listen for a moment, where no agent does so already."""
    where = f"{port.host}:{port.port}"
    try:
        for one in sockets_of(port):
            one.close()
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        if taken and is_in_use(state):
            return Finding("syslog", True, f"{where}: in use, as an agent with this state runs")
        low = "; below 1024 is for root alone" if error.errno == errno.EACCES else ""
        says = os.strerror(error.errno) if error.errno else str(error)
        return Finding("syslog", False, f"{where} cannot be used: {says}{low}")
    return Finding("syslog", True, f"{where}: free, for UDP and TCP")


def _answers(config: AgentConfig) -> Iterator[Finding]:
    """Ask the API by empty batches, which store nothing."""
    paths = [METRICS] if config.metrics is not None else []
    paths += [LOGS] if config.files or config.syslog is not None else []
    try:
        with connection_of(config) as http:
            headers = {"Authorization": f"Bearer {token_of(config)}"}
            for path in paths:
                answer = http.post(path, content=b"[]", headers=headers)
                ok = answer.status_code == 200
                says = "takes what the agent sends" if ok else f"{answer.status_code} {answer.text}"
                yield Finding("url", ok, f"{config.url}{path}: {says[:300]}")
            if config.heartbeat is not None:
                yield _heartbeat(config, http, headers)
    except httpx.HTTPError as error:
        says = f"{config.url} does not answer: {error or type(error).__name__}"
        yield Finding("url", False, says)
    except SentinelError as error:
        yield Finding("url", False, str(error))


def _heartbeat(config: AgentConfig, http: httpx.Client, headers: Mapping[str, str]) -> Finding:
    """Ask for the last heartbeat, since one has no empty form: who may send it gets its URL."""
    path = HEARTBEATS + job_of(config)
    answer = http.get(path, headers=headers)
    if answer.status_code != 200:
        return Finding(
            "url", False, f"{config.url}{path}: {answer.status_code} {answer.text}"[:400]
        )
    try:
        may_send = bool(msgspec.json.decode(answer.content, type=_Heart).ping)
    except msgspec.DecodeError:
        return Finding("url", False, f"{config.url}{path}: answers otherwise than Sentinel's API")
    says = "takes heartbeats" if may_send else "the key may read heartbeats and not send them"
    return Finding("url", may_send, f"{config.url}{path}: {says}")
