"""Event policies: which JSON events are worth an alert, for thousands of policies at once.

`model` is what people write, `fields` finds values in nested JSON, `operators` are the tests,
`index` and `matching` find the few policies that an event may match without asking each, and
`outcome` says what a match comes to: an alert, or why not.
"""

from __future__ import annotations

from sentinel.event_policies.clause import Condition
from sentinel.event_policies.matcher import Matcher, compile_policy
from sentinel.event_policies.model import EventPolicy
from sentinel.event_policies.outcome import Outcome, Verdict, decide

__all__ = [
    "Condition",
    "EventPolicy",
    "Matcher",
    "Outcome",
    "Verdict",
    "compile_policy",
    "decide",
]
