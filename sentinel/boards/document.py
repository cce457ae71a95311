"""The document of a custom dashboard: its tiles in their order, as JSON and as YAML. Pure.

A further kind of tile is a further class in `Tile`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from sentinel.expression.yaml_document import loaded, written
from sentinel.tenant import TENANT_PATTERN
from sentinel.validation_messages import validated

__all__ = [
    "KINDS",
    "LENGTHS",
    "MOST_TILES",
    "BoardDocument",
    "CountTile",
    "MetricTile",
    "OnCallTile",
    "SloTile",
    "TableTile",
    "Tile",
    "TrendTile",
    "board_of",
    "from_yaml",
    "to_yaml",
]

MOST_TILES = 24
Length = Literal["24h", "7d", "30d"]
LENGTHS: tuple[Length, ...] = ("24h", "7d", "30d")
Text = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Search = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00-\x1f\x7f]*$")]


def _integral(given: Any) -> Any:
    """Return a whole number that is written as 2.0 as one; JSON Schema knows no difference."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


Whole = Annotated[int, Field(strict=True), BeforeValidator(_integral)]


class _Tile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Text = Field(default="", description="Above the tile; empty for a title of its kind.")
    width: Whole = Field(default=1, ge=1, le=4, description="Of four columns.")


class CountTile(_Tile):
    """How many alerts a search finds; without a status, those that are not resolved."""

    kind: Literal["count"]
    search: Search = Field(default="", description="As on *History*: severity:critical team:db.")


class TrendTile(_Tile):
    """How many alerts opened over time, by severity."""

    kind: Literal["trend"]
    length: Length = "24h"


class TableTile(_Tile):
    """The alerts of a saved view, or of a search."""

    kind: Literal["table"]
    view: Search = Field(default="", description="The query of a saved view of *Live*.")
    rows: Whole = Field(default=10, ge=1, le=100, description="At most so many.")


class MetricTile(_Tile):
    """A metric as a chart."""

    kind: Literal["metric"]
    metric: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    tenant: Annotated[str, StringConstraints(pattern=f"^({TENANT_PATTERN})$")] = "default"
    length: Length = "24h"


class OnCallTile(_Tile):
    """Who is on call now."""

    kind: Literal["oncall"]
    schedules: Annotated[list[Text], Field(max_length=50)] = Field(
        default_factory=list, description="Names of schedules; empty for all."
    )


class SloTile(_Tile):
    """The error budgets of one SLO, or how many SLOs stand how."""

    kind: Literal["slo"]
    slo: Text = Field(default="", description="Name of an SLO; empty: how many stand how.")
    tenant: Text = Field(default="default", description="Of the SLO.")
    search: Search = Field(
        default="", description="Where no SLO is named: only those with these words."
    )


Tile = Annotated[
    CountTile | TrendTile | TableTile | MetricTile | OnCallTile | SloTile,
    Field(discriminator="kind"),
]
KINDS: dict[str, type[_Tile]] = {
    "count": CountTile, "trend": TrendTile, "table": TableTile, "metric": MetricTile,
    "oncall": OnCallTile, "slo": SloTile,
}  # fmt: skip
"""The kinds of tiles by the word that names them."""


class BoardDocument(BaseModel):
    """The tiles of a custom dashboard, in their order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tiles: list[Tile] = Field(default_factory=list[Tile], max_length=MOST_TILES)


def board_of(given: Any, where: str = "dashboard") -> BoardDocument:
    """Read a document.

    Args:
        given: as JSON or YAML have it
        where: what errors call it

    Returns:
        The document.

    Raises:
        ConfigurationError: it is none; the message names each field that is wrong
    """
    return validated(BoardDocument, given, where, hint=f"Kinds of tiles: {', '.join(KINDS)}.")


def from_yaml(text: str) -> BoardDocument:
    """Read a document from YAML.

    Args:
        text: of the document

    Returns:
        The document.

    Raises:
        ConfigurationError: it is no YAML or no dashboard; the message names what is wrong
    """
    return board_of(loaded(text, "dashboard", "A dashboard begins with: tiles:"))


def to_yaml(document: BoardDocument) -> str:
    """Return a document as YAML, without what every tile has by itself."""
    tiles = [
        {"kind": one.kind, **one.model_dump(exclude={"kind"}, exclude_defaults=True)}
        for one in document.tiles
    ]
    return written({"tiles": tiles})
