"""`sentinel up` reports its telemetry store, exposure and self-watch for the health page."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from sentinel.clock import FakeClock
from sentinel.engine.component_health import EXPOSURE, SELF_WATCH, TELEMETRY, components
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.up.home import Home
from sentinel.up.own_reports import report_own


def test_what_the_instance_says_of_itself_holds_for_three_minutes(
    store: Store, clock: FakeClock, tmp_path: Path
):
    settings = Settings(telemetry_url=SecretStr(""), host="0.0.0.0")
    report_own(store, settings, Home(tmp_path))
    found = {one.name: one for one in components(store, settings)}
    assert (found[TELEMETRY].state, found[SELF_WATCH].says) == ("note", "not there yet")
    assert "without TLS" in found[EXPOSURE].says
    assert "SENTINEL_TLS_CERTIFICATE" in found[EXPOSURE].hint
    clock.forward(minutes=3, seconds=1)
    late = {one.name: one for one in components(store, settings)}[EXPOSURE]
    assert (late.state, late.hint) == ("note", "Ask for it: sentinel doctor")
    assert timedelta(0) < clock.now() - (found[EXPOSURE].since or clock.now())
