"""The words in which other systems write a rule, turned into a draft. Pure.

`threshold_value` and `comparison_operator` are the rule's `when`, `evaluation_window_minutes` and
`consecutive_violations` say for how long and how often, `condition` is an expression, and
`notification_channels` are receivers. A body that names no metric is matched to a shipped check by
its name. Every guess and everything that has no effect yet is said in a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from sentinel.duration import format_duration
from sentinel.errors import RuleError
from sentinel.rollout.metric_conditions import EXPRESSION, carried
from sentinel.rollout.rule_draft import Draft, length_of
from sentinel.rollout.thresholds import names_in
from sentinel.rollout.when_change import WhenChange
from sentinel.rollout.when_words import OF_READING
from sentinel.rules.rule import Rule

__all__ = ["Known", "Worded", "slug_of", "worded"]

_WORDS = re.compile(r"[a-z]+")
_FIELDS = frozenset(field.alias or name for name, field in Rule.model_fields.items())
_MOST_NAME = 100

WORDS: Mapping[str, str] = {
    "cpu": "cpu-busy",
    "processor": "cpu-busy",
    "memory": "memory-high",
    "disk": "disk-space",
    "service": "service-down",
    "services": "service-down",
    "database": "database-slow",
    "db": "database-slow",
    "backup": "backup-failed",
    "backups": "backup-failed",
}
"""The shipped rule that a word in a rule's name means."""
_PLACEHOLDERS: Mapping[str, str] = {"service_up": "services", "backup_fresh": "folders"}
"""Parameters whose shipped value is an example: nothing is scheduled before it is given."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a body may name.

    Attributes:
        shipped: returns the entry of a rule that ships, as its deployment would be drafted
        judges: returns whether a check judges by itself, so that it has no threshold
        checks: names of all checks
        metrics: names of the stored metrics of the tenant
        receivers: names of the receivers that there are
    """

    shipped: Callable[[str], Draft]
    judges: Callable[[str], bool]
    checks: Collection[str]
    metrics: Collection[str]
    receivers: Collection[str]


class Worded(msgspec.Struct, frozen=True, kw_only=True):
    """A draft, and how the words of the body were understood.

    Attributes:
        draft: of the rule
        matched: the shipped check that the name of the rule was matched to; empty where it was
            given
        notes: what was guessed, and what has no effect
        given: the words that the rule is made of, to be given back: those of the body, after a
            change with those of before that still hold
    """

    draft: Draft
    matched: str = ""
    notes: list[str] = []
    given: dict[str, Any] = {}


def slug_of(name: str) -> str:
    """Return the name of a rule that a title stands for.

    Args:
        name: as it was given

    Returns:
        Small letters, digits and dashes; the same name where it is one already.

    Raises:
        RuleError: it has no letter and no digit
    """
    text = re.sub(r"[^a-z0-9._]+", "-", name.strip().lower())[:_MOST_NAME].strip("-._")
    if not text:
        raise RuleError(f"name: {name!r} has no letter and no digit", hint="Give it a name.")
    return text


def worded(
    body: Mapping[str, Any],
    known: Known,
    before: Draft | None = None,
    given: Mapping[str, Any] | None = None,
) -> Worded:
    """Return the draft that a body describes.

    Args:
        body: the fields that were given, by the names that rules or other systems have for them
        known: what it may name
        before: the rule as it is, of which only the given fields change; None for a new one
        given: the words that the rule was made of; a part of a condition is merged with them

    Returns:
        The draft, whose rule is not checked yet.

    Raises:
        RuleError: two fields say different things, nothing says what to check, or a part of a
            condition is given and the rest is not known
    """
    return _Wording(body, known, before, given or {}).done()


