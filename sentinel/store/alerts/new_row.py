"""The row of an alert that is new."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NamedTuple

from sentinel.alerts.state import AlertState
from sentinel.checks.reading import Reading
from sentinel.evaluation.model import Evaluation
from sentinel.store.database.bulk import dumped

__all__ = ["NewAlert", "cells", "searched", "words_moved"]

_NUMBER = re.compile(r"\d[\d.,]*")
_MOST = 20_000


class NewAlert(NamedTuple):
    """What a new alert has from the evaluation that raised it.

    `suppressed` is until when its fingerprint is, and why; `source` is rule or check.
    """

    evaluation: Evaluation
    category: str
    source: str
    suppressed: tuple[datetime, str] | None
    now: datetime


def cells(
    of: NewAlert,
    state: AlertState,
    print_: str,
    reading: Reading,
    texts: tuple[str, str, dict[str, str]],
) -> dict[str, Any]:
    """A cell per column.

    Args:
        of: where it comes from
        state: what the lifecycle says of it
        print_: its fingerprint
        reading: that it was raised for
        texts: title, description and annotations
    """
    title, description, annotations = texts
    until, why = of.suppressed or (None, "")
    rule, run, now = of.evaluation.rule, of.evaluation.source, of.now
    return {
        "id": state.id, "tenant": rule.tenant, "rule": rule.name, "fingerprint": print_,
        "status": state.status.value, "severity": state.severity,
        "severity_word": state.word, "category": of.category, "title": title,
        "description": description, "searched": searched(title, description),
        "value": reading.value, "unit": of.evaluation.unit,
        "labels": dumped({**rule.labels, **reading.labels}),
        "annotations": dumped(annotations), "details": dumped(reading.details or {}),
        "team": rule.team, "assignee": "", "source": of.source,
        "first_bad_at": state.first_bad_at, "last_bad_at": state.last_bad_at,
        "seen_at": state.seen_at, "opened_at": state.opened_at, "acknowledged_at": None,
        "acknowledged_by": "", "acknowledge_comment": "", "acknowledged_severity": 0,
        "resolved_at": None, "resolution": "", "resolved_by": "",
        "expires_at": state.expires_at, "suppressed_until": until, "suppress_reason": why,
        "escalation_level": 0, "bad_count": state.bad_count, "occurrences": state.occurrences,
        "flow_run_id": run.flow_run_id, "flow_run_name": run.flow_run_name,
        "flow_run_state": None, "deployment_id": run.deployment_id, "version": state.version,
        "created_at": now, "updated_at": now,
    }  # fmt: skip


def searched(title: str, description: str) -> str:
    """What the index of words takes of these; a long description is found by its beginning."""
    return f"{title} {description[:_MOST]}"


def words_moved(before: str, after: str) -> bool:
    """Whether a title says something else than before, and not only another number."""
    return _NUMBER.sub("", before) != _NUMBER.sub("", after)
