"""Backtests: what a rule would have done with what was seen.

Stored readings go through a throw-away store on a simulated clock: the same `Store.apply`, the
same grouping and the same decisions on messages as live. There is no second evaluator, and so
nothing here says what is bad or who is told.
"""

from sentinel.backtest.difference import difference
from sentinel.backtest.picture import picture
from sentinel.backtest.planning import Tried, planned
from sentinel.backtest.readings import Seen, read_file, stored, watched
from sentinel.backtest.replay import Plan, replay
from sentinel.backtest.result import Backtest, Message, ReplayedAlert, Spell

__all__ = [
    "Backtest",
    "Message",
    "Plan",
    "ReplayedAlert",
    "Seen",
    "Spell",
    "Tried",
    "difference",
    "picture",
    "planned",
    "read_file",
    "replay",
    "stored",
    "watched",
]