class _Wording:
    """One body on its way to a draft."""

    def __init__(
        self,
        body: Mapping[str, Any],
        known: Known,
        before: Draft | None,
        given: Mapping[str, Any],
    ) -> None:
        self._body = {name: value for name, value in body.items() if value is not None}
        self._known = known
        self._before = before
        self._given: dict[str, Any] = dict(given)
        self._notes: list[str] = []
        self._matched = ""
        self._rule: dict[str, Any] = dict(before.rule) if before else {}
        self._draft = before

    def done(self) -> Worded:
        """Return the draft."""
        body = self._body
        self._name()
        self._source()
        for name in _FIELDS - {"name"}:
            if name in body:
                self._rule[name] = body[name]
        self._how_long()
        self._judged()
        self._notified()
        self._escalated()
        changes: dict[str, Any] = {"rule": self._rule}
        if "tags" in body:
            changes["tags"] = tuple(body["tags"])
        if "work_pool" in body:
            changes["work_pool"] = body["work_pool"]
        draft = msgspec.structs.replace(self._chosen, **changes)
        return Worded(
            draft=draft, matched=self._matched, notes=self._notes, given={**self._given, **body}
        )

    @property
    def _chosen(self) -> Draft:
        """The draft, once it is known which check the rule uses.

        Raises:
            RuleError: nothing says so
        """
        if self._draft is None:
            raise RuleError("nothing says what to check", hint=self._what_there_is())
        return self._draft

    def _name(self) -> None:
        given = self._body.get("name")
        if self._before is None:
            self._rule["name"] = slug_of(str(given or ""))
        elif given is not None and slug_of(str(given)) != self._before.name:
            raise RuleError(
                f"name: a rule keeps its name, which is {self._before.name!r}",
                hint="Create a rule of the new name, then delete this one.",
            )

    def _source(self) -> None:
        """Decide which check the rule uses, and with which parameters."""
        body = self._body
        parameters: dict[str, Any] = dict(body.get("parameters") or {})
        trigger = body.get("trigger")
        metric = body.get("metric")
        before = self._before
        if trigger and metric and trigger != "metric_threshold":
            raise RuleError(f"metric: {trigger} is given as the trigger", hint="Give one of them.")
        if metric:
            kept = before.parameters if before and before.trigger == "metric_threshold" else {}
            self._use("metric_threshold", {**kept, **parameters, "metric": metric})
        elif trigger:
            if trigger not in self._known.checks:
                raise RuleError(
                    f"trigger: there is no check {trigger!r}", hint=self._what_there_is()
                )
            kept = before.parameters if before and before.trigger == trigger else {}
            self._use(str(trigger), {**kept, **parameters})
        elif before is not None:
            self._use(before.trigger, {**before.parameters, **parameters})
        elif self._of_metrics() is None:
            self._match(parameters)
        condition = self._of_metrics()
        if condition is not None:
            if metric or trigger:
                raise RuleError(
                    "condition: names metrics, but another check is given", hint="Give one of them."
                )
            metrics, expression = condition
            kept = before.parameters if before and before.trigger == EXPRESSION else {}
            self._use(
                EXPRESSION,
                {**carried(kept, metrics), **parameters,
                 "metrics": metrics, "expression": expression},
            )  # fmt: skip

    def _use(self, trigger: str, parameters: dict[str, Any]) -> None:
        if self._draft is None:
            self._draft = Draft(trigger=trigger, parameters=parameters)
            return
        changes: dict[str, Any] = {"trigger": trigger, "parameters": parameters}
        example = _PLACEHOLDERS.get(trigger)
        if example and example in (self._body.get("parameters") or {}):
            changes["scheduled"] = True
        self._draft = msgspec.structs.replace(self._draft, **changes)

    def _of_metrics(self) -> tuple[dict[str, str], str] | None:
        """Return the metrics that the condition names.

        Returns:
            The metric behind each name, and the condition; None where it names none.

        Raises:
            RuleError: it cannot be read, or names what is not known
        """
        condition = str(self._body.get("condition") or "").strip()
        if not condition:
            return None
        asked = names_in(condition)
        if asked <= OF_READING:
            return None
        metrics = {name: name for name in self._known.metrics} | self._own_names()
        unknown = sorted(asked - metrics.keys())
        if unknown:
            raise RuleError(
                f"condition: names {', '.join(unknown)}, which is no metric that is known",
                hint=f"Write value, labels.NAME, or a metric. {self._what_there_is()}",
            )
        return {name: metrics[name] for name in sorted(asked)}, condition

    def _own_names(self) -> dict[str, str]:
        """Return the metric behind each name that the rule itself gives one."""
        before = self._before
        kept = before.parameters if before and before.trigger == EXPRESSION else {}
        given: dict[str, Any] = self._body.get("parameters") or {}
        return {**dict(kept.get("metrics") or {}), **dict(given.get("metrics") or {})}

    def _match(self, parameters: dict[str, Any]) -> None:
        name = str(self._body.get("name") or "")
        words = _WORDS.findall(name.lower())
        fitting = {WORDS[word]: word for word in words if word in WORDS}
        if len(fitting) != 1:
            several = " and ".join(sorted(fitting.values()))
            why = f"fits several checks ({several})" if fitting else "fits no shipped check"
            raise RuleError(
                f"name: {name!r} {why}, and the body has neither metric nor trigger nor condition",
                hint=self._what_there_is(),
            )
        ((shipped, word),) = fitting.items()
        draft = self._known.shipped(shipped)
        self._matched = draft.trigger
        example = _PLACEHOLDERS.get(draft.trigger)
        waits = example is not None and example not in parameters
        self._draft = msgspec.structs.replace(
            draft,
            parameters={**draft.parameters, **parameters},
            rule={},
            tags=("sentinel",),
            scheduled=not waits,
        )
        kept = {key: draft.rule[key] for key in ("group_by", "annotations") if key in draft.rule}
        self._rule = {**kept, **self._rule}
        if "every" in draft.rule:
            self._rule["every"] = draft.rule["every"]
        self._notes.append(
            f"the name has the word {word!r}, so it uses the check {draft.trigger}, as the shipped "
            f"rule {shipped} does"
        )
        if waits:
            self._notes.append(
                f"its schedule is off until parameters.{example} says what to check: now it has "
                f"the example {draft.parameters.get(str(example))}"
            )

    def _how_long(self) -> None:
        body = self._body
        if "evaluation_window_minutes" in body:
            window = format_duration(length_of(body["evaluation_window_minutes"]))
            if "for" in body:
                raise RuleError("for: evaluation_window_minutes is given too", hint="Give one.")
            draft = self._chosen
            of_metrics = draft.trigger.startswith("metric_")
            if of_metrics and body["evaluation_window_minutes"] > 0:
                self._draft = msgspec.structs.replace(
                    draft, parameters={**draft.parameters, "over": window}
                )
                self._notes.append(f"the metric's average over {window} is judged")
            elif of_metrics:
                self._notes.append(
                    "evaluation_window_minutes 0 has no effect on a metric, whose window stays"
                )
            else:
                self._rule["for"] = window
        if "consecutive_violations" in body:
            self._rule["consecutive"] = body["consecutive_violations"]

    def _judged(self) -> None:
        """Make `when` of a threshold, an operator and a condition."""
        change = WhenChange(
            body=self._body, draft=self._chosen, before=self._before, rule=self._rule,
            given=self._given, judges=self._known.judges(self._chosen.trigger),
        )  # fmt: skip
        change.apply()
        self._notes += change.notes

    def _notified(self) -> None:
        channels = self._body.get("notification_channels")
        if channels is None:
            return
        if "receivers" in self._body:
            raise RuleError("receivers: notification_channels is given too", hint="Give one.")
        names = list(dict.fromkeys(slug_of(one) for one in channels))
        self._rule["receivers"] = names
        missing = [name for name in names if name not in self._known.receivers]
        if missing:
            self._notes.append(
                f"there is no receiver {', '.join(missing)} yet, so the receiver default is "
                f"notified instead; create it with PUT /api/v1/alerts/receivers/{missing[0]}"
            )

    def _escalated(self) -> None:
        """Make the rule's escalation of `escalation_rules`, whose channels are receivers."""
        given = self._body.get("escalation_rules")
        if given is None:
            return
        rules = {name: value for name, value in dict(given).items() if value is not None}
        names = list(dict.fromkeys(slug_of(one) for one in rules.get("channels") or ()))
        if not names and "on_call_schedule" not in rules:
            names = list(self._rule.get("receivers") or ["default"])
            self._notes.append(
                "escalation_rules name neither channels nor an on_call_schedule, so each level "
                f"pages the rule's receivers: {', '.join(names)}"
            )
        if names:
            rules["channels"] = names
        self._rule["escalation_rules"] = rules

    def _what_there_is(self) -> str:
        metrics = ", ".join(sorted(self._known.metrics)[:50]) or "none"
        checks = ", ".join(sorted(self._known.checks))
        words = ", ".join(word for word in WORDS if not word.endswith("s"))
        return f"Metrics: {metrics}. Checks: {checks}. Words in a name: {words}."
