"""What the rules make of an alert that comes in. Pure: the same alert, rules and tables, the same.

A rule that cannot do something says so in its step and does the rest: no alert is lost over it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sentinel.errors import ExpressionError
from sentinel.expression.compiling import Expression, compile_expression
from sentinel.labels.alertmanager import matchers_of
from sentinel.labels.matchers import Matcher
from sentinel.labels.text import MAX_LABELS, MAX_NAME, storable
from sentinel.orchestration.document import (
    NAMES,
    OrchestrationDocument,
    OrchestrationRule,
    read_orchestration,
)
from sentinel.orchestration.incoming import Incoming, Outcome, Step
from sentinel.orchestration.tables import Table
from sentinel.severity import severity_of
from sentinel.template import placeholders, render, values_at

__all__ = ["Orchestration", "Tables", "orchestration_of", "unchanged"]

Tables = Callable[[str], Table | None]
"""Finds a table by its name; None where there is none that may be used."""

_MOST_TEAM, _MOST_TITLE, _MOST_TEXT, _MOST_ANNOTATIONS = 100, 2000, 4000, 100


def unchanged(given: Incoming) -> Outcome:
    """Return what becomes of an alert where no rule looks at it."""
    return Outcome(verdict="pass", given=given)


def orchestration_of(text: str) -> Orchestration:
    """Compile a document that was read before."""
    return Orchestration(read_orchestration(text, known=True))


class Orchestration:
    """The rules of one document, compiled once.

    Args:
        document: as it was read
    """

    def __init__(self, document: OrchestrationDocument) -> None:
        self.document = document
        self.tables = document.tables
        self._rules = [_Rule(one, one.name) for one in document.rules]

    def decide(self, given: Incoming, tables: Tables) -> Outcome:
        """Return what becomes of an alert.

        Args:
            given: as its sender posted it
            tables: finds what rules enrich from

        Returns:
            The verdict, the changed alert, and the step of each rule that did anything.
        """
        alert = _Alert(given, tables)
        for rule in self._rules:
            if not rule.apply(alert):
                break
        return alert.outcome()


class _Alert:
    """An alert while rules work on it."""

    def __init__(self, given: Incoming, tables: Tables) -> None:
        self.given = given
        self.find = tables
        self.labels = dict(given.labels)
        self.annotations = dict(given.annotations)
        self.fields = {"severity": given.severity, "owner": given.owner, "title": given.title}
        self.steps: list[Step] = []
        self.verdict: Any = "pass"
        self.hold: Any = None
        self.by = ""

    @property
    def values(self) -> dict[str, Any]:
        """What expressions and texts may ask for."""
        return {
            "sender": self.given.sender, "labels": self.labels, "annotations": self.annotations,
            "service": self.labels.get("service"), "value": self.given.value,
            **{name: text or None for name, text in self.fields.items()},
        }  # fmt: skip

    def text(self, field: str) -> str:
        """Return what a field says; empty for nothing."""
        where, name = self._place(field)
        return where.get(name, "")

    def put(self, field: str, text: str) -> str:
        """Change a field.

        Args:
            field: one of `FIELDS`, labels.NAME or annotations.NAME
            text: what it is to say; empty removes it

        Returns:
            Why it cannot be; empty where it was done.
        """
        where, name = self._place(field)
        text = storable(text)
        if not text and name in where and where is self.labels and len(where) == 1:
            return f"{field} is the only label, which identifies the alert, so it stays"
        if not text:
            if where is self.fields:
                where[name] = ""
            else:
                where.pop(name, None)
            return ""
        if field == "severity":
            text = text.strip().lower()
            try:
                severity_of(text)
            except ValueError as error:
                return str(error)
        most = {"owner": _MOST_TEAM, "title": _MOST_TITLE}.get(field, _MOST_TEXT)
        most = MAX_NAME if where is self.labels else most
        if len(text) > most:
            return f"{field}: a text of {len(text):,} characters; {most:,} are allowed"
        count = {id(self.labels): MAX_LABELS, id(self.annotations): _MOST_ANNOTATIONS}
        if name not in where and len(where) >= count.get(id(where), MAX_LABELS):
            return f"{field}: there are {len(where)} already, which is the most"
        where[name] = text
        return ""

    def outcome(self) -> Outcome:
        """Return what became of it."""
        made = msgspec.structs.replace(
            self.given, labels=self.labels, annotations=self.annotations, **self.fields
        )
        return Outcome(
            verdict=self.verdict, given=made, steps=self.steps, hold=self.hold, by=self.by
        )

    def _place(self, field: str) -> tuple[dict[str, str], str]:
        kind, _, rest = field.partition(".")
        if kind == "labels":
            return self.labels, rest
        if kind == "annotations":
            return self.annotations, rest
        return (self.labels, field) if field == "service" else (self.fields, field)


class _Rule:
    """A rule, compiled."""

    def __init__(self, rule: OrchestrationRule, path: str) -> None:
        self.rule, self.path = rule, path
        self._matchers: list[Matcher] = [m for one in rule.matchers for m in matchers_of(one)]
        self._when = None if rule.when is None else compile_expression(rule.when, NAMES)
        self._of = {name: compile_expression(one.of, NAMES) for name, one in rule.map.items()}
        self._where: dict[str, Expression] = {}
        if rule.enrich is not None:
            self._where = {
                name: compile_expression(one, NAMES) for name, one in rule.enrich.where.items()
            }
        self._rules = [_Rule(one, f"{path} / {one.name}") for one in rule.rules]

    def apply(self, alert: _Alert) -> bool:
        """Work on an alert.

        Returns:
            Whether further rules look at it.
        """
        if not all(one(alert.labels) for one in self._matchers):
            return True
        errors: list[str] = []
        if self._when is not None:
            try:
                if not self._when.holds(alert.values):
                    return True
            except ExpressionError as error:
                alert.steps.append(Step(rule=self.path, errors=[f"when: {error}"]))
                return True
        before = self._seen(alert)
        self._change(alert, errors)
        changed = {
            field: (was, now) for field, was in before.items() if (now := alert.text(field)) != was
        }
        verdict = "drop" if self.rule.drop else "hold" if self.rule.hold is not None else ""
        if changed or errors or verdict:
            step = Step(rule=self.path, changed=changed, verdict=verdict, errors=errors)
            alert.steps.append(step)
        if self.rule.drop:
            alert.verdict, alert.by, alert.hold = "drop", self.path, None
            return False
        if self.rule.hold is not None:
            alert.verdict, alert.by, alert.hold = "hold", self.path, self.rule.hold
        return all(one.apply(alert) for one in self._rules) and not self.rule.stop

    def _seen(self, alert: _Alert) -> dict[str, str]:
        """Return what the fields say that this rule may change."""
        rule = self.rule
        enriched = () if rule.enrich is None else rule.enrich.set
        names = [*rule.rename, *rule.rename.values(), *rule.remove]
        fields = (*enriched, *rule.map, *rule.set, *(f"labels.{name}" for name in names))
        return {_same_name(field): alert.text(field) for field in fields}

    def _change(self, alert: _Alert, errors: list[str]) -> None:
        rule = self.rule

        def put(field: str, text: str) -> None:
            why = alert.put(field, text)
            if why:
                errors.append(why)

        if rule.enrich is not None:
            self._enrich(alert, errors, put)
        for old, new in rule.rename.items():
            text = alert.labels.get(old)
            if text is not None:
                # The new one first, so that the only label may be renamed.
                put(f"labels.{new}", text)
                if old != new and alert.labels.get(new) == text:
                    put(f"labels.{old}", "")
        for field, mapped in rule.map.items():
            try:
                answer = _as_text(self._of[field](alert.values))
            except ExpressionError as error:
                errors.append(f"map.{field}: {error}")
                continue
            if answer is not None and mapped.table is not None:
                answer = mapped.table.get(answer, mapped.default)
            elif answer is None:
                answer = mapped.default
            if answer is not None:
                put(field, answer)
        for field, text in rule.set.items():
            values = alert.values
            missing = [name for name in placeholders(text) if not _there(name, values)]
            if missing:
                errors.append(f"set.{field}: there is no {missing[0]}")
            else:
                put(field, render(text, values))
        for name in rule.remove:
            if name in alert.labels:
                put(f"labels.{name}", "")

    def _enrich(self, alert: _Alert, errors: list[str], put: Callable[[str, str], None]) -> None:
        enrich = self.rule.enrich
        if enrich is None:
            return
        table = alert.find(enrich.table)
        if table is None:
            errors.append(f"enrich: there is no table {enrich.table!r} that may be used")
            return
        unknown = sorted({*enrich.where, *enrich.set.values()} - set(table.columns))
        if unknown:
            errors.append(f"enrich: the table {enrich.table!r} has no column {unknown[0]!r}")
            return
        wanted: dict[str, str] = {}
        for column, expression in self._where.items():
            try:
                answer = _as_text(expression(alert.values))
            except ExpressionError as error:
                errors.append(f"enrich.where.{column}: {error}")
                return
            if answer is None:
                return
            wanted[column] = answer
        row = table.find(wanted)
        if row is None:
            return
        for field, column in enrich.set.items():
            if row[column]:
                put(field, row[column])


def _same_name(field: str) -> str:
    return "service" if field == "labels.service" else field


def _there(name: str, values: Mapping[str, Any]) -> bool:
    found: list[Any] = []
    values_at(values, name.split("."), found)
    return any(one is not None for one in found)


def _as_text(answer: object) -> str | None:
    """Return an answer as the text of a field; None for none, and for what is no single value."""
    if isinstance(answer, bool):
        return str(answer).lower()
    if isinstance(answer, str):
        return answer
    if isinstance(answer, float) and answer.is_integer():
        return str(int(answer))
    return str(answer) if isinstance(answer, int | float) else None
