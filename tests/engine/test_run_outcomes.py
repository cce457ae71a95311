"""What is said of a run that ended: its message, and what its artifacts tell people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sentinel.engine.run_outcomes import outcomes


class Made:
    """Artifacts of a run; notes for which runs they were asked for."""

    def __init__(self, *artifacts: dict[str, Any]) -> None:
        self._artifacts = [{"flow_run_id": "r", "key": None, **one} for one in artifacts]
        self.asked = list[Sequence[str]]()

    def artifacts_of(self, flow_run_ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        self.asked.append(flow_run_ids)
        return self._artifacts


def lines(*artifacts: dict[str, Any], **run: Any) -> list[str]:
    return outcomes(Made(*artifacts), [{"id": "r", **run}])["r"].splitlines()


def test_artifacts_for_people_are_lines_and_others_are_not():
    assert lines(
        {"type": "markdown", "key": "pods", "description": "Restarted\n  3 pods"},
        {"type": "table", "key": "rows", "data": '[{"a": 1}, {"a": 2}]'},
        {"type": "table", "data": "no JSON"},
        {"type": "table", "data": '{"a": [1]}'},
        {"type": "link", "data": "[log](https://log.example)"},
        {"type": "progress", "data": 3.0},
        {"type": "result", "data": "x"},
        state={"message": " restarted "},
    ) == [
        "restarted", "pods: Restarted 3 pods", "rows: a table of 2 rows", "table: a table",
        "table: a table", "link: [log](https://log.example)",
    ]  # fmt: skip


def test_long_and_many_ones_are_cut_and_nothing_breaks_a_line():
    found = lines(*({"type": "markdown", "data": f"{n}\0 " + "x" * 900} for n in range(13)))
    assert len(found) == 11
    assert found[-1] == "and 3 more artifacts"
    assert all(len(one) < 420 for one in found)
    assert "\0" not in "".join(found)


def test_nothing_is_asked_where_nothing_ended_and_a_run_that_says_nothing_says_so():
    nothing = Made()
    assert (outcomes(nothing, []), nothing.asked) == ({}, [])
    assert outcomes(nothing, [{"id": "r", "state": None}]) == {"r": ""}
