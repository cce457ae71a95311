"""A worker follows the log levels that people set."""

from __future__ import annotations

import pytest

from sentinel.store import Store
from sentinel.store.log_levels import LogLevels
from tests.worker.conftest import WARM, Bench

pytestmark = [pytest.mark.slow, WARM]


def test_a_running_worker_logs_at_the_level_that_was_set(warm: Bench):
    store = Store(warm.environ()["SENTINEL_DATABASE_URL"])
    worker = warm.workers[-1]
    LogLevels(store).set("relay", "DEBUG", actor="ada")
    changed = "log levels changed: sentinel.relay DEBUG"
    warm.eventually(lambda: changed in worker.said(), "it follows")
    LogLevels(store).reset(actor="ada")
    warm.eventually(lambda: "log levels changed: as configured" in worker.said(), "it goes back")
    store.close()
