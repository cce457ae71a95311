"""Runs the agent: one thread collects, one takes syslog, one sends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

from sentinel.agent.buffer import Buffer
from sentinel.agent.config import AgentConfig, length_of
from sentinel.agent.host import METRICS, Sample, body_of_samples, host_samples
from sentinel.agent.sending import Sender, connection_of, token_of
from sentinel.agent.syslog import AgentSyslog
from sentinel.agent.tail import Tail
from sentinel.clock import Clock
from sentinel.errors import ConfigurationError

__all__ = ["Collector", "run_agent"]

log = logging.getLogger(__name__)

_BETWEEN, _CLOSING = 1.0, 10.0
_FILE = "the configuration"


class Collector:
    """Puts lines of files and metrics of the host into the buffer.

    Args:
        config: of the agent
        buffer: takes them
        samples: reads the metrics of the host
    """

    def __init__(
        self,
        config: AgentConfig,
        buffer: Buffer,
        samples: Callable[[], Iterator[Sample]] = host_samples,
    ) -> None:
        self._config = config
        self._buffer = buffer
        self._samples = samples
        self._tails = [Tail(one, buffer, config.host) for one in config.files]
        self._measured_at: datetime | None = None

    def step(self, now: datetime) -> None:
        """Read what is there to read.

        Args:
            now: the present moment
        """
        if self._config.metrics is not None:
            every = length_of(self._config.metrics.every, "metrics.every", _FILE)
            if self._measured_at is None or now - self._measured_at >= every:
                self._measured_at = now
                self._measure(now)
        for tail in self._tails:
            tail.read(now)

    def _measure(self, now: datetime) -> None:
        body, number = body_of_samples(self._all_samples(), self._config.host, now)
        if not self._buffer.put(METRICS, body, number):
            self._buffer.count("dropped", number)

    def _all_samples(self) -> Iterator[Sample]:
        yield from self._samples()
        counts = self._buffer.counts()
        yield "agent.buffer", "By", float(self._buffer.bytes), {}
        for what in ("dropped", "refused"):
            yield f"agent.{what}", "{record}", float(counts.get(what, 0)), {}

    def close(self) -> None:
        """Close the files."""
        for tail in self._tails:
            tail.close()


def run_agent(config: AgentConfig, clock: Clock, stop: Event) -> None:
    """Collect and send until `stop` is set; what was not sent waits on disk for the next start.

    Args:
        config: what to do
        clock: gives the present moment
        stop: ends it

    Raises:
        ConfigurationError: the token, the state or the port of syslog cannot be used
        RuntimeError: a thread ended by itself; the cause is in the log
    """
    token_of(config)
    with connection_of(config) as http:
        buffer = Buffer(Path(config.state), config.most_bytes)
        collector = Collector(config, buffer)
        sender = Sender(config, buffer, http)
        failed = Event()
        try:
            works = [
                lambda: _collect(collector, clock, stop),
                lambda: _send(config, sender, clock, stop),
            ]
            syslog = _syslog_of(config, buffer)
            if syslog is not None:
                works.append(lambda: _take(syslog, clock, stop))
            threads = [Thread(target=_guarded, args=(work, stop, failed)) for work in works]
            for thread in threads:
                thread.daemon = True  # a request that hangs does not hold up the end
                thread.start()
            log.info("the agent of %s sends to %s", config.host, config.url)
            stop.wait()
            for thread in threads:
                thread.join(_CLOSING)
            if syslog is not None:
                syslog.close()
        finally:
            collector.close()
            buffer.close()
        if failed.is_set():
            raise RuntimeError("the agent ended by an error, which is in its log")


def _guarded(work: Callable[[], None], stop: Event, failed: Event) -> None:
    """Do the work of a thread; if it fails, the whole process ends and is started again."""
    try:
        work()
    except Exception:
        if stop.is_set():  # what it needs may be closed already
            log.warning("a thread did not end in time", exc_info=True)
        else:
            failed.set()
            log.exception("the agent ends")
    finally:
        stop.set()


def _collect(collector: Collector, clock: Clock, stop: Event) -> None:
    while not stop.is_set():
        collector.step(clock.now())
        stop.wait(_BETWEEN)


def _send(config: AgentConfig, sender: Sender, clock: Clock, stop: Event) -> None:
    heartbeat = config.heartbeat
    every = None if heartbeat is None else length_of(heartbeat.every, "heartbeat.every", _FILE)
    while not stop.is_set():
        if every is not None:
            sender.beat(every, clock.now())
        if not sender.send(clock.now()):
            stop.wait(_BETWEEN)


def _take(syslog: AgentSyslog, clock: Clock, stop: Event) -> None:
    while not stop.is_set():
        syslog.serve(_BETWEEN / 2, clock.now)
        stop.wait(0.05)  # so that one batch has what comes together


def _syslog_of(config: AgentConfig, buffer: Buffer) -> AgentSyslog | None:
    if config.syslog is None:
        return None
    try:
        return AgentSyslog(config.syslog, buffer, config.host)
    except OSError as error:
        where = f"{config.syslog.host}:{config.syslog.port}"
        raise ConfigurationError(
            f"syslog: {where} cannot be used: {error.strerror or error}",
            hint="Name another port; below 1024 is for root alone.",
        ) from None
