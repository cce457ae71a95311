"""Rules of Sentinel about itself, which the relay evaluates where no worker can."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.rules.rule import Rule
from sentinel.store import Store

__all__ = ["apply_own"]


def apply_own(
    store: Store, now: datetime, readings: Sequence[Reading], *, name: str, description: str,
    **more: Any,
) -> Applied:  # fmt: skip
    """Apply an evaluation of a rule of high severity about Sentinel itself.

    The rule has no period: nothing is due while there is nothing to say, so it is never stale.

    Args:
        store: the shared database
        now: the present time
        readings: what was seen
        name: of the rule
        description: of the rule
        more: further fields of the rule

    Returns:
        What came of it.
    """
    rule = Rule(name=name, description=description, severity="high", category="system", **more)
    return store.apply(
        Evaluation(
            rule=rule,
            trigger="relay",
            slot=now,
            at=now,
            observation=Observation(readings=list(readings)),
        )
    )
