"""Anchors are fixed by the name, and spread rules over their period."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.timing.schedule import EPOCH, anchor_for, main, next_time

NAMES = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=40)


def test_the_anchor_of_a_name_never_moves():
    # Written down, so that a change of the formula is noticed: it would move every schedule.
    assert anchor_for("disk-space", timedelta(seconds=60)).isoformat() == (
        "2026-01-01T00:00:22+00:00"
    )


@given(NAMES, st.integers(min_value=1, max_value=7 * 86_400))
def test_the_anchor_lies_within_one_period_of_the_epoch_in_whole_seconds(name: str, seconds: int):
    offset = anchor_for(name, timedelta(seconds=seconds)) - EPOCH
    assert timedelta(0) <= offset < timedelta(seconds=seconds)
    assert offset.microseconds == 0


def test_rules_of_one_period_do_not_start_together():
    anchors = [anchor_for(f"rule-{n}", timedelta(seconds=60)) for n in range(600)]
    busiest = max(anchors.count(anchor) for anchor in set(anchors))
    assert len(set(anchors)) == 60
    assert busiest < 30


@pytest.mark.parametrize("seconds", [0, -1])
def test_an_interval_of_nothing_is_refused(seconds: int):
    with pytest.raises(ValueError, match="disk-space: an interval must be more than 0s"):
        anchor_for("disk-space", timedelta(seconds=seconds))


def test_the_command_prints_the_anchor(capsys: pytest.CaptureFixture[str]):
    assert main(["disk-space", "60s"]) == 0
    assert capsys.readouterr().out == "2026-01-01T00:00:22+00:00\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "NAME"),
        (["disk-space"], "for example python -m sentinel.timing.schedule disk-space 60s"),
        (["disk-space", "soon"], "'soon' is not a duration: write 30s, 5m"),
        (["disk-space", "0s"], "disk-space: an interval must be more than 0s"),
    ],
)
def test_what_it_cannot_answer_is_wrong_usage(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert said in printed.err


@given(st.text(min_size=1, max_size=9), st.integers(1, 90_000), st.integers(-90_000, 90_000))
def test_the_next_time_of_a_schedule_is_counted_from_its_anchor(name: str, every: int, now: int):
    interval, moment = timedelta(seconds=every), EPOCH + timedelta(seconds=now)
    found = next_time(name, interval, moment)
    assert moment < found <= moment + interval
    assert (found - anchor_for(name, interval)) % interval == timedelta(0)
