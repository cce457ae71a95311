"""The flows that tell and sweep, on a real Prefect server, database and HTTP receiver."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import flows.sweep as sweeping
from flows.automation_switches import restore_switches
from flows.canary import canary
from flows.notify import notify_until_served
from flows.retention import retention
from flows.status_pages import status_pages
from flows.sweep import sweep
from sentinel.engine.component_health import SWEEP
from sentinel.errors import PrefectUnreachable
from sentinel.services.status_page import status_page_of
from sentinel.store.automation_switches import Seen, turned_on_by_deploy
from sentinel.store.database.component_reports import reported
from sentinel.store.notifications.canaries import canary_paths
from sentinel.store.services.status_pages import StatusPages
from tests.flows.conftest import Gauges
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.prefect

NOTHING: dict[str, Any] = {
    "name": "woken",
    "entrypoint": "flows.notify.notify",
    "pull": [],
    "work_pool": {"name": "sentinel"},
    "triggers": [
        {
            "name": "switch-test",
            "type": "event",
            "posture": "Reactive",
            "match": {"prefect.resource.id": "sentinel.test.nothing"},
            "expect": ["sentinel.test.nothing"],
            "threshold": 1,
            "within": 0,
        }
    ],
}


def test_notifying_goes_on_until_every_request_is_served(gauges: Gauges):
    gauges.shows(a=97, b=98)
    gauges.run(gauges.rule("told"))
    told = notify_until_served(gauges.store, by="a test")
    assert told.sent == 1
    (kept,) = gauges.store.inbox.page()
    assert kept.title.startswith("[medium]")
    assert gauges.store.wakes.serve(gauges.store.wakes.requested())


def test_a_sweep_sends_what_no_event_requested(gauges: Gauges):
    gauges.shows(a=97)
    gauges.run(gauges.rule("swept"))
    state = sweep(return_state=True)
    assert (state.name, state.message) == ("Swept", "1 message sent")
    assert len(gauges.store.inbox.page()) == 1
    again = sweep(return_state=True)
    assert (again.name, again.is_completed()) == ("NothingDue", True)


def test_parts_of_a_sweep_that_fail_stop_no_other_and_fail_the_run(
    gauges: Gauges, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object, **__: object) -> int:
        raise OSError("gone")

    done: list[str] = []

    def last(*_: object) -> int:
        done.append("last")
        return 0

    def health() -> tuple[str, str]:
        found = reported(gauges.store)[SWEEP]
        return found.state, found.says

    gauges.shows(a=98)
    gauges.run(gauges.rule("unharmed"))
    rest = [name for name, _ in sweeping.REST]
    of_prefect = [name for name, _ in sweeping.OF_PREFECT]
    with monkeypatch.context() as some:
        some.setattr("sentinel.store.Store.sweep", broken)
        some.setattr(sweeping, "escalate_until_served", broken)
        some.setattr(sweeping, "REST", [(name, broken) for name in rest])
        some.setattr(sweeping, "OF_PREFECT", [*((name, broken) for name in of_prefect), ("", last)])
        state = sweep(return_state=True)
        failed = ", ".join(["what has expired", "pages", *rest, *of_prefect])
        assert state.is_failed()
        assert state.message == (
            f"1 message sent; failed: {failed}; the log of this run has the errors"
        )
        assert (done, health()) == (["last"], ("wrong", f"failed: {failed}"))
    with monkeypatch.context() as some:
        some.setattr(sweeping, "notify_until_served", broken)
        some.setattr(sweeping, "OF_PREFECT", [("", last)])
        assert "failed: messages;" in (sweep(return_state=True).message or "")
        assert done == ["last", "last"]
    assert sweep(return_state=True).is_completed()
    assert health()[0] == "ok"


def test_a_sweep_asks_prefect_no_more_once_it_does_not_answer(
    gauges: Gauges, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []

    def unreachable(*_: object) -> int:
        asked.append("it")
        raise PrefectUnreachable("gone")

    monkeypatch.setattr(sweeping, "OF_PREFECT", [(name, unreachable) for name in "ab"])
    assert sweep(return_state=True).is_completed()
    assert asked == ["it"]


def test_retention_reports_what_it_deleted(gauges: Gauges):
    state = retention(return_state=True)
    assert state.is_completed()
    assert "over 90d ago" in (state.message or "")


def test_status_pages_are_written_by_their_flow(gauges: Gauges):
    assert status_pages(return_state=True).name == "NothingDue"
    given = {"name": "shop", "title": "Shop", "components": [{"service": "checkout"}]}
    StatusPages(gauges.store).save(status_page_of(given), actor="ann")
    state = status_pages(return_state=True)
    assert (state.name, state.message) == ("Written", "wrote 1 status pages")
    found = StatusPages(gauges.store).served("shop")
    assert found is not None
    assert "<h1>Shop</h1>" in found.html
    StatusPages(gauges.store).remove("shop", actor="ann")


def test_a_run_of_the_flow_sends_a_canary_that_arrives(gauges: Gauges):
    state = canary(["default"], every="15m", within="5m", return_state=True)
    assert (state.name, state.message) == ("Sent", "1 canaries: default")
    assert notify_until_served(gauges.store, by="a test").sent == 1
    assert [one.title for one in gauges.store.inbox.page()] == ["[info] Canary: default"]
    (path,) = canary_paths(gauges.store)[1]
    assert (path.channel, path.state, path.error) == ("inbox", "delivered", "")
    refused = canary(["nonesuch"], return_state=True)
    assert refused.is_failed()
    assert "there is no receiver 'nonesuch'" in (refused.message or "")


@contextmanager
def automation(server: PrefectServer) -> Generator[Any]:
    def find() -> dict[str, Any]:
        (found,) = (one for one in server.api.automations() if one["name"] == "switch-test")
        return found

    yield find
    for one in server.api.automations():
        if one["name"] == "switch-test":
            httpx.delete(f"{server.url}/automations/{one['id']}").raise_for_status()


@pytest.mark.slow
def test_an_automation_that_was_switched_off_stays_off_over_a_deploy(
    gauges: Gauges, tmp_path: Path
):
    server = gauges.server
    server.deploy(tmp_path, NOTHING)
    with automation(server) as find:
        restore_switches(gauges.store, server.api)
        first = find()
        server.api.switch_automation(first["id"], on=False)
        assert restore_switches(gauges.store, server.api) == []

        server.deploy(tmp_path, NOTHING)
        second = find()
        assert second["id"] != first["id"]
        assert second["enabled"]  # Prefect's doing
        (put_back,) = restore_switches(gauges.store, server.api)
        assert put_back.endswith("/switch-test")
        assert not find()["enabled"]

        # A person switches it on: it stays on, and over the next deploy too.
        server.api.switch_automation(second["id"], on=True)
        assert restore_switches(gauges.store, server.api) == []
        assert find()["enabled"]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (None, ("1", True), False),
        (("1", True), ("2", True), False),
        (("1", False), ("1", True), False),
        (("1", False), ("2", True), True),
        (("1", False), ("2", False), False),
    ],
)
def test_only_a_new_id_distinguishes_a_deploy_from_a_person(
    before: tuple[str, bool] | None, now: tuple[str, bool], expected: bool
):
    def seen(what: tuple[str, bool]) -> Seen:
        return Seen(name="a", id=what[0], enabled=what[1])

    assert turned_on_by_deploy(None if before is None else seen(before), seen(now)) is expected
