"""The metrics of a worker, as text for Prometheus and as JSON for `sentinel status`."""

from __future__ import annotations

import statistics
import time
from collections import Counter, deque
from typing import Any

import msgspec

__all__ = ["Metrics", "RuleMetrics"]

_WINDOW = 300.0
_LATE_IN_A_ROW = 3


class RuleMetrics(msgspec.Struct):
    """The timing of one rule.

    Attributes:
        every: period of the rule in seconds; 0 for none
        late: seconds between scheduled and actual start of the last run
        late_in_a_row: number of consecutive runs that started late
        over_in_a_row: number of consecutive runs that took longer than the period
        took: duration of the last run in seconds
    """

    every: float
    late: float = 0.0
    late_in_a_row: int = 0
    over_in_a_row: int = 0
    took: float = 0.0

    def problem(self) -> str:
        """Return the problem of the last runs in words; empty if there is none."""
        if self.over_in_a_row >= _LATE_IN_A_ROW:
            return f"takes {self.took:.0f} s, longer than its period of {self.every:.0f} s"
        if self.late_in_a_row >= _LATE_IN_A_ROW:
            return f"starts {self.late:.0f} s late"
        return ""


class Metrics:
    """Counters since the worker started, and the last five minutes."""

    def __init__(self) -> None:
        self.started = time.time()
        self.ended: Counter[str] = Counter()
        self.collapsed = 0
        self.lost_claims = 0
        self.crashed_of_others = 0
        self.rules: dict[str, RuleMetrics] = {}
        self.outage_since: float | None = None
        self.outages = 0
        self._recent: deque[tuple[float, float, float]] = deque()

    def run_ended(self, how: str, *, late: float, took: float) -> None:
        """Count a flow run that ended.

        Args:
            how: name of its final state, or kind of its outcome
            late: seconds between scheduled and actual start
            took: seconds from start to end
        """
        now = time.time()
        self.ended[how] += 1
        self._recent.append((now, late, took))
        while self._recent and self._recent[0][0] < now - _WINDOW:
            self._recent.popleft()

    def rule_ran(self, rule: str, every: float, *, late: float, took: float) -> None:
        """Record the timing of a flow run of a rule, in seconds."""
        known = self.rules.setdefault(rule, RuleMetrics(every))
        known.every, known.late, known.took = every, late, took
        is_late = late > max(10.0, every / 2)
        known.late_in_a_row = known.late_in_a_row + 1 if is_late else 0
        known.over_in_a_row = known.over_in_a_row + 1 if every and took > every else 0

    def snapshot(self, **present: Any) -> dict[str, Any]:
        """Return all metrics as JSON, together with the gauges in `present`."""
        now = time.time()
        recent = [one for one in self._recent if one[0] >= now - _WINDOW]
        late = sorted(one[1] for one in recent)
        span = min(_WINDOW, max(1.0, now - self.started))
        return {
            "runs_per_second": round(len(recent) / span, 3),
            "lateness_seconds": {"p50": _quantile(late, 0.5), "p95": _quantile(late, 0.95)},
            "ended": dict(self.ended),
            "collapsed": self.collapsed,
            "claims_lost_to_others": self.lost_claims,
            "crashed_of_dead_workers": self.crashed_of_others,
            "outages": self.outages,
            "prefect_answers": self.outage_since is None,
            "persistently_late": {
                name: why for name, one in self.rules.items() if (why := one.problem())
            },
            **present,
        }


def prometheus(snapshot: dict[str, Any]) -> str:
    """Return a snapshot in the text format of Prometheus (exposition format, version 0.0.4)."""
    lines: list[str] = []

    def put(name: str, kind: str, about: str, values: dict[str, float]) -> None:
        lines.append(f"# HELP sentinel_worker_{name} {about}")
        lines.append(f"# TYPE sentinel_worker_{name} {kind}")
        lines.extend(f"sentinel_worker_{name}{labels} {v:g}" for labels, v in values.items())

    def by(label: str, values: dict[str, float]) -> dict[str, float]:
        return {f'{{{label}="{_escaped(key)}"}}': value for key, value in values.items()}

    put("runs_total", "counter", "Runs that ended.", by("state", snapshot["ended"]))
    put("runs_per_second", "gauge", "Over five minutes.", {"": snapshot["runs_per_second"]})
    late: dict[str, float] = snapshot["lateness_seconds"]
    put("lateness_seconds", "gauge", "From scheduled to actual start.", by("quantile", {
        "0.5": late["p50"], "0.95": late["p95"]}))  # fmt: skip
    put("collapsed_total", "counter", "Late runs replaced by a newer one.",
        {"": snapshot["collapsed"]})  # fmt: skip
    put("claims_lost_total", "counter", "Runs that another worker claimed first.",
        {"": snapshot["claims_lost_to_others"]})  # fmt: skip
    put("recovered_total", "counter", "Runs of dead workers that were ended.",
        {"": snapshot["crashed_of_dead_workers"]})  # fmt: skip
    put("prefect_up", "gauge", "Whether the API answers.", {"": snapshot["prefect_answers"]})
    put("in_hand", "gauge", "Runs that are claimed or active.", {"": snapshot.get("in_hand", 0)})
    put("waiting", "gauge", "Runs that are due and not claimed.", {"": snapshot.get("waiting", 0)})
    put("children", "gauge", "Child processes that run flows.", {"": snapshot.get("children", 0)})
    put("memory_bytes", "gauge", "Memory of all processes.", {"": snapshot.get("memory", 0)})
    put("replaced_total", "counter", "Children by reason.", by("why", snapshot.get("replaced", {})))
    put("api_calls_total", "counter", "API requests of the parent.",
        by("call", snapshot.get("api_calls", {})))  # fmt: skip
    put("late_rules", "gauge", "Rules that are repeatedly late or over their period.",
        {"": len(snapshot["persistently_late"])})  # fmt: skip
    return "\n".join(lines) + "\n"


def _quantile(values: list[float], share: float) -> float:
    if not values:
        return 0.0
    if len(values) == 1:
        return round(values[0], 3)
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return round(cuts[min(98, int(share * 100) - 1)], 3)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
