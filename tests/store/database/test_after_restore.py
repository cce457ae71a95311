"""A restore sends nothing a second time that was sent after the backup was written."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.database.backup import backup, restore
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.handoffs import notify_of_handoffs
from sentinel.store.reports.digests import send_digests
from tests.store.reports.test_digests import EIGHT, ONCALL, Desk


def test_notices_digests_and_handoffs_of_before_a_restore_are_not_sent_again(
    store: Store, clock: FakeClock, tmp_path: Path
):
    desk = Desk(store, clock)
    told = ONCALL.replace("timezone: UTC", "timezone: UTC\n    handoff_notices: {ahead: [1h]}")
    OnCallDocuments(store).apply(told, actor="ann")
    assert desk.digests(EIGHT) == []
    notify_of_handoffs(store)
    desk.sees({"/a": 95})
    day = timedelta(days=1)
    clock.set(EIGHT + day)
    assert send_digests(store) == 1  # waits to be sent
    backup(store, tmp_path / "b.jsonl.gz")
    assert len(desk.digests(EIGHT + day)) == 2
    clock.set(
        EIGHT + 8 * day + timedelta(hours=7)
    )  # a digest of each day was sent, and the handoff of Monday told
    restore(store, tmp_path / "b.jsonl.gz", replace=True)
    assert notify_of_handoffs(store) == 0
    assert desk.digests(clock.now()) == []
    assert desk.rows("SELECT DISTINCT state, body FROM notice")[0][0] == "failed"
    desk.sees({"/a": 95, "/b": 95})
    later = desk.digests(EIGHT + 9 * day)
    assert {message.reason for _, message in later} == {"digest"}
    assert "From Wed 2026-01-14 15:00 to Thu 2026-01-15 08:00" in later[0][1].text
