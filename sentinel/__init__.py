"""Sentinel: alerts that a person can work through, built out of Prefect.

What writers of checks need is here::

    from sentinel import Reading, above, trigger
"""

from sentinel.rules.condition import (When, above, below, equals, levels, outside)
from sentinel.checks.context import (Context)
from sentinel.checks.reading import (Reading)
from sentinel.rules.rule import (Rule)
from sentinel.checks.trigger import (Trigger, trigger)

__all__ = [
    "Context",
    "Reading",
    "Rule",
    "Trigger",
    "When",
    "above",
    "below",
    "equals",
    "levels",
    "outside",
    "trigger",
]
