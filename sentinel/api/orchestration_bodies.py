"""Bodies and answers of orchestration over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from sentinel.api.document_bodies import DocumentBody
from sentinel.api.schemas import Whole
from sentinel.expression.yaml_document import MOST_LETTERS
from sentinel.orchestration import tables
from sentinel.severity import SeverityWord
from sentinel.store.orchestration.trials import MOST_DAYS, MOST_REPLAYED

__all__ = [
    "IncomingItem",
    "IncomingList",
    "OrchestrationBody",
    "OrchestrationChecked",
    "OrchestrationDraft",
    "OrchestrationTried",
    "QueryBody",
    "QueryItem",
    "QueryList",
    "ReplayBody",
    "ReplayDetail",
    "ShadowDetail",
    "TableBody",
    "TableItem",
    "TableList",
    "TryOrchestration",
]  # fmt: skip

_EXAMPLE = """rules:
  - name: staging is never critical
    matchers: [env="staging"]
    set: {severity: low}
"""
Document = Annotated[str, Field(max_length=MOST_LETTERS, description="The rules as YAML.")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OrchestrationBody(DocumentBody):
    """Rules to apply."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"document": _EXAMPLE, "note": "staging was loud"}]}
    )

    document: Document


class OrchestrationDraft(_Strict):
    """Rules to check."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"document": _EXAMPLE}]})

    document: Document


class TriedAlert(_Strict):
    """An alert as a sender posts it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sender: str = Field("api", max_length=200, description="The rule of the door.")
    labels: dict[str, Annotated[str, Field(max_length=1000)]] = Field(
        min_length=1, max_length=100, description="As they are posted."
    )
    severity: SeverityWord | Literal[""] = Field("", description="Empty for none.")
    owner: str = Field("", max_length=100)
    title: str = Field("", max_length=2000)
    annotations: dict[str, Annotated[str, Field(max_length=1000)]] = Field(
        default_factory=dict[str, str], max_length=100
    )
    value: FiniteFloat | None = None


class TryOrchestration(_Strict):
    """An alert that comes in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"alert": {"labels": {"alertname": "Down", "env": "staging"},
                                    "severity": "critical", "sender": "prometheus"}}]
        }
    )  # fmt: skip

    alert: TriedAlert
    document: Document | None = Field(None, description="Rules to try; by default those active.")


class ReplayBody(_Strict):
    """Rules to compare with those that are active."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"document": _EXAMPLE, "days": 30}]})

    document: Document
    days: float = Field(7, gt=0, le=MOST_DAYS, description="How far back, by when they came.")
    most: Whole = Field(
        MOST_REPLAYED, ge=1, le=MOST_REPLAYED, description="So many of the newest are compared."
    )


class OrchestrationChecked(BaseModel):
    """What a document holds, once its tests passed."""

    rules: int
    tests: int
    missing_tables: list[str] = Field(description="Tables to upload before it is applied.")


class StepItem(BaseModel):
    """What one rule did."""

    rule: str = Field(description="Its name, after those of the groups around it.")
    changed: dict[str, tuple[str, str]] = Field(
        description="The text before and the text after, by field; empty for none."
    )
    verdict: str = Field(description="drop, hold, or empty.")
    errors: list[str] = Field(description="What it could not do.")


class OrchestrationTried(BaseModel):
    """What becomes of an alert."""

    verdict: Literal["pass", "drop", "hold"]
    rule: str = Field(description="The rule that drops it or holds it back; empty for none.")
    hold_seconds: float | None = Field(description="How long it must have lasted; null for none.")
    labels: dict[str, str]
    severity: str = Field(description="Empty where neither sender nor rules give one.")
    owner: str
    title: str
    annotations: dict[str, str]
    steps: list[StepItem]


class DifferenceItem(BaseModel):
    """An alert of which a draft makes something else."""

    sender: str
    labels: dict[str, str] = Field(description="As they were posted.")
    at: datetime
    changes: dict[str, tuple[str, str]] = Field(
        description="By field, the text by the active version and that by the draft."
    )
    rules: list[str] = Field(description="Rules of the draft that did something.")


