"""What `sentinel doctor` says of self-watch."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.access.security_events import SECURITY_TENANT
from sentinel.engine.self_watch import SelfWatch
from sentinel.errors import DatabaseUnreachable
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.events.matching import PackMatcher
from sentinel.up.self_watch import SelfWatchState, self_watch_state


def said(store: Store, **given: Any) -> SelfWatchState:
    return self_watch_state(Settings.model_validate({"_env_file": None, **given}), store)


def test_doctor_says_whether_sentinel_watches_itself(store: Store):
    assert said(store).state == "note"
    SelfWatch(store).evaluate(store.now())
    assert said(store) == SelfWatchState("ok", "8 policies, 0 active alerts")
    store.rules.disable("permissions-changed", actor="eve", tenant=SECURITY_TENANT)
    found = said(store)
    assert (found.state, found.says) == ("warning", "switched off: permissions-changed")


def test_doctor_does_not_call_well_what_was_never_evaluated(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    def breaks(*_: Any) -> None:
        raise DatabaseUnreachable("the database does not answer")

    monkeypatch.setattr(PackMatcher, "step", breaks)
    with pytest.raises(DatabaseUnreachable):
        SelfWatch(store).evaluate(store.now())
    found = said(store)
    assert found.state == "warning"
    assert found.says.startswith("not evaluated yet: ")
    assert "permissions-changed" in found.says
    monkeypatch.undo()
    SelfWatch(store).evaluate(store.now())
    assert said(store).state == "ok"


def test_doctor_misses_the_proxy_through_which_people_seem_to_come(store: Store):
    SelfWatch(store).evaluate(store.now())
    given = {
        "host": "0.0.0.0", "dashboard_behind_login": True,
        "dashboard_url": "https://alerts.example.org",
    }  # fmt: skip
    assert "SENTINEL_TRUSTED_PROXIES" in said(store, **given).hint
    assert said(store, **given, trusted_proxies="10.0.3.0/24").state == "ok"
    assert said(store, **given, tls_certificate="cert.pem").state == "ok"
    assert said(store, **{**given, "host": "127.0.0.1"}).state == "ok"
