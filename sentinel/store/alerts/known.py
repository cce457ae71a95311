"""What is stored of a rule that its next evaluation starts from, of one or of many rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from sentinel.evaluation.evaluator import Memory
from sentinel.rules.rule import Rule
from sentinel.store.alerts.loading import Live, load_live, load_live_of_rules
from sentinel.store.rules.condition_state import load_memories, load_memory

__all__ = ["Known", "load_known", "load_known_of_rules"]


class Known(NamedTuple):
    """The alerts of a rule that are not resolved, and what its conditions remember."""

    live: Live
    memory: Memory


def load_known(connection: Connection, rule: Rule, prints: Sequence[str] | None) -> Known:
    """Return what is stored of one rule.

    Args:
        connection: the transaction that holds the rule's lock
        rule: the rule
        prints: only alerts of these fingerprints; None for all

    Returns:
        Its alerts and its memory.
    """
    return Known(load_live(connection, rule, prints), load_memory(connection, rule))


def load_known_of_rules(connection: Connection, rules: Sequence[Rule]) -> dict[str, Known]:
    """Return what is stored of several rules of one tenant, by name, read together.

    Args:
        connection: the transaction that holds the locks of the rules
        rules: at least one, all of one tenant

    Returns:
        An entry for each rule.
    """
    lives = load_live_of_rules(connection, rules[0].tenant, [rule.name for rule in rules])
    memories = load_memories(connection, rules)
    return {rule.name: Known(lives[rule.name], memories[rule.name]) for rule in rules}
