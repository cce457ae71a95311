"""The alerts of the dashboard's benchmark are ones that the product can read and find."""

from __future__ import annotations

import pytest

from benchmarks import dashboard
from sentinel.store import Store
from sentinel.store.alerts.search_syntax import read_search
from tests.databases import both_databases


@both_databases
def test_its_alerts_are_read_and_found(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dashboard, "ALERTS", 60)
    monkeypatch.setattr(dashboard, "LIVE", 10)
    dashboard.fill(store)
    page = store.alerts.page(limit=100)
    assert len(page.items) == 60
    assert all(one.started_at is None for one in page.items)
    word = page.items[0].title.split()[0]
    assert store.alerts.page(read_search(word), limit=100).items
