"""Backtests: what a rule would have done with what was seen.

Stored readings and events go through a throw-away store on a simulated clock: the same
`Store.apply`, the same matching of events, the same grouping and the same decisions on messages as
live. There is no second evaluator, and so nothing here decides what is bad or who is notified.
"""

from sentinel.backtest.chart import picture
from sentinel.backtest.diff import difference
from sentinel.backtest.planning import Candidate, planned
from sentinel.backtest.policies import (
    EVENT_TRIGGERS,
    Came,
    EventPlan,
    planned_events,
    replay_events,
    spec_of,
    stored_spec,
)
from sentinel.backtest.readings import Seen, read_file, stored, watched
from sentinel.backtest.replay import Plan, replay
from sentinel.backtest.result import MOST_PEAKS, Backtest, Message, ReplayedAlert, Spell

__all__ = [
    "EVENT_TRIGGERS",
    "MOST_PEAKS",
    "Backtest",
    "Came",
    "Candidate",
    "EventPlan",
    "Message",
    "Plan",
    "ReplayedAlert",
    "Seen",
    "Spell",
    "difference",
    "picture",
    "planned",
    "planned_events",
    "read_file",
    "replay",
    "replay_events",
    "spec_of",
    "stored",
    "stored_spec",
    "watched",
]
