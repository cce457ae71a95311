"""What a check logs and prints is in the log of its flow run."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from prefect.logging import get_run_logger
from prefect.logging.handlers import APILogWorker

from flows.rules import flow_of
from sentinel import Reading, Trigger, above, trigger
from tests.flows.conftest import Gauges

pytestmark = pytest.mark.prefect

log = logging.getLogger(__name__)
of_a_library = logging.getLogger("a_library.of.somebody")
LIBRARY = compile(
    "log.info('chatter of a library')\nlog.warning('a library warns')", "/lib/a_library.py", "exec"
)


@trigger(category="test", when=above(90))
def talks() -> Iterator[Reading]:
    """Say something in every way there is."""
    get_run_logger().info("by get_run_logger")
    print("by", "print")
    log.info("by logging of %s", "the module")
    log.debug("too small a detail")
    logging.warning("by logging itself")
    exec(LIBRARY, {"log": of_a_library})
    yield Reading(labels={"name": "a"}, value=1)


@trigger(category="test", when=above(90))
async def awaits() -> list[Reading]:
    """Say something after a while."""
    await asyncio.sleep(0)
    get_run_logger().info("by get_run_logger")
    print("by", "print")
    log.info("by logging of the module")
    return [Reading(labels={"name": "a"}, value=1)]


@trigger(category="test", when=above(90))
def breaks() -> Iterator[Reading]:
    """Log an error with its traceback, then fail."""
    try:
        raise LookupError("no such disk")
    except LookupError:
        log.exception("it broke")
    raise RuntimeError("gone")
    yield


def said(gauges: Gauges, of: Trigger[..., Any], **rule: Any) -> list[tuple[int, str, str]]:
    """Level, logger and first line of what a run of a rule with this check logged."""
    flow = flow_of(of)
    client = gauges.client
    deployment = client.create_deployment(
        flow_id=client.create_flow(flow),
        name=f"{of.name}-logs",
        parameters={"rule": {"name": f"{of.name}-logs", **rule}},
    )
    run = client.create_flow_run_from_deployment(deployment_id=deployment)
    gauges.execute(run, flow)
    APILogWorker.drain_all(timeout=20)
    body = {"logs": {"flow_run_id": {"any_": [str(run.id)]}}, "sort": "TIMESTAMP_ASC"}
    lines: list[dict[str, Any]] = client.request("POST", "/logs/filter", json=body).json()
    return [
        (line["level"], line["name"], line["message"].splitlines()[0])
        for line in lines
        if "flow run" not in line["message"] and "state" not in line["message"]
    ]


def test_every_way_of_saying_something_is_in_the_log_of_the_run(gauges: Gauges):
    assert said(gauges, talks) == [
        (20, "prefect.flow_runs", "by get_run_logger"),
        (20, "prefect.flow_runs", "by print"),
        (20, __name__, "by logging of the module"),
        (30, "root", "by logging itself"),
        (30, "a_library.of.somebody", "a library warns"),
    ]


def test_an_asynchronous_check_is_heard_as_well(gauges: Gauges):
    lines = [line for _, _, line in said(gauges, awaits)]
    assert lines == ["by get_run_logger", "by print", "by logging of the module"]


def test_an_error_that_a_check_logs_has_its_traceback(gauges: Gauges):
    lines = said(gauges, breaks)
    assert (40, __name__, "it broke") in lines


def test_what_others_log_meanwhile_is_not_of_the_run_and_levels_are_as_before(gauges: Gauges):
    root = logging.getLogger()
    before = (root.level, list(root.handlers), [list(one.filters) for one in root.handlers])

    @trigger(category="test", when=above(90))
    def beside() -> Iterator[Reading]:
        """Have another thread log, which is none of the check's."""
        other = threading.Thread(target=log.warning, args=("of another thread",))
        other.start()
        other.join(60)
        log.info("of the check")
        yield Reading(labels={"name": "a"}, value=1)

    assert [line for _, _, line in said(gauges, beside)] == ["of the check"]
    assert before == (root.level, list(root.handlers), [list(one.filters) for one in root.handlers])
    log.warning("after the run")  # to no run, and no error
