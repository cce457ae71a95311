"""Which markers are of canaries at doors, as the database tells them."""

from __future__ import annotations

from datetime import timedelta

from sentinel.notifications.door_canary import PREFIX
from sentinel.store import Store
from sentinel.store.notifications.door_canaries import begin_door_canaries, is_expected

STEM = f"{PREFIX}{'a' * 24}"


def test_a_marker_is_of_a_canary_where_it_has_the_stem_of_its_door(store: Store):
    for run in ("1" * 16, "2" * 16):
        begin_door_canaries(
            store, {"opsgenie": f"{STEM}{run}"}, every=timedelta(0), within=timedelta(minutes=5)
        )
    given = [
        ("opsgenie", f"{STEM}{'2' * 16}"), ("opsgenie", f"{STEM}{'1' * 16}"),
        ("pagerduty", f"{STEM}{'2' * 16}"), ("opsgenie", STEM[:-1]), ("opsgenie", PREFIX),
        ("opsgenie", f"{STEM[:-1]}b{'2' * 16}"), ("api", f"{STEM}{'2' * 16}"),
    ]  # fmt: skip
    with store.read() as connection:
        found = [is_expected(connection, sender, marker) for sender, marker in given]
    assert found == [True, True, *[False] * 5]
