"""Sentinel: alerts that a person can work through, built out of Prefect.

What writers of checks need is here::

    from sentinel import Reading, above, trigger
"""

from sentinel.checks.context import Context
from sentinel.checks.reading import Reading
from sentinel.checks.trigger import Trigger, trigger
from sentinel.rules.condition import When, above, below, equals, levels, outside
from sentinel.rules.rule import Rule

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
