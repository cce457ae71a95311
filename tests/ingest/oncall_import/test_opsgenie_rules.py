"""The translation of Opsgenie's rotations says the same as its fields, read another way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from sentinel.ingest.oncall_import.comparing import compared
from sentinel.ingest.oncall_import.imported import Known
from sentinel.ingest.oncall_import.opsgenie import read_opsgenie
from sentinel.ingest.oncall_import.opsgenie_answers import OpsgenieAnswers
from sentinel.oncall.document import OnCallDocument
from tests.ingest.oncall_import.opsgenie_sample import NONE, NOW, sample

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DRAWS = 10


def restriction(drawn: Random) -> dict[str, Any]:
    def times() -> dict[str, Any]:
        return {
            "startHour": drawn.randrange(24), "startMin": drawn.choice([0, 30]),
            "endHour": drawn.randrange(24), "endMin": drawn.choice([0, 30]),
        }  # fmt: skip

    if drawn.random() < 0.3:
        return {"type": "time-of-day", "restriction": times()}
    listed = [
        times() | {"startDay": drawn.choice(DAYS), "endDay": drawn.choice(DAYS)}
        for _ in range(drawn.randint(1, 4))
    ]
    return {"type": "weekday-and-time-of-day", "restrictions": listed}


def user(key: str) -> dict[str, Any]:
    return {"type": "user", "id": key}


def rotation(drawn: Random, key: str, people: list[str]) -> dict[str, Any]:
    start = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=30 * drawn.randrange(10_000))
    found: dict[str, Any] = {
        "id": key, "name": key, "type": drawn.choice(["hourly", "daily", "weekly"]),
        "length": drawn.randint(1, 14), "startDate": start.isoformat(),
        "participants": [
            drawn.choice([user(one), user(one), NONE])
            for one in drawn.sample(people, len(people))
        ] + [user(people[0])],
    }  # fmt: skip
    if drawn.random() < 0.6:
        found["timeRestriction"] = restriction(drawn)
    if drawn.random() < 0.3:
        found["endDate"] = (NOW + timedelta(days=drawn.randint(1, 50))).isoformat()
    return found


def dated(drawn: Random) -> dict[str, Any]:
    start = NOW + timedelta(hours=drawn.randint(-200, 1000))
    end = start + timedelta(hours=drawn.randint(1, 200))
    return {"startDate": start.isoformat(), "endDate": end.isoformat()}


@pytest.mark.parametrize("seed", range(4))
def test_both_say_the_same_at_random_instants(seed: int):
    drawn = Random(seed)
    for _ in range(DRAWS):
        given = sample()
        given["timelines"], given["routing"] = {}, {}
        given["schedules"] = given["schedules"][:1]
        # Each rotation has people of its own: an override of one replaces people by name.
        given["schedules"][0]["rotations"] = [
            rotation(drawn, "r1", ["u1"]), rotation(drawn, "r2", ["u2", "u3"])
        ]  # fmt: skip
        given["overrides"] = {"s1": [
            dated(drawn) | {"alias": str(place), "user": drawn.choice([user("u1"), NONE]),
                            "rotations": drawn.choice([[], [{"id": "r1"}]])}
            for place in range(drawn.randint(0, 1))
        ]}  # fmt: skip
        given["forwardings"] = [
            dated(drawn) | {"id": "f", "fromUser": {"id": "u2"}, "toUser": {"id": "u3"}}
            for _ in range(drawn.randint(0, 1))
        ]
        known = Known(OnCallDocument())
        result = read_opsgenie(OpsgenieAnswers(**given), known, NOW)
        made = {"primary": [one.override for one in result.overrides]}
        (one,) = compared(result.timelines, result.document, made, drawn.randrange(100))
        # The night of the change of the clock is left out: what Opsgenie does then is unverified.
        night = datetime(2026, 10, 25, tzinfo=UTC)
        differing = [at for at in one.differing if abs(at.at - night) > timedelta(hours=15)]
        assert differing == [], (given["schedules"], given["overrides"], given["forwardings"])
