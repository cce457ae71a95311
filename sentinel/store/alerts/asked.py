"""What people ask to be done to alerts, and how much of it goes into one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.actions import Action
from sentinel.audit.origin import Origin
from sentinel.errors import ConfigurationError

__all__ = ["MOST_ACTED_ON", "Asked"]

MOST_ACTED_ON = 10_000
"""So many ids fit into one statement of either database."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One action of one person on some alerts.

    Attributes:
        ids: the alerts, at most `MOST_ACTED_ON`; one named twice is acted on once
        action: what the person does
        expected_version: where given, an alert that has moved on since then is left alone
        versions: as `expected_version`, of single alerts by their ids
        scope: of whoever acts; an alert that is not in it is as one that does not exist
        origin: by which door it came, for the audit; None for that of the present request
    """

    ids: Sequence[str]
    action: Action
    expected_version: int | None = None
    versions: Mapping[str, int] = {}
    scope: Scope = EVERYTHING
    origin: Origin | None = None

    def version(self, alert_id: str) -> int | None:
        """Return the version that an alert is expected to have; None for whatever it has."""
        return self.versions.get(alert_id, self.expected_version)

    def check(self) -> None:
        """Refuse what no transaction can do.

        Raises:
            ConfigurationError: there are too many ids, or a text has a NUL character
        """
        if len(self.ids) > MOST_ACTED_ON:
            raise ConfigurationError(
                f"{len(self.ids):,} alerts at once are too many",
                hint=f"Act on at most {MOST_ACTED_ON:,} at a time.",
            )
        texts = msgspec.structs.astuple(self.action)
        if any("\0" in text for text in texts if isinstance(text, str)):
            raise ConfigurationError(
                "the text has a NUL character, which no database keeps", hint="Leave it out."
            )