class ReplayDetail(BaseModel):
    """What a draft would have made of what came in; each different alert counts once."""

    alerts: int = Field(description="So many were compared.")
    cut: bool = Field(description="Whether older ones were left out.")
    changed: int = Field(description="Of so many the draft makes something else.")
    before: dict[str, int] = Field(description="Alerts by verdict of the active version.")
    after: dict[str, int] = Field(description="Alerts by verdict of the draft.")
    fields: dict[str, int] = Field(description="Alerts of which a field differs, by field.")
    rules: dict[str, int] = Field(description="Alerts that a rule of the draft works on.")
    errors: dict[str, int] = Field(description="Alerts that it could not do something for.")
    examples: list[DifferenceItem]


class ShadowDetail(BaseModel):
    """A draft that runs beside the active version, or ran last, and what it would have changed."""

    id: str
    running: bool
    digest: str = Field(description="SHA-256 of the document.")
    note: str
    started_by: str
    started_at: datetime
    stopped_by: str
    stopped_at: datetime | None
    replay: ReplayDetail


class TableBody(_Strict):
    """A table to upload."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"document": "host,owner\nweb-1,shop\n", "note": "new"}]}
    )

    document: str = Field(
        max_length=tables.MOST_LETTERS,
        description=f"CSV whose first line names the columns, at most {tables.MOST_ROWS:,} rows.",
    )
    note: str = Field("", max_length=2000, description="The reason, kept with the version.")


class TableItem(BaseModel):
    """A table that rules may enrich from."""

    name: str
    version: int
    columns: list[str]
    rows: int
    digest: str
    applied_by: str
    applied_at: datetime
    used: bool = Field(description="Whether the active rules enrich from it.")


class TableList(BaseModel):
    """The tables of a tenant, by name."""

    items: list[TableItem]


class QueryBody(_Strict):
    """How a table is read from another database."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"block": "sqlalchemy-connector/cmdb", "query": "select host, o from h"}]
        },
    )

    block: str = Field(
        pattern="^(sqlalchemy-connector|database-credentials)/[a-z0-9-]{1,100}$",
        description="A block of prefect-sqlalchemy, by type and name.",
    )
    query: str = Field(
        pattern="^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$",
        max_length=10_000,
        description="One statement that reads; its columns are the table's.",
    )
    every_seconds: Whole = Field(
        600, ge=30, le=86_400, description="It is read again after so many seconds."
    )
    usable_seconds: Whole = Field(
        86_400,
        ge=86_400,
        le=30 * 86_400,
        description="Its rows are used so long after they were read, also while the database is "
        "away.",
    )


class QueryItem(BaseModel):
    """A table that is read from another database, and how that went."""

    name: str
    block: str
    query: str
    every_seconds: int
    usable_seconds: int
    saved_by: str
    saved_at: datetime
    read_at: datetime | None = Field(description="When its rows were read; null: never.")
    due_at: datetime
    error: str = Field(description="Why it could not be read the last time; empty for none.")


class QueryList(BaseModel):
    """The tables of a tenant that are read from other databases, by name."""

    items: list[QueryItem]


class IncomingItem(BaseModel):
    """An alert as it was posted last, and what became of it."""

    source: str = Field(description="Fingerprint of its labels as they were posted.")
    sender: str
    state: Literal["passed", "held", "dropped", "ended"]
    labels: dict[str, str] = Field(description="As they were posted.")
    severity: str
    title: str
    rule: str = Field(description="The rule that dropped it or holds it back.")
    version: int = Field(description="Of the rules that decided.")
    fingerprint: str = Field(description="Of the alert here; empty where none opened.")
    since: datetime
    due_at: datetime | None = Field(description="When it opens unless it ends before.")
    last_seen: datetime


class IncomingList(BaseModel):
    """A page of alerts that came in, the newest first."""

    items: list[IncomingItem]
    next_cursor: str | None
