"""The log of events on both databases: durable, in order, once per id."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.events import Kept, happened_at, read_events
from sentinel.store import Store
from sentinel.store.events.log import after


def kept(store: Store, tenant: str = "default", cursor: int = 0) -> list[dict[str, Any]]:
    with store.read() as connection:
        blocks = after(connection, tenant, cursor, 1_000_000)
    return [event for block in blocks for event in block.events]


def test_events_come_out_as_they_came_in(store: Store):
    events = [{"n": n, "text": "ünïcode \0 and NUL", "deep": {"list": [1, None]}} for n in range(3)]
    assert store.events.add(events) == Kept(accepted=3)
    assert kept(store) == events


def test_an_id_counts_once_in_a_call_over_calls_and_by_either_name(store: Store):
    first = store.events.add([{"id": "a", "n": 1}, {"id": "b"}, {"id": "a", "n": 2}])
    assert (first.accepted, first.duplicates) == (2, 1)
    again = store.events.add([{"event_id": "a"}, {"id": "c"}, {"id": "b"}])
    assert (again.accepted, again.duplicates) == (1, 2)
    nothing = store.events.add([{"id": "a"}])
    assert (nothing.accepted, nothing.duplicates) == (0, 1)
    assert [event["id"] for event in kept(store)] == ["a", "b", "c"]
    assert kept(store)[0]["n"] == 1


def test_tenants_have_ids_and_numbers_of_their_own(store: Store):
    for tenant in ("acme", "globex"):
        assert store.events.add([{"id": 7, "of": tenant}], tenant=tenant).accepted == 1
    assert store.events.tails() == {"acme": 1, "globex": 1}
    assert [kept(store, tenant) for tenant in ("acme", "globex")] == [
        [{"id": 7, "of": "acme"}],
        [{"id": 7, "of": "globex"}],
    ]


def cloud_event(id_: str, source: object, **more: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "type": "order.paid", "source": source, "id": id_, **more}


def test_a_cloud_event_is_identified_by_its_source_and_id_together(store: Store, clock: FakeClock):
    first = [cloud_event("7", "/shop/a"), cloud_event("7", "/shop/b"), cloud_event("8", "/shop/a")]
    assert store.events.add(first) == Kept(accepted=3)
    again = [cloud_event("7", "/shop/a", n=2), cloud_event("8", "/shop/b"), *first[1:]]
    assert store.events.add(again) == Kept(accepted=1, duplicates=3)
    clock.forward(days=8)
    store.events.forget(clock.now())
    assert store.events.add(first) == Kept(accepted=3)


def test_parts_of_an_identity_do_not_run_into_each_other(store: Store):
    events = [
        cloud_event("1", "/a"), cloud_event("/a1", ""), cloud_event("11", "/"), {"id": "1"},
        {"id": "2:/a1"}, {"id": "/a1"},
    ]  # fmt: skip
    assert store.events.add(events) == Kept(accepted=len(events))


@pytest.mark.parametrize("more", [{"source": "/a"}, {"specversion": "1.0"},
                                  {"specversion": "1.0", "source": {"of": "/a"}},
                                  {"specversion": None, "source": "/a"}])  # fmt: skip
def test_what_is_no_cloud_event_is_identified_by_its_id_alone(store: Store, more: Any):
    assert store.events.add([{"id": "1"}, {"id": "1", **more}]) == Kept(accepted=1, duplicates=1)


def test_events_without_an_id_always_count(store: Store):
    for _ in range(2):
        assert store.events.add([{"a": 1}, {"a": 1}, {"id": ""}, {"id": None}]).accepted == 4
    assert store.events.count() == 8


def test_an_invalid_event_is_refused_and_the_others_are_stored(store: Store):
    deep: Any = {}
    for _ in range(300):
        deep = {"in": deep}
    given: list[Any] = [
        {"id": True}, {"n": 1}, [1], None, {"id": "x" * 201}, {"event_id": 1.5},
        {"text": "x" * 300_000}, deep,
    ]  # fmt: skip
    done = store.events.add(given)
    assert done.accepted == 1
    refused = [(one.index, one.field) for one in done.refused]
    assert refused == [(0, "id"), (2, ""), (3, ""), (4, "id"), (5, "event_id"), (6, ""), (7, "")]
    assert kept(store) == [{"n": 1}]


def test_a_whole_number_that_is_too_long_is_named_as_what_is_wrong(store: Store):
    (refused,) = store.events.add([{"n": 2**64}, {"n": 2**64 - 1}]).refused
    assert (refused.index, refused.message[:24]) == (0, "a whole number in it is ")


def test_too_many_at_once_are_refused_as_a_whole(store: Store):
    with pytest.raises(ConfigurationError, match="10,001 events at once"):
        store.events.add([{"n": 1}] * 10_001)
    assert store.events.add([{"n": 1}] * 10_000).accepted == 10_000


def test_a_reader_that_follows_the_numbers_sees_every_event_once(store: Store):
    """Writers beside each other, some with the same ids; the reader moves its cursor meanwhile."""

    def write(writer: int) -> None:
        for turn in range(15):
            own = {"id": f"{writer}-{turn}"}
            shared = [{"id": f"shared-{turn}-{n}"} for n in range(5)]
            store.events.add([own, *(shared if writer % 2 else reversed(shared))])

    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for writer in writers:
        writer.start()
    seen: list[str] = []
    cursor = 0
    alive = True
    while alive:
        alive = any(writer.is_alive() for writer in writers)
        with store.read() as connection:
            for block in after(connection, "default", cursor, 10):
                assert block.seq == cursor + 1  # none is missing
                cursor = block.seq
                seen += [event["id"] for event in block.events]
        alive = alive or store.events.tails()["default"] > cursor
    assert sorted(seen) == sorted(
        [f"{w}-{t}" for w in range(4) for t in range(15)]
        + [f"shared-{t}-{n}" for t in range(15) for n in range(5)]
    )


def test_events_past_retention_are_deleted_and_their_ids_may_return(store: Store, clock: FakeClock):
    store.events.add([{"id": "old"}, {"n": 1}])
    clock.forward(days=4)
    store.events.add([{"id": "young"}])
    clock.forward(days=4)
    assert store.events.forget(clock.now()) == 2
    assert kept(store) == [{"id": "young"}]
    again = store.events.add([{"id": "old"}, {"id": "young"}])
    assert (again.accepted, again.duplicates) == (1, 1)


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b'{"a":1}', [{"a": 1}]),
        (b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
        (b'{"events":[{"a":1}]}', [{"a": 1}]),
        (b'{"events":[{"a":1}],"more":1}', [{"events": [{"a": 1}], "more": 1}]),
        (b'{"a":1}\n\n{"a":2}\r\n', [{"a": 1}, {"a": 2}]),
        (b'\xef\xbb\xbf{"a":1}', [{"a": 1}]),
        (b"[]", []),
    ],
)
def test_one_object_a_list_a_wrapper_or_lines_are_read(body: bytes, events: list[Any]):
    assert read_events(body) == events


@pytest.mark.parametrize("body", [b"", b"  \n", b"{", b"not json\nat all"])
def test_a_body_that_is_no_json_is_refused_as_such(body: bytes):
    with pytest.raises(ConfigurationError):
        read_events(body)


def test_an_event_without_a_time_counts_from_when_it_was_received(clock: FakeClock):
    now = clock.now()
    earlier = now - timedelta(hours=2)
    for name in ("timestamp", "@timestamp", "time", "occurred", "occurred_at"):
        assert happened_at({name: earlier.isoformat()}, now) == earlier
    assert happened_at({"timestamp": earlier.timestamp() * 1000}, now) == earlier
    unusable: list[Any] = ["yesterday", True, {}, None, "", "2999-01-01", 1e300]
    for nonsense in unusable:
        assert happened_at({"timestamp": nonsense}, now) == now
