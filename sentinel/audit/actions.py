"""The codes of audited changes, and the words for them."""

from __future__ import annotations

__all__ = ["ACTIONS", "OBJECT_KINDS", "words_of"]

ACTIONS: dict[str, str] = {
    "alert.created": "created",
    "alert.acknowledge": "acknowledged",
    "alert.unacknowledge": "withdrew the acknowledgement of",
    "alert.resolve": "resolved",
    "alert.reopen": "reopened",
    "alert.suppress": "suppressed",
    "alert.unsuppress": "ended the suppression of",
    "alert.assign": "assigned",
    "alert.comment": "commented on",
    "alert.escalate": "escalated",
    "rule.run": "started a run of the rule",
    "rule.enabled": "enabled the rule",
    "rule.disabled": "disabled the rule",
    "rule.created": "made the rule",
    "rule.dropped": "took back the rule, which was never evaluated:",
    "rule.changed": "changed the rule",
    "rule.silenced": "silenced the rule",
    "rule.unsilenced": "ended the silence of the rule",
    "silence.created": "silenced",
    "silence.extended": "moved the end of the silence of",
    "silence.expired": "ended the silence of",
    "rule.retired": "removed the rule",
    "rule.deployed": "deployed the rule",
    "rule.undeployed": "removed the deployment of",
    "rule.change_requested": "asked for a change of the rule",
    "rule.change_approved": "approved a change of the rule",
    "rule.change_rejected": "rejected a change of the rule",
    "rule.change_withdrawn": "withdrew a change of the rule",
    "separation.switched": "switched",
    "access.reviewed": "certified an access review of",
    "receiver.set": "set the channels of the receiver",
    "receiver.removed": "removed the receiver",
    "receiver.limited": "limited the messages a minute of the receiver",
    "receiver.templated": "changed the message template of the receiver",
    "channel.saved": "saved the channel",
    "channel.removed": "removed the channel",
    "channel.limited": "limited the messages a minute of the channel",
    "channel.tested": "tested the channel, which had failed:",
    "routes.applied": "applied the routes,",
    "routes.shadow_started": "started beside the active routes",
    "routes.shadow_stopped": "stopped beside the active routes",
    "oncall.applied": "applied the on-call document,",
    "oncall.overridden": "put somebody on call in the schedule",
    "oncall.override_removed": "took back an override of the schedule",
    "event_pack.set": "rolled out the event policies of",
    "event_pack.removed": "removed the event policies of",
    "view.saved": "saved the view",
    "view.removed": "removed the saved view",
    "inbox.read": "marked as read",
    "push.subscribed": "subscribed the browser",
    "push.unsubscribed": "unsubscribed the browser",
    "key.created": "made the key",
    "key.rotated": "gave a new secret to the key",
    "key.revoked": "revoked the key",
    "settings.changed": "changed the settings",
    "log.level": "changed the log level of",
    "database.restored": "restored the backup",
    "person.created": "made an account for",
    "person.deleted": "deleted the account of",
    "person.password": "set the password of",
    "person.disabled": "disabled the account of",
    "person.enabled": "enabled the account of",
    "person.sessions": "ended the sessions of",
    "person.granted": "gave a role to",
    "person.revoked": "took a role from",
    "person.exported": "exported the data of",
    "person.erased": "erased the name of",
    "audit.truncated": "deleted old rows of the audit trail up to",
}
"""Every code that an audit row may have, in words between who did it and the object's name."""
OBJECT_KINDS = (
    "alert", "rule", "receiver", "channel", "routes", "event_pack", "view", "inbox", "deployment",
    "database", "settings", "person", "key", "audit", "access_review", "oncall",
    "silence", "browser",
)  # fmt: skip
"""What a change can be about."""


def words_of(action: str) -> str:
    """Return the words for a code: between who did it and the name of the object."""
    return ACTIONS.get(action, action)
