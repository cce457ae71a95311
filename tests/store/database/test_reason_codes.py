"""Stored reasons are codes: what is written now, what older versions wrote, and old backups."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, MetaData, Table, select, text

from sentinel.alerts import reasons as of_alerts
from sentinel.alerts.actions import (
    Acknowledge,
    Assign,
    Comment,
    Reopen,
    Resolve,
    Suppress,
    Unacknowledge,
    Unsuppress,
)
from sentinel.clock import FakeClock
from sentinel.notifications import reasons as of_notifications
from sentinel.store import Store
from sentinel.store.alerts.apply_action import expire
from sentinel.store.database.backup import backup, restore
from sentinel.store.database.engine import connect
from sentinel.store.database.migrate import alembic_config, locked
from tests.store.database.test_backup import other
from tests.store.older_schemas import as_of_schema, filled, migrate_to
from tests.world import World

__all__ = ["other"]

# Every sentence that a version before schema 0012 stored, and the code that it is now.
ALERTS = {
    "healthy": "healthy",
    "pending: not bad for long enough yet": "pending",
    "pending again: too long not looked at": "pending_restarted",
    "cleared before it opened": "cleared_before_open",
    "opened": "opened",
    "reopened: came back soon after it was resolved": "reopened_soon",
    "reopened: still bad after a person resolved it": "reopened_still_firing",
    "reopened by a person": "reopened_manually",
    "still bad, but a person resolved it a moment ago": "held_after_resolve",
    "still bad": "still_firing",
    "happened again": "repeated",
    "happened again, as the check counts": "counted",
    "severity rose": "severity_rose",
    "severity fell": "severity_fell",
    "recovered": "recovered",
    "seen good, and kept for a while in case it comes back": "kept_firing",
    "expired": "expired",
    "no data: nobody sees it any more": "no_data",
    "kept: a critical alert that nobody acknowledged never closes by itself": "kept_critical",
    "rule disabled": "rule_disabled",
    "acknowledged": "acknowledged",
    "acknowledgement taken back": "unacknowledged",
    "resolved by a person": "resolved_manually",
    "assigned": "assigned",
    "commented": "commented",
    "suppressed": "suppressed",
    "no longer suppressed": "unsuppressed",
    "already so": "unchanged",
    "refused": "refused",
}
NOTIFICATIONS = {
    "first message": "first",
    "more is firing": "new_firing",
    "severity rose": "severity_rose",
    "all is over": "resolved",
    "some of it is over": "partly_resolved",
    "still firing, nobody acknowledged": "repeat",
    "waiting for the rest to arrive (group_wait)": "group_wait",
    "outside the rule's active hours": "outside_hours",
    "told a moment ago (throttle)": "throttled",
    "told often enough within the hour (max_messages_per_hour)": "per_hour",
    "waiting to gather news (group_interval)": "group_interval",
    "told; repeats later (repeat_interval)": "repeat_interval",
    "acknowledged": "acknowledged",
    "suppressed": "suppressed",
    "over before anybody was told": "resolved_before_notified",
    "expired; nothing to tell": "resolved_quietly",
    "told already": "already_notified",
    "the channel failed; trying again later": "retry",
    "the channel refused for good": "refused",
}
# Text that is none of ours, of a hand-written row or another program: it stays as it is.
STRANGE = {one: one for one in ("", "opened: twice", "it's «odd»; 3 held back", "100% :sure")}
TIMELINE = {
    ("remedy", "remedy started: restart · 1", ""): ("remediation_started", "restart · 1"),
    ("remedy", "remedy ended: Failed", ""): ("remediation_ended", "Failed"),
    ("remedy", "remedy not started: no such: flow", ""): (
        "remediation_not_started",
        "no such: flow",
    ),
    ("renamed", "its rule was Диск before before", ""): ("rule_renamed", "was Диск before"),
    ("commented", "commented", "remedy started: by hand"): ("commented", "remedy started: by hand"),
}
COLUMNS = (
    ("alert", "resolution", ALERTS),
    ("alert_group", "resolution", ALERTS),
    ("timeline", "reason", ALERTS),
    ("telling", "reason", NOTIFICATIONS),
    ("delivery", "reason", NOTIFICATIONS),
)
RENAMED = {"telling": "notification_log"}
"""Tables that have another name by now."""
MESSAGES = {
    **{sentence: (code, sentence) for sentence, code in {**NOTIFICATIONS, **STRANGE}.items()},
    "more is firing; 3 held back meanwhile by its limits": (
        "new_firing",
        "more is firing; 3 held back meanwhile by its limits",
    ),
}
EVENTS = {sentence: (code, sentence) for sentence, code in {**ALERTS, **STRANGE}.items()}


def test_every_reason_that_an_older_version_stored_is_a_code_of_this_one():
    assert set(ALERTS.values()) <= set(of_alerts.Reason)
    assert set(NOTIFICATIONS.values()) <= set(of_notifications.Reason)
    assert {code for code, _ in TIMELINE.values()} <= set(of_alerts.Reason)


@pytest.mark.slow
def test_a_database_of_the_schema_before_comes_out_with_codes(database_url: str):
    engine = connect(database_url)
    migrate_to(engine, "0011")
    with locked(engine) as connection:
        _filled_with_sentences(connection)
    migrate_to(engine, "head")
    with engine.connect() as connection:
        for table, column, codes in COLUMNS:
            found = _stored(connection, RENAMED.get(table, table), column)
            assert found == sorted({**codes, **STRANGE}.values()), f"{table}.{column}"
        assert _timeline(connection) == sorted(TIMELINE.values())
        assert _stored(connection, "inbox", "body") == _sorted(
            {"reason": code, "reason_text": said, "firing": 1.5, "title": "„Ω“"}
            for code, said in MESSAGES.values()
        )
        assert _stored(connection, "outbox", "payload") == _sorted(
            [
                *({"reason": code, "reason_text": said} for code, said in EVENTS.values()),
                {"status": "open"},
                {"reason": "severity rose"},  # of an event that is none of an alert's
            ]
        )
    engine.dispose()


@pytest.mark.slow
def test_a_downgrade_gives_the_sentences_back(database_url: str):
    engine = connect(database_url)
    migrate_to(engine, "0011")
    with locked(engine) as connection:
        _filled_with_sentences(connection)
        before = _everything(connection)
    migrate_to(engine, "0012")
    with locked(engine) as connection:
        assert _everything(connection) != before
        config = alembic_config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0011")
        assert _everything(connection) == before
    engine.dispose()


@pytest.mark.slow
def test_a_backup_of_a_version_before_is_restored_with_codes(
    store: Store, clock: FakeClock, other: Store, tmp_path: Path
):
    world = World(store, clock)
    world.sees({"/": 95})
    world.sees({"/": 1})
    with store.write() as connection:
        connection.execute(text("UPDATE alert SET resolution = 'resolved by a person'"))
        connection.execute(
            text("UPDATE timeline SET reason = 'resolved by a person' WHERE kind = 'resolved'")
        )
    path = tmp_path / "old.jsonl.gz"
    backup(store, path)
    as_of_schema(path, "0011")
    restore(other, path)
    with other.read() as connection:
        assert _stored(connection, "alert", "resolution") == ["resolved_manually"]
        assert _stored(connection, "timeline", "reason") == ["opened", "resolved_manually"]


def test_what_is_stored_is_always_a_code(store: Store, clock: FakeClock):
    world = World(store, clock, group_wait="30s", resolve_after="1d")
    world = world
    world.sees({"/": 95, "/a": 95})
    world.tells()
    clock.forward(seconds=40)
    world.tells()
    first, _ = world.ids()
    for action in (
        Acknowledge(actor="ada"),
        Unacknowledge(actor="ada"),
        Assign(actor="ada", assignee="bob"),
        Comment(actor="ada", comment="it is the disk"),
        Suppress(actor="ada", until=clock.now()),
        Unsuppress(actor="ada"),
        Resolve(actor="ada"),
        Reopen(actor="ada"),
        Resolve(actor="ada"),
    ):
        store.act([first], action)
    clock.forward(minutes=6)
    world.sees({"/": 95, "/a": 95})
    world.tells()
    world.sees({"/": 1})
    clock.forward(minutes=6)
    world.tells()
    clock.forward(days=2)
    store.in_transaction(lambda connection: expire(store, connection))
    store.rules.disable("disk", actor="ada")
    world.tells()
    with store.read() as connection:
        seen = {
            (table, value)
            for table, column, _ in COLUMNS
            for value in _stored(connection, RENAMED.get(table, table), column)
            if value
        }
        told = _stored(connection, "outbox", "payload")
    alerts = {value for table, value in seen if table in ("alert", "alert_group", "timeline")}
    notifications = {value for table, value in seen if table in ("telling", "delivery")}
    assert alerts <= set(of_alerts.Reason)
    assert notifications <= set(of_notifications.Reason)
    assert {one["reason"] for one in told if "reason" in one} <= set(of_alerts.Reason)
    assert {"opened", "resolved_manually", "reopened_still_firing", "recovered"} <= alerts
    assert {"first", "new_firing"} <= notifications


def _filled_with_sentences(connection: Connection) -> None:
    """A row for every sentence, in every column that held one."""
    tables = MetaData()
    tables.reflect(connection)
    for name, column, codes in COLUMNS:
        for sentence in {**codes, **STRANGE}:
            _insert(connection, tables.tables[name], **{column: sentence})
    for kind, reason, comment in TIMELINE:
        _insert(
            connection, tables.tables["timeline"], kind=kind, reason=reason, comment=comment,
            actor="named",
        )  # fmt: skip
    for sentence in MESSAGES:
        body = {"reason": sentence, "firing": 1.5, "title": "„Ω“"}
        _insert(connection, tables.tables["inbox"], body=body)
    outbox = tables.tables["outbox"]
    for sentence in EVENTS:
        _insert(connection, outbox, payload={"reason": sentence}, event="sentinel.alert.opened")
    _insert(connection, outbox, payload={"status": "open"}, event="sentinel.alert.opened")
    _insert(connection, outbox, payload={"reason": "severity rose"}, event="another.thing")


def _insert(connection: Connection, table: Table, **given: Any) -> None:
    """A row; what is not given is whatever the column takes."""
    row = filled(table, **given)
    if "status" in table.columns:
        row["status"] = "resolved"
    connection.execute(table.insert().values(row))


def _stored(connection: Connection, table: str, column: str) -> list[Any]:
    """The values of a column; of the timeline without what `TIMELINE` is about."""
    there = MetaData()
    there.reflect(connection, only=[table])
    found = there.tables[table]
    query = select(found.c[column])
    if table == "timeline":
        query = query.where(found.c.actor != "named")
    return _sorted(connection.execute(query).scalars())


def _timeline(connection: Connection) -> list[tuple[str, str]]:
    query = text("SELECT reason, comment FROM timeline WHERE actor = 'named'")
    return sorted((row.reason, row.comment) for row in connection.execute(query))


def _sorted(values: Any) -> list[Any]:
    return sorted(values, key=lambda one: json.dumps(one, sort_keys=True))


def _everything(connection: Connection) -> dict[str, list[Any]]:
    found = {
        f"{table}.{column}": _stored(connection, table, column)
        for table, column, _ in (*COLUMNS, ("inbox", "body", {}), ("outbox", "payload", {}))
    }
    return {**found, "timeline": _timeline(connection)}
