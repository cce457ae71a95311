"""The one mapping between rows of alerts and the structs that the rest of Sentinel works with.

Everything here follows from the table `alert` and from `AlertState`: which columns a query selects,
how a row becomes a state, which cells an update writes, and the row of a new alert. A column that
the lifecycle needs is added to `sentinel.schema.alerts.Alert` and, by the same name, to
`AlertState`; nothing here changes. `unit_of_work` writes the rows; this module touches no
connection but to select.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar, cast, get_type_hints

import msgspec
from sqlalchemy import Connection, Row, Select, Table, select
from sqlalchemy.sql.elements import ColumnElement

from sentinel.alerts.state import AlertState
from sentinel.checks.reading import Reading
from sentinel.evaluation.model import Evaluation
from sentinel.schema.alerts import Alert
from sentinel.store.database.bulk import dumped
from sentinel.store.database.kinds import kinds_of
from sentinel.store.database.tables import ALERT

__all__ = [
    "ALERT_STATES",
    "NEW_ALERT_COLUMNS",
    "AlertTexts",
    "NewAlerts",
    "StateMapping",
    "is_indexed",
    "searched",
    "state_of",
    "state_query",
    "state_select",
    "words_moved",
]

S = TypeVar("S", bound=msgspec.Struct)
AlertTexts = tuple[str, str, dict[str, str]]
"""Title, description and annotations of an alert."""

_NUMBER = re.compile(r"\d[\d.,]*")
_SEARCHED_LETTERS = 20_000


class StateMapping(Generic[S]):
    """How rows of `table` and structs of type `struct` become each other, column by column.

    Every field of the struct is a column of the table. An enum is stored by its value, everything
    else as it is.

    Args:
        table: where the rows are
        struct: whose first field is the primary key of the table
        names: the column of each field whose column is not called the same

    Raises:
        KeyError: the table has no column for a field
    """

    def __init__(
        self, table: Table, struct: type[S], names: Mapping[str, str] | None = None
    ) -> None:
        self._struct = struct
        self._fields = struct.__struct_fields__
        self.names = tuple((names or {}).get(field, field) for field in self._fields)
        self.columns = tuple(table.c[name] for name in self.names)
        self.updated = kinds_of(table, *self.names[1:])
        """`(name, kind)` of the columns that an update by id writes, in the order of `cells`."""
        hints = get_type_hints(struct)
        self._enums = [
            (field, {one.value: one for one in cast("type[Enum]", hints[field])})
            for field in self._fields
            if isinstance(hints[field], type) and issubclass(hints[field], Enum)
        ]
        enums = dict(self._enums)
        # Compiled to one call in C, since an evaluation may ask this of 20,000 alerts.
        self._cells = attrgetter(
            *(f"{field}._value_" if field in enums else field for field in self._fields)
        )

    def state(self, row: Sequence[Any]) -> S:
        """Return the struct of a row whose first cells are those of `columns`."""
        values = dict(zip(self._fields, row, strict=False))
        for field, members in self._enums:
            values[field] = members[values[field]]
        return self._struct(**values)

    def cells(self, state: S) -> tuple[Any, ...]:
        """Return the id and the other cells of `state`, in the order of `columns`."""
        return self._cells(state)


ALERT_STATES: StateMapping[AlertState] = StateMapping(ALERT, AlertState, {"word": "severity_word"})
state_of = ALERT_STATES.state
"""The lifecycle's view of a row that `state_query` gave."""


def state_select(*where: ColumnElement[bool]) -> Select[Any]:
    """Return the statement of `state_query`, for those that execute it again and again."""
    return select(*ALERT_STATES.columns, ALERT.c.fingerprint, ALERT.c.source, ALERT.c.title).where(
        *where
    )


def state_query(connection: Connection, *where: ColumnElement[bool]) -> list[Row[Any]]:
    """Return the rows that match, as `state_of` takes them, with fingerprint, source and title."""
    # `list()` of a result would ask the driver for each row by itself.
    return list(connection.execute(state_select(*where)).all())


class _OfReading(NamedTuple):
    """What a new row has from its reading."""

    fingerprint: str
    source: str
    value: float | None
    title: str
    description: str
    searched: str
    labels: str
    annotations: str
    details: str
    team: str


_SHARED = tuple(
    column.name
    for column in ALERT.columns
    if column.name not in ALERT_STATES.names and column.name not in _OfReading._fields
)
NEW_ALERT_COLUMNS = (*ALERT_STATES.names, *_OfReading._fields, *_SHARED)
"""The columns of a row that `NewAlerts.row` gives, in its order: all that the table has."""
_DEFAULTS = {
    name: field.get_default(call_default_factory=True)
    for name, field in Alert.model_fields.items()
    if name in _SHARED and not field.is_required()
}


class NewAlerts:
    """The rows of the alerts that one evaluation opens.

    Args:
        evaluation: that found them
        category: of the rule, or else of its trigger
        now: when they are written
    """

    def __init__(self, evaluation: Evaluation, category: str, now: datetime) -> None:
        rule, run = evaluation.rule, evaluation.source
        self._labels, self._team = rule.labels, rule.team
        values: dict[str, Any] = _DEFAULTS | {
            "tenant": rule.tenant, "rule": rule.name, "category": category,
            "unit": evaluation.unit, "flow_run_id": run.flow_run_id,
            "flow_run_name": run.flow_run_name, "deployment_id": run.deployment_id,
            "created_at": now, "updated_at": now,
        }  # fmt: skip
        self._shared = tuple([values[name] for name in _SHARED])

    def row(
        self, state: AlertState, fingerprint: str, source: str, reading: Reading, texts: AlertTexts
    ) -> tuple[Any, ...]:
        """Return the cells of one new alert, in the order of `NEW_ALERT_COLUMNS`.

        Args:
            state: what the lifecycle says of it
            fingerprint: of its tenant, rule and labels
            source: `rule`, or `check` where it says that the check itself fails
            reading: that it was opened for
            texts: title, description and annotations

        Returns:
            JSON cells are text; moments are aware.
        """
        title, description, annotations = texts
        of_reading = _OfReading(
            fingerprint, source, reading.value, title, description,
            searched(title, description), dumped({**self._labels, **reading.labels}),
            dumped(annotations), dumped(reading.details or {}), self._team or reading.team,
        )  # fmt: skip
        return (*ALERT_STATES.cells(state), *of_reading, *self._shared)


def searched(title: str, description: str) -> str:
    """Return the text that the full-text index has of an alert.

    Args:
        title: of the alert
        description: of which only the first 20,000 characters are indexed

    Returns:
        Both, separated by a space.
    """
    return f"{title} {description[:_SEARCHED_LETTERS]}"


def is_indexed(words: str | None, title: str, description: str) -> bool:
    """Return whether the full-text index need learn nothing of an alert's texts.

    Args:
        words: what it has of the alert; None where that is not known
        title: of the alert now
        description: of the alert now

    Returns:
        True where the description is the same and the title differs in numbers at most.
    """
    tail = f" {description}"
    if words is None or not words.endswith(tail):
        return False
    return not words_moved(words[: -len(tail)], title)


def words_moved(before: str, after: str) -> bool:
    """Return whether a title says something else than before, and not only another number."""
    return _NUMBER.sub("", before) != _NUMBER.sub("", after)
