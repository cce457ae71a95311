"""What the rules of another system became: a line of a report for each. Pure.

Shared by the imports of Sigma, Prometheus and ElastAlert.
"""

from __future__ import annotations

import msgspec

from sentinel.errors import SentinelError

__all__ = ["Reported", "refused"]


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule of another system became.

    Attributes:
        file: where it is written
        title: of the rule; empty where it could not be read
        rule: the rule of Sentinel that it became; empty for none
        reason: why it became none, or in which rule it is contained; empty where it became one
        refused: whether nothing evaluates it
        group: in which it is written, where the system has groups
        line: of the file, from 1; 0 where it is about the file or not known
        notes: what the rule of Sentinel does otherwise
    """

    file: str
    title: str
    rule: str = ""
    reason: str = ""
    refused: bool = False
    group: str = ""
    line: int = 0
    notes: tuple[str, ...] = ()


def refused(file: str, title: str, error: Exception, *, group: str = "", line: int = 0) -> Reported:
    """Return the line of a rule that cannot be used.

    Args:
        file: where it is written
        title: of the rule
        error: why
        group: in which it is written
        line: of the file

    Returns:
        The line, its reason without line ends.
    """
    said = error.message if isinstance(error, SentinelError) else str(error)
    reason = " ".join(said.split())
    return Reported(file=file, title=title, reason=reason, refused=True, group=group, line=line)
