"""Sends what waits in the buffer, and heartbeats, to the API."""

from __future__ import annotations

import gzip
import logging
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

import httpx
import msgspec

from sentinel.agent.buffer import Buffer
from sentinel.agent.config import AgentConfig
from sentinel.agent.host import METRICS
from sentinel.agent.tail import LOGS
from sentinel.errors import ConfigurationError
from sentinel.settings.secret_file import read_secret_file

__all__ = [
    "HEARTBEATS",
    "PATHS",
    "Decision",
    "Sender",
    "connection_of",
    "decide",
    "job_of",
    "token_of",
]

log = logging.getLogger(__name__)

PATHS: tuple[str, ...] = (METRICS, LOGS)
"""Paths of the API, each with a queue of its own: samples need no telemetry store."""
HEARTBEATS = "/api/v1/alerts/heartbeats/"
_LONGEST, _LONGEST_ASKED = 60.0, 3_600.0
_NEVER = frozenset({400, 409, 413, 415, 422})
"""Answers that come again with the same bytes."""
_SECONDS = 30.0


class Decision(msgspec.Struct, frozen=True):
    """What becomes of a batch: it is `sent`, `refused` for good, or sent `again` after seconds."""

    kind: Literal["sent", "refused", "again"]
    seconds: float = 0.0


def decide(status: int, retry_after: str, failures: int, now: datetime) -> Decision:
    """Return what an answer means.

    Args:
        status: of HTTP; 0 where no answer came
        retry_after: the header, as seconds or as a date of HTTP; empty without
        failures: of this batch before, one after the other
        now: the present moment

    Returns:
        The decision. A wrong key or address is mended by somebody: the batch is kept.
    """
    if 200 <= status < 300:
        return Decision("sent")
    if status in _NEVER:
        return Decision("refused")
    asked = _seconds_of(retry_after, now)
    if asked is not None:
        return Decision("again", min(asked, _LONGEST_ASKED))
    return Decision("again", min(_LONGEST, 2.0 ** min(failures, 10)))


def _seconds_of(text: str, now: datetime) -> float | None:
    if text.isdecimal():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(0.0, (at - now).total_seconds())


def job_of(config: AgentConfig) -> str:
    """Return the job of the agent's own heartbeats: the host's name where none is given."""
    return (config.heartbeat.job if config.heartbeat else "") or config.host


def token_of(config: AgentConfig) -> str:
    """Return the key in its file.

    Returns:
        The key.

    Raises:
        ConfigurationError: the file cannot be read
    """
    return read_secret_file("token_file", Path(config.token_file))


def connection_of(config: AgentConfig) -> httpx.Client:
    """Return a connection to the API.

    Args:
        config: of the agent

    Returns:
        The connection, to be closed.

    Raises:
        ConfigurationError: `ca_file` cannot be used
    """
    verify: ssl.SSLContext | bool = True
    if config.ca_file:
        try:
            verify = ssl.create_default_context(cafile=config.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"ca_file: {config.ca_file} cannot be used: {error}") from None
    asked = {"tenant": config.tenant} if config.tenant else {}
    return httpx.Client(base_url=config.url, params=asked, verify=verify, timeout=_SECONDS)


class _Answer(msgspec.Struct, frozen=True):
    """An answer: its status, what it says, `Retry-After`, and how many records it names."""

    status: int
    said: str
    retry_after: str = ""
    wrong: int = 0


class Sender:
    """Sends batches in their order, those of each path by themselves.

    Args:
        config: of the agent
        buffer: what waits
        http: a connection to the API
    """

    def __init__(self, config: AgentConfig, buffer: Buffer, http: httpx.Client) -> None:
        self._config = config
        self._buffer = buffer
        self._http = http
        self._token = ""
        self._failures: dict[str, int] = dict.fromkeys(PATHS, 0)
        self._not_before: dict[str, datetime] = {}
        self._beat_at: datetime | None = None

    def send(self, now: datetime) -> bool:
        """Send the oldest batch of each path whose time has come.

        Args:
            now: the present moment

        Returns:
            Whether something was sent, so that the next may be.
        """
        sent = [self._send_one(path, now) for path in PATHS]  # of each, whatever another says
        return any(sent)

    def beat(self, every: timedelta, now: datetime) -> bool:
        """Send a heartbeat if one is due; one that fails is not sent later.

        Args:
            every: how often
            now: the present moment

        Returns:
            Whether it arrived.
        """
        if self._beat_at is not None and now < self._beat_at:
            return False
        self._beat_at = now + every
        job = job_of(self._config)
        answer = self._asked(HEARTBEATS + job, b"")
        if answer.status != 200:
            log.warning("the heartbeat of %s was not taken: %s", job, answer.said)
        return answer.status == 200

    def _send_one(self, path: str, now: datetime) -> bool:
        if now < self._not_before.get(path, now):
            return False
        batch = self._buffer.first(path)
        if batch is None:
            return False
        answer = self._asked(path, batch.body)
        found = decide(answer.status, answer.retry_after, self._failures[path], now)
        if found.kind == "again":
            self._failures[path] += 1
            self._not_before[path] = now + timedelta(seconds=found.seconds)
            if self._failures[path] in (1, 10, 100) or self._failures[path] % 1000 == 0:
                log.warning("a batch waits, %d bytes in all: %s", self._buffer.bytes, answer.said)
            return False
        if self._failures[path]:
            log.info("batches for %s are taken again", path)
        self._failures[path] = 0
        self._not_before.pop(path, None)
        refused = 0
        if found.kind == "refused":  # the API stores the records that it does not name
            refused = min(batch.records, answer.wrong or batch.records)
            log.warning("%d of %d records are refused: %s", refused, batch.records, answer.said)
        self._buffer.done(batch, refused)
        return True

    def _asked(self, path: str, body: bytes) -> _Answer:
        """Send a request; what prevents an answer is one of status 0."""
        try:
            self._token = self._token or token_of(self._config)
            headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
            if path == LOGS:
                headers["Content-Encoding"] = "gzip"
                body = gzip.compress(body, 1, mtime=0)
            answer = self._http.post(path, content=body, headers=headers)
        except ConfigurationError as error:
            return _Answer(0, str(error))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said = f"{self._config.url} does not answer: {error or type(error).__name__}"
            return _Answer(0, said)
        if answer.status_code in (401, 403):
            self._token = ""  # the file may have a new one
        return _Answer(
            answer.status_code,
            f"{answer.status_code} {answer.text[:300]}",
            answer.headers.get("Retry-After", ""),
            _wrong_of(answer) if answer.status_code == 422 else 0,
        )


class _Error(msgspec.Struct):
    errors: list[msgspec.Raw] = []


class _Refusal(msgspec.Struct):
    error: _Error


def _wrong_of(answer: httpx.Response) -> int:
    """Return how many records an answer names; 0 where it names none."""
    try:
        return len(msgspec.json.decode(answer.content, type=_Refusal).error.errors)
    except msgspec.DecodeError:
        return 0
