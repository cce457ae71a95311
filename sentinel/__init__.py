"""Sentinel: alerts that a person can work through, built out of Prefect.

What writers of checks need is here::

    from sentinel import Reading, above, trigger
"""

from sentinel.condition import When, above, below, equals, levels, outside
from sentinel.context import Context
from sentinel.reading import Reading
from sentinel.rule import Rule
from sentinel.trigger import Trigger, trigger

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
