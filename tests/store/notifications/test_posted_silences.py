"""Silences that are posted as to an Alertmanager, and changed so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sentinel.access import EVERYTHING
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.notifications.posted_silences import PostedSilence, post_silence

Post = Callable[..., str]


@pytest.fixture
def post(store: Store, clock: FakeClock) -> Post:
    """Posts a silence of an hour; gives its id."""

    def posted(matchers: str = 'team="db"', id_: str = "") -> str:
        now = clock.now()
        silence = PostedSilence(
            id=id_, matchers=matchers, starts_at=now, ends_at=now + timedelta(hours=1),
            author="ann", comment="upgrade",
        )  # fmt: skip
        return post_silence(store, silence, tenant="default", actor="ann via karma",
                            scope=EVERYTHING)  # fmt: skip

    return posted


def rows(store: Store, query: str) -> list[Any]:
    with store.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_a_silence_with_other_matchers_takes_the_place_of_the_one_before(post: Post, store: Store):
    first = post()
    second = post('team="web"', first)

    assert second != first
    assert rows(store, "SELECT id, ended_by FROM silence ORDER BY id") == [
        (first, "ann via karma"), (second, ""),
    ]  # fmt: skip


def test_a_change_that_fails_makes_no_silence_and_ends_none(
    post: Post, store: Store, monkeypatch: pytest.MonkeyPatch
):
    first = post()
    add = store.audit.add

    def fails(connection: Any, change: Any, **more: Any) -> Any:
        if change.action == "silence.expired":
            raise OSError("the disk is full")
        return add(connection, change, **more)

    monkeypatch.setattr(store.audit, "add", fails)
    with pytest.raises(OSError, match="disk"):
        post('team="web"', first)

    assert rows(store, "SELECT id, ended_by FROM silence") == [(first, "")]


def test_the_audit_trail_names_the_key_and_not_only_whom_the_sender_claims_to_be(
    post: Post, store: Store
):
    post('team="web"', post())

    found = page(store, AuditFilter()).items
    assert sorted((one.action, one.actor) for one in found if "silence" in one.action) == [
        ("silence.created", "ann via karma"), ("silence.created", "ann via karma"),
        ("silence.expired", "ann via karma"),
    ]  # fmt: skip
