"""Whether all is well, which a dead man's switch outside is told once a minute. Pure.

The switch raises the alarm when it hears nothing: then the database, Prefect or the relay is down,
and nothing of this machine may be able to say so.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["not_well"]


def not_well(*, prefect_up: bool, overdue: int, unpaged: int, broken: Sequence[str]) -> list[str]:
    """Return what is wrong. A relay that lacks the database or the lease does not ask.

    Args:
        prefect_up: whether the Prefect API answers
        overdue: groups that are due for a minute and that nobody has notified of
        unpaged: steps and pages of escalations that are due for a minute and that nobody claimed
        broken: duties of the relay that fail

    Returns:
        Sentences; empty where all is well.
    """
    wrong = [] if prefect_up else ["Prefect is down"]
    if overdue:
        wrong.append(f"{overdue} groups are due for a minute and nobody was notified")
    if unpaged:
        wrong.append(f"{unpaged} steps or pages of escalations are due for a minute")
    return wrong + [f"the relay cannot {duty}" for duty in broken]
