"""The policy of mails: SMTP's, by which no header that is an address in brackets is encoded.

Python's `email` writes a header that is longer than a line and has no space as encoded words, also
`List-Unsubscribe`, where they mean nothing (RFC 2047, section 5): mail programs then offer no
way to unsubscribe.
"""

from __future__ import annotations

from email.headerregistry import HeaderRegistry, UnstructuredHeader
from email.policy import SMTP, EmailPolicy

__all__ = ["MAIL_POLICY"]


class _WholeHeader(UnstructuredHeader):
    """A header of ASCII without spaces, in one line of at most 998 characters (RFC 5322, 2.1.1)."""

    name: str

    def fold(self, *, policy: EmailPolicy) -> str:
        """Return it as it is sent."""
        return f"{self.name}: {self}{policy.linesep}"


_REGISTRY = HeaderRegistry()
_REGISTRY.map_to_type("list-unsubscribe", _WholeHeader)  # pyright: ignore[reportArgumentType] - typeshed wants a BaseHeader, which the registry itself mixes in
MAIL_POLICY = SMTP.clone(header_factory=_REGISTRY)
