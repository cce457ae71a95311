"""A mapping as it is written, checked and compiled once. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping as Names
from typing import Annotated, Any, Literal

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from sentinel.duration import Duration
from sentinel.errors import ConfigurationError, ExpressionError
from sentinel.expression.compiling import Expression, compile_expression
from sentinel.expression.yaml_document import loaded
from sentinel.severity import SeverityWord
from sentinel.validation_messages import validation_message

__all__ = ["NAMES", "Mapping", "MappingDocument", "SeverityTable", "Signature", "mapping_of"]

NAMES = ("body", "header", "item")
"""What an expression may ask for: the body, its headers, and the item that becomes an alert."""
MOST_ENTRIES = 60
_HINT = "Begin with name: and labels:, as the mappings that ship with Sentinel do."


def _compiles(source: str) -> str:
    try:
        compile_expression(source, NAMES)
    except ExpressionError as error:
        raise ValueError(str(error)) from None
    return source


Source = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_compiles)]
"""An expression over `NAMES`."""
_Header = Annotated[str, Field(pattern="^[A-Za-z0-9-]{1,100}$")]
_Entries = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=200)], Source],
    Field(max_length=MOST_ENTRIES),
]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Signature(_Written):
    """A signature by HMAC over the body, with a secret that the vendor and Sentinel share."""

    header: _Header = Field(description="That holds the signature.")
    algorithm: Literal["sha256", "sha1", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = Field("", max_length=40, description="Before the signature, such as sha256=.")

    def signed(self, secret: str, body: bytes, given: str) -> bool:
        """Return whether a body was signed.

        Args:
            secret: that is shared with the vendor
            body: as it arrived
            given: the header; empty where there is none

        Returns:
            True for the signature of this body by this secret.
        """
        digest = hmac.new(secret.encode(), body, getattr(hashlib, self.algorithm)).digest()
        made = digest.hex() if self.encoding == "hex" else base64.b64encode(digest).decode()
        said = given.encode("utf-8", "surrogateescape")
        return hmac.compare_digest(said, (self.prefix + made).encode())


class Authentication(_Written):
    """What proves who sends, beside a bearer token, HTTP Basic and `?key=`, which always do."""

    header: _Header | Literal[""] = Field(
        "", description="A header of the vendor's that holds the API key."
    )
    signature: Signature | None = Field(
        None, description="Required where SENTINEL_INTAKE_SECRETS has a secret for this mapping."
    )


class SeverityTable(_Written):
    """How bad an alert is, by a word of the vendor's."""

    of: Source
    table: dict[str, SeverityWord] = Field(max_length=MOST_ENTRIES)
    default: SeverityWord = "medium"


class MappingDocument(_Written):
    """A mapping."""

    name: str = Field(pattern="^[a-z][a-z0-9-]{0,49}$", description="In the address; unique.")
    description: str = Field("", max_length=500)
    documentation: str = Field("", max_length=500, description="The vendor's page.")
    authentication: Authentication = Authentication()  # pyright: ignore[reportCallIssue] - pydantic's defaults
    envelope: Literal["json", "cloudevents", "sns"] = Field(
        "json", description="What is around what is mapped."
    )
    into: Literal["alerts", "events"] = Field("alerts", description="What becomes of it.")
    when: Source = Field("true", description="Other messages are ignored.")
    each: Source = Field("[body]", description="A list, of which each item is an alert.")
    labels: _Entries = Field(default_factory=dict, description="Identify the alert.")
    firing: Source = Field("true", description="Nothing at all: the item is ignored.")
    severity: SeverityTable | None = None
    title: Source | None = None
    description_text: Source | None = Field(None, alias="text", description="For people.")
    team: Source | None = None
    value: Source | None = None
    started: Source | None = None
    ended: Source | None = None
    annotations: _Entries = Field(default_factory=dict)
    repeat_interval: Duration | None = Field(
        None, description="Of a sender that repeats what fires: what is not repeated is resolved.",
        strict=False,
    )  # fmt: skip

    @model_validator(mode="after")
    def _whole(self) -> MappingDocument:
        if self.into == "alerts" and not self.labels:
            raise ValueError("labels: must say which alert it is, for example {check: item.name}")
        return self


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping with its expressions compiled.

    Attributes:
        document: as it was written
        labels, annotations: expressions by name
        others: the expressions of the other fields that have one
    """

    document: MappingDocument
    labels: Names[str, Expression]
    annotations: Names[str, Expression]
    others: Names[str, Expression]


def mapping_of(text: str, where: str) -> Mapping:
    """Read a mapping.

    Args:
        text: of its document, as YAML
        where: what errors call it, such as the name of its file

    Returns:
        The mapping.

    Raises:
        ConfigurationError: it is no mapping; names the field, and points into its expression
    """
    given = loaded(text, where, _HINT)
    try:
        document = MappingDocument.model_validate(given)
    except ValidationError as error:
        first: Any = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = validation_message(first, MappingDocument)
        said = f"{place}: {message}" if place else message
        raise ConfigurationError(f"{where}: {said}", hint=_HINT) from None
    fields = {
        "when": document.when, "each": document.each, "firing": document.firing,
        "title": document.title, "text": document.description_text, "team": document.team,
        "value": document.value, "started": document.started, "ended": document.ended,
        "severity": None if document.severity is None else document.severity.of,
    }  # fmt: skip
    return Mapping(
        document=document,
        labels=_compiled(document.labels),
        annotations=_compiled(document.annotations),
        others=_compiled({name: one for name, one in fields.items() if one is not None}),
    )


def _compiled(sources: Names[str, str]) -> dict[str, Expression]:
    return {name: compile_expression(one, NAMES) for name, one in sources.items()}
