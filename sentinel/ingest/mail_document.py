"""The addresses that take mails as alerts: whose they are, how severe, and who may write. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sentinel.errors import ConfigurationError
from sentinel.expression.yaml_document import loaded
from sentinel.severity import severity_of
from sentinel.tenant import TENANT_PATTERN

__all__ = ["Address", "MailDocument", "mail_document"]

_WORDS = {
    "resolved": "resolved", "recovery": "resolved", "recovered": "resolved", "ok": "resolved",
    "cleared": "resolved", "closed": "resolved", "up": "resolved",
    "problem": "", "firing": "", "alert": "", "alarm": "", "down": "", "triggered": "",
    "acknowledgement": "", "critical": "critical", "error": "high", "warning": "medium",
}  # fmt: skip
_HINT = "Write addresses: {alerts@example.org: {tenant: default, severity: high}}"
Severity = Literal["critical", "high", "medium", "low", "info"]
Pattern = Annotated[str, Field(min_length=1, max_length=254)]


class Address(BaseModel):
    """An address, and what a mail to it becomes.

    Attributes:
        tenant: whose alerts
        severity: of an alert whose subject says nothing else
        labels: of every alert, such as the service
        team: that owns its alerts; empty for none
        senders: who may write to it, such as `*@example.org`; empty for whoever the document lets
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenant: str = Field(default="default", pattern=f"^({TENANT_PATTERN})$")
    severity: Severity = "high"
    labels: dict[str, str] = {}
    team: str = Field(default="", max_length=100)
    senders: list[Pattern] = []


class MailDocument(BaseModel):
    """What mails become alerts.

    Attributes:
        addresses: by address, in lower case; `*` matches any characters
        senders: who may write to addresses that name none; empty for everybody
        words: what the first word of a subject says: `resolved`, a severity, or nothing but that
            something is wrong; it is no part of what identifies the alert
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    addresses: dict[Pattern, Address] = Field(min_length=1)
    senders: list[Pattern] = []
    words: dict[str, str] = _WORDS

    @field_validator("words")
    @classmethod
    def _known(cls, given: dict[str, str]) -> dict[str, str]:
        for word, meaning in given.items():
            if meaning not in ("", "resolved"):
                severity_of(meaning)
            if not word.isalpha():
                raise ValueError(f"{word!r} is no word")
        return {word.lower(): meaning for word, meaning in given.items()}

    def address(self, to: str) -> Address | None:
        """Return what an address means; None where no mail is taken for it."""
        for pattern, found in self.addresses.items():
            if fnmatchcase(to.lower(), pattern.lower()):
                return found
        return None

    def may_write(self, sender: str, to: Address) -> bool:
        """Return whether somebody may write to an address."""
        allowed = to.senders or self.senders
        return not allowed or any(fnmatchcase(sender.lower(), one.lower()) for one in allowed)


def mail_document(text: str) -> MailDocument:
    """Read the document of SENTINEL_MAIL_INTAKE.

    Args:
        text: YAML

    Returns:
        The document.

    Raises:
        ConfigurationError: it cannot be used; names the place
    """
    given = loaded(text, "the addresses for mail", _HINT)
    try:
        return MailDocument.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"the addresses for mail: {place}: {first['msg']}", hint=_HINT
        ) from None
