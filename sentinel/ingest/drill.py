"""Fire drills: a marked test alert of a team, which goes the way of any alert of that team."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.ingest.posted_alert import post_alert
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.schema.columns import new_id
from sentinel.store.alerts.live_labels import live_labels
from sentinel.store.escalations.drills import DRILL
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.trials import ways_escalated

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["start_drill"]


def start_drill(store: Store, team: str, *, severity: str, actor: str) -> str:
    """Open the alert of a drill.

    Args:
        store: the shared database
        team: name of a team of the on-call document
        severity: of the alert, a severity word; critical breaks through quiet hours
        actor: who starts it

    Returns:
        The id of the alert, which is that of the drill.

    Raises:
        NotFound: there is no such team
        ConfigurationError: an alert of the team is not escalated
        Conflict: another drill of the team is open
    """
    teams = OnCallDocuments(store).active().teams
    if team not in teams:
        raise NotFound(
            f"there is no team {team!r} in the on-call document",
            hint=f"Teams: {', '.join(sorted(teams)) or 'none'}",
        )
    if any(labels.get(DRILL) == team for labels in live_labels(store, DRILL_RULE)):
        raise Conflict(
            f"a drill of the team {team} is open",
            hint=f"See it with: sentinel drill {team} --report; end it with --end",
        )
    now = store.now()
    # A name of its own makes an alert and a group of its own of each drill.
    labels = {"alertname": f"drill {new_id()[-8:]}", DRILL: team}
    known = {**labels, "rule": DRILL_RULE, "team": team, "severity": severity}
    if not any(chosen for _, chosen in ways_escalated(store, known, now)):
        raise ConfigurationError(
            f"an alert of the team {team} is not escalated, so nobody would be paged",
            hint=f"Give the team an escalation: sentinel escalation test team={team}",
        )
    words = f"A fire drill that {actor} started. Nothing is wrong: acknowledge it."
    posted = post_alert(
        store, actor=actor, labels=labels, title=f"Drill: {team}", severity=severity,
        annotations={"description": words}, team=team,
        rule=DRILL_RULE,
    )  # fmt: skip
    return posted.alert_id
