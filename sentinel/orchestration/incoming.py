"""An alert as a sender posts it, and what orchestration makes of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

import msgspec

__all__ = ["Incoming", "Outcome", "Step", "Verdict"]

Verdict = Literal["pass", "drop", "hold"]


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender says of one alert.

    Attributes:
        sender: whose door it came through, also the name of the rule that it is a reading of
        labels: they identify it
        severity: a severity word; empty where the sender gives none
        owner: the team that owns it; empty for none
        title: one line for people
        annotations: texts for people by name
        value: the number that is wrong; None for none
    """

    sender: str
    labels: Mapping[str, str]
    severity: str = ""
    owner: str = ""
    title: str = ""
    annotations: Mapping[str, str] = {}
    value: float | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one rule did.

    Attributes:
        rule: its name, after those of the groups around it
        changed: the text before and the text after, by field; empty for none
        verdict: that it dropped the alert or holds it back; empty for neither
        errors: what it could not do, each as a sentence
    """

    rule: str
    changed: dict[str, tuple[str, str]] = {}
    verdict: str = ""
    errors: list[str] = []


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of an alert.

    Attributes:
        verdict: whether it passes, is dropped or held back
        given: the alert with all changes; its labels identify the alert from here on
        steps: what each rule that did anything did, in order
        hold: how long it must have lasted before it passes; None without `hold`
        by: the rule that dropped it or holds it back; empty for none
    """

    verdict: Verdict
    given: Incoming
    steps: list[Step] = []
    hold: timedelta | None = None
    by: str = ""
