"""What `sentinel doctor` says of the telemetry store."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from sentinel.settings import Settings
from sentinel.store.telemetry.condition import (
    MANY_PARTS,
    Condition,
    TableSize,
    TenantSize,
    used_limits,
)
from sentinel.up import telemetry_check
from sentinel.up.home import TELEMETRY_PASSWORD, Home
from sentinel.up.instance import Instance, ProcessIdentity
from sentinel.up.ports import any_free
from sentinel.up.telemetry_check import judged, telemetry_state

MEMORY = 1_000_000_000


def found(
    *, parts: int = 3, merge: float = 0.0, memory: int = 0, limit: int = MEMORY,
    tenants: Sequence[TenantSize] = (),
) -> Condition:  # fmt: skip
    tables = [TableSize("logs", 2_000, 5_000_000, parts), TableSize("trace_times", 7, 10, 1)]
    return Condition(
        version="26.9", tables=tables, longest_merge=merge, memory=memory, refused={"too_old": 4},
        tenants=list(tenants), disk_free=25, disk_total=100, memory_limit=limit,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "state", "says"),
    [
        (found(), "ok", "2,000 rows, 5 MB, at most 3 parts a day; refused in 24 hours: 4 too_old"),
        (
            found(
                tenants=[TenantSize("acme", "logs", 9, 4_000_000), TenantSize("b", "spans", 1, 0)]
            ),
            "ok",
            "4 too_old; largest: acme logs 4 MB, b spans 0 MB",
        ),
        (found(parts=MANY_PARTS), "warning", "merges do not keep up"),
        (found(merge=3_601.0), "warning", "for over an hour"),
        # A server that does not say what it may hold.
        (found(memory=MEMORY, limit=0), "ok", "2,000 rows"),
        (found(memory=MEMORY), "warning", "nearly all of its memory"),
    ],
)
def test_a_store_that_does_not_keep_up_is_named(
    condition: Condition, state: str, says: str
) -> None:
    answer = judged(condition)
    assert answer.state == state
    assert says in answer.says
    assert (answer.hint == "") == (state == "ok")


def test_each_limit_is_said_in_percent_and_words() -> None:
    used = used_limits(found(parts=150, merge=1_800.0, memory=900_000_000))
    assert {name: share for name, (share, _) in used.items()} == {
        "parts": 50, "merge": 50, "memory": 90, "disk": 75,
    }  # fmt: skip
    assert used["memory"][1] == "900 MB of memory are used, of 1,000 MB"
    assert "memory" not in used_limits(found(limit=0))


def test_the_embedded_store_is_not_started_to_be_asked(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    assert telemetry_state(Settings(telemetry_url=SecretStr("")), home).state == "note"
    url = SecretStr(f"http://a:{home.secret(TELEMETRY_PASSWORD)}@127.0.0.1:{any_free()}")
    settings = Settings(telemetry_url=url, telemetry_read_url=url)
    other = Settings(telemetry_url=SecretStr(f"http://a:b@127.0.0.1:{any_free()}"))
    with Instance(home) as instance:
        assert telemetry_state(other, home).state == "wrong"  # one's own, on this machine
        assert telemetry_state(settings, home).says.startswith("not started")
        instance.write(children=[ProcessIdentity("telemetry", 1, 0.0)])
        away = telemetry_state(settings, home)
        assert (away.state, "does not answer" in away.says) == ("wrong", True)
    # One that somebody else runs is asked, whether or not an instance runs here.
    assert telemetry_state(settings, home).state == "wrong"


def test_a_store_that_starts_slowly_is_not_called_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has longer than a request, which fails after 5 seconds and is tried again."""
    assert telemetry_check._START_SECONDS >= 30  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(telemetry_check, "_START_SECONDS", 0.2)
    home = Home(tmp_path)
    home.prepare()
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        url = SecretStr(f"http://a:b@127.0.0.1:{hangs.getsockname()[1]}")
        found = telemetry_state(Settings(telemetry_url=url), home)
    assert (found.state, "within 0.2 seconds" in found.says) == ("wrong", True)
