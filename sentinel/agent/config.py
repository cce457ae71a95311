"""The configuration of the agent: YAML, read whole, with errors that name what is wrong. Pure."""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from sentinel.duration import parse_duration
from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded
from sentinel.tenant import checked_tenant

__all__ = [
    "AgentConfig", "Heartbeat", "HostMetrics", "SyslogPort", "TailedFiles", "config_of",
    "length_of",
]  # fmt: skip

_HINT = "Begin with `url: https://sentinel.example.com`, `token_file:` and `state:`."
_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_SIZE = re.compile(r"(\d{1,12}) ?(KB|MB|GB)?", re.IGNORECASE)
_LEAST_BUFFER, _LEAST_EVERY = 10**6, timedelta(seconds=5)


class TailedFiles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files whose lines are sent.

    Attributes:
        path: absolute, with `*`, `?` and `[...]` in its last part and in its folders
        service: of the lines
        format: `text`, or `json` for an object in each line
        start: where files begin that are there when the agent looks for the first time
    """

    path: str
    service: str = ""
    format: Literal["text", "json"] = "text"
    start: Literal["beginning", "end"] = "end"


class HostMetrics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Metrics of the host, read `every` so often."""

    every: str = "30s"


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A heartbeat of the agent itself; its job is the host's name where none is given."""

    job: str = ""
    every: str = "1m"


class SyslogPort(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the agent takes syslog, UDP and TCP; it knows no keys."""

    port: int
    host: str = "127.0.0.1"
    service: str = ""


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the agent does.

    Attributes:
        url: of the API
        token_file: file with an API key of the role responder
        state: folder of the buffer and of the positions in files
        tenant: that everything is sent to; empty for that of the key
        host: this machine's name in `host.name`
        buffer: most bytes that wait on disk, such as `256MB`
        ca_file: certificates that the API's is checked with; empty for those of the system
        metrics, heartbeat, syslog: None where there is none
        files: whose lines are sent
    """

    url: str
    token_file: str
    state: str
    tenant: str = ""
    host: str = ""
    buffer: str = "256MB"
    ca_file: str = ""
    metrics: HostMetrics | None = None
    heartbeat: Heartbeat | None = None
    syslog: SyslogPort | None = None
    files: list[TailedFiles] = []

    @property
    def most_bytes(self) -> int:
        """Bytes that may wait on disk."""
        found = _SIZE.fullmatch(self.buffer.strip())
        return int(found[1]) * _UNITS[(found[2] or "").lower()] if found else 0


def config_of(text: str, where: str) -> AgentConfig:
    """Read a configuration.

    Args:
        text: YAML
        where: what errors call it

    Returns:
        The configuration, with this machine's name where none is given.

    Raises:
        ConfigurationError: it cannot be used; the message names the field
    """
    given = loaded(text, where, _HINT)
    try:
        found = msgspec.convert(given, AgentConfig)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$.")
        at = f"{place.rstrip('`')}: " if place else ""
        raise ConfigurationError(f"{where}: {at}{what}", hint=_HINT) from None
    host = found.host or socket.gethostname()
    found = msgspec.structs.replace(found, host=host)
    _check(found, where)
    return found


def length_of(every: str, field: str, where: str) -> timedelta:
    """Return a length of time such as `30s`.

    Args:
        every: as it is written
        field: that has it
        where: what errors call the configuration

    Returns:
        The length.

    Raises:
        ConfigurationError: it is none, or shorter than five seconds
    """
    try:
        found = parse_duration(every)
    except ValueError as error:
        raise ConfigurationError(f"{where}: {field}: {error}") from None
    if found < _LEAST_EVERY:
        raise ConfigurationError(f"{where}: {field}: {every} is shorter than 5s")
    return found


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna")  # as the name is looked up
    except ValueError:  # of which UnicodeError is one
        return False
    is_http = parts.scheme in ("http", "https") and bool(host) and port != 0
    more = parts.username or parts.path.strip("/") or parts.query or parts.fragment
    return is_http and not more and not re.search(rb"\s", host)


def _check(found: AgentConfig, where: str) -> None:
    def wrong(field: str, why: str, hint: str = "") -> ConfigurationError:
        return ConfigurationError(f"{where}: {field}: {why}", hint=hint)

    if not _is_address(found.url):
        hint = "Write it as https://sentinel.example.com:8400."
        raise wrong("url", f"{found.url!r:.80} is no address of an API", hint)
    if found.tenant:
        checked_tenant(found.tenant)
    if found.most_bytes < _LEAST_BUFFER:
        raise wrong("buffer", f"{found.buffer!r:.40} is no size of 1MB or more", "Such as 256MB.")
    for index, one in enumerate(found.files):
        if not one.path.startswith("/"):
            raise wrong(f"files[{index}].path", f"{one.path!r:.80} does not begin with /")
    if found.metrics is not None:
        length_of(found.metrics.every, "metrics.every", where)
    if found.heartbeat is not None:
        length_of(found.heartbeat.every, "heartbeat.every", where)
        job = found.heartbeat.job or found.host
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", job):
            raise wrong("heartbeat.job", f"{job!r:.80} is no name of a job", "Such as web-1.")
    if found.syslog is not None and not 0 < found.syslog.port < 65_536:
        raise wrong("syslog.port", f"{found.syslog.port} is no port")
    if not (found.metrics or found.heartbeat or found.syslog or found.files):
        raise wrong(
            "files", "there is nothing to send",
            "Name `files`, `metrics`, `heartbeat` or `syslog`.",
        )  # fmt: skip
