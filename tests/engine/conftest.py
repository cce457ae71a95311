"""Rules on a real Prefect server, as the tests of flows have them."""

from __future__ import annotations

from tests.flows.conftest import gauges

__all__ = ["gauges"]
