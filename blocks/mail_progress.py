"""What a mail server took of the mails about one message, over all attempts at it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

__all__ = ["MailProgress"]


class MailProgress:
    """Counts the mails that were submitted, and the recipients that got one.

    Args:
        text: the `DeliveryError.progress` of the last attempt; empty for none
        recipients: addresses of all mails, in their order; what was counted for others is not used

    Attributes:
        submitted: mails to which the server answered, also those that it refused
        accepted: recipients of mails that it took
        refused: reply codes of the recipients that it refused in this attempt
        deferred: whether it refused a recipient with 4xx, in any attempt
        of_content: whether it refused a mail after DATA in this attempt
    """

    def __init__(self, text: str, recipients: Sequence[str]) -> None:
        joined = "\x1f".join(recipients).encode()
        self._same = hashlib.blake2b(joined, digest_size=8).hexdigest()
        self.submitted = self.accepted = 0
        self.refused: list[int] = []
        self.deferred = self.of_content = False
        submitted, same, accepted, deferred = [*text.split(), "", "", "", ""][:4]
        if same == self._same and submitted.isdecimal():
            self.submitted = int(submitted)
            # An older version kept only the number of mails.
            self.accepted = int(accepted) if accepted.isdecimal() else self.submitted
            self.deferred = deferred == "1"

    def add(self, recipients: Sequence[str], refused: Mapping[str, int]) -> None:
        """Count a mail to which the server answered.

        Args:
            recipients: its recipients
            refused: the reply code of each that was refused
        """
        self.submitted += 1
        self.accepted += len(recipients) - len(refused)
        self.refused += refused.values()
        self.deferred = self.deferred or any(code < 500 for code in refused.values())

    def __str__(self) -> str:
        """Return what the next attempt is given."""
        return f"{self.submitted} {self._same} {self.accepted} {int(self.deferred)}"
