"""Start a flow run of a rule now, and follow it until it ends: here, or over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import actor, open_store, settings_here
from sentinel.duration import format_duration
from sentinel.errors import DatabaseError, SentinelError
from sentinel.prefect_client.client import PrefectApi
from sentinel.rollout.rule_runs import RuleRun, run_of, start_run

if TYPE_CHECKING:
    from sentinel.client.rule_runs import RuleRun as Answered

__all__ = ["follow", "start"]

_TERMINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}
_POLL_SECONDS = 0.5


def start(
    rule: str, *, tenant: str = "", report: Callable[[str], None] | None = None
) -> RuleRun:  # fmt: skip
    """Start a flow run of the rule's deployment.

    Args:
        rule: name of the rule
        tenant: whose the rule must be; empty for any, and over HTTP for `default`
        report: called with a sentence about the start, if given

    Returns:
        The flow run as it was started.

    Raises:
        NotFound: Prefect has no deployment of the rule, or it is of another tenant
        PrefectUnreachable: Prefect's API does not answer
        DatabaseUnreachable: over HTTP, Sentinel's or Prefect's API does not answer
    """
    run = _started_there(rule, tenant) if remote_url() else _started_here(rule, tenant)
    if report is not None:
        report(f"Started {run.name}: {run.url}")
    return run


def follow(
    run: RuleRun,
    patience: timedelta,
    *,
    tenant: str = "",
    report: Callable[[str], None] | None = None,
) -> RuleRun:
    """Poll a flow run until it reaches a terminal state.

    Args:
        run: the flow run, as started
        patience: the longest time to wait
        tenant: as it was given to `start`
        report: called with a sentence about each new state, if given

    Returns:
        The flow run in its terminal state.

    Raises:
        SentinelError: the run did not end within `patience`; it continues on its own
        PrefectUnreachable: Prefect's API does not answer
    """
    until = time.monotonic() + patience.total_seconds()
    last = ""
    with _reading(run, tenant) as read:
        while True:
            now = read()
            line = f"{now.name} is {now.state}" + (f": {now.message}" if now.message else "")
            if report is not None and line != last:
                report(line)
            last = line
            if now.type in _TERMINAL:
                return now
            if time.monotonic() > until:
                raise SentinelError(
                    f"the run {now.name} is still {now.state} after {format_duration(patience)}",
                    hint=f"It continues if a worker polls its work pool: {now.url}",
                )
            time.sleep(_POLL_SECONDS)


def _started_here(rule: str, tenant: str) -> RuleRun:
    with PrefectApi.of(settings_here()) as prefect:
        try:
            with open_store() as store:
                return start_run(prefect, rule, tenant=tenant, store=store, actor=actor())
        except DatabaseError:  # it says what it found once the database answers
            return start_run(prefect, rule, tenant=tenant, store=None, actor=actor())


def _started_there(rule: str, tenant: str) -> RuleRun:
    from sentinel.cli.remote import client_here
    from sentinel.client import rule_runs

    with client_here() as client:
        return _of(client.do(rule_runs.start(rule, tenant=tenant or "default")))


@contextmanager
def _reading(run: RuleRun, tenant: str) -> Generator[Callable[[], RuleRun]]:
    """Yield what reads the run again."""
    if not remote_url():
        with PrefectApi.of(settings_here()) as prefect:
            yield lambda: run_of(prefect, run.rule, run.flow_run_id)
        return
    from sentinel.cli.remote import client_here
    from sentinel.client import rule_runs

    asked = rule_runs.run(run.rule, run.flow_run_id, tenant=tenant or "default")
    with client_here() as client:
        yield lambda: _of(client.do(asked))


def _of(answer: Answered) -> RuleRun:
    return RuleRun(**answer.model_dump())
