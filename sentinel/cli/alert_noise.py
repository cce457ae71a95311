"""`sentinel alert noise` and `not-noise`: what people say of alerts that nobody needed."""

from __future__ import annotations

from sentinel.cli.alert_actions import act_on
from sentinel.cli.alerts import Ids, Message, commands
from sentinel.cli.output import AsJson

__all__ = ["commands"]


@commands.command()
def noise(alerts: Ids, message: Message = "", json: AsJson = False) -> None:
    """Mark alerts as noise, with the reason: they count towards the fatigue score of their rule.

    The mark changes no notification; suppress or resolve the alert for that.

    Example:
        sentinel alert noise 0192f3 -m "the nightly backup fills the cache"
    """
    act_on(alerts, "mark_noise", message, as_json=json, done="marked as noise")


@commands.command("not-noise")
def not_noise(alerts: Ids, message: Message = "", json: AsJson = False) -> None:
    """Withdraw the mark as noise of alerts.

    Example:
        sentinel alert not-noise 0192f3 -m "the disk was full after all"
    """
    act_on(alerts, "unmark_noise", message, as_json=json, done="no longer marked as noise")
