"""Whatever writes into the shared database is audited, or says here why not.

Every function of the store that opens a writing transaction is found in the source. A new one
fails the test until it has an audit code or a reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import sentinel.store
from sentinel.audit.actions import ACTIONS

ROOT = Path(sentinel.store.__file__).parent

AUDITED = {
    "alerts.act_together.act_together": (
        "alert.acknowledge", "alert.unacknowledge", "alert.resolve", "alert.reopen",
        "alert.suppress", "alert.unsuppress", "alert.assign", "alert.comment", "alert.escalate",
        "alert.mark_noise", "alert.unmark_noise",
    ),
    "alerts.act_once.act_once": (
        "alert.acknowledge", "alert.unacknowledge", "alert.resolve", "alert.reopen",
        "alert.suppress", "alert.unsuppress", "alert.assign", "alert.comment", "alert.escalate",
    ),
    "rules.rules.Rules._switched": ("rule.enabled", "rule.disabled", "rule.change_requested"),
    "access.reviews.Reviews.certify": ("access.reviewed",),
    "rules.asking.ask_first": ("rule.change_requested",),
    "approvals.separation.Separation.switch": ("separation.switched",),
    "approvals.pending_changes.PendingChanges._decide": ("rule.change_rejected",
                                                         "rule.change_withdrawn"),
    "approvals.pending_changes.PendingChanges.approve_switch": ("rule.change_approved",
                                                                "rule.enabled", "rule.disabled"),
    "approvals.pending_changes.PendingChanges.begin": ("rule.change_approved", "rule.changed"),
    "approvals.pending_changes.PendingChanges.give_back": ("rule.changed",),
    "rules.rules.Rules.retire": ("rule.retired",),
    "notifications.receivers.Receivers.set": ("receiver.set",),
    "notifications.receivers.Receivers.remove": ("receiver.removed",),
    "notifications.message_templates.set_message_template": ("receiver.templated",),
    "notifications.announced_receivers.set_announced": ("receiver.announced",),
    "notifications.message_limits.set_message_limit": ("receiver.limited", "channel.limited"),
    "oncall.overrides.OnCallOverrides.add": ("oncall.overridden",),
    "oncall.overrides.OnCallOverrides.swap": ("oncall.overridden",),
    "oncall.overrides.OnCallOverrides.remove": ("oncall.override_removed",),
    "oncall.imports.apply_import": ("receiver.set", "oncall.applied", "oncall.overridden"),
    "documents.versioned.VersionedDocuments.apply": ("routes.applied", "oncall.applied",
                                                     "incident_policies.applied",
                                                     "orchestration.applied",
                                                     "orchestration_table.applied"),
    "documents.versioned.VersionedDocuments.rollback": ("routes.applied", "oncall.applied",
                                                        "incident_policies.applied"),
    "orchestration.cached_tables.set_query": ("orchestration_table.queried",),
    "orchestration.cached_tables.remove_query": ("orchestration_table.removed",),
    "web_feeds.WebFeeds.create": ("feed.created",),
    "web_feeds.WebFeeds.revoke": ("feed.revoked",),
    "events.destinations.Destinations.set": ("event_destination.saved",),
    "events.destinations.Destinations.remove": ("event_destination.removed",),
    "events.destinations.Destinations.replay": ("event_destination.replayed",),
    "orchestration.shadow.start_shadow": ("orchestration.shadow_started",),
    "orchestration.shadow.stop_shadow": ("orchestration.shadow_stopped",),
    "notifications.route_shadow.start_shadow": ("routes.shadow_started",),
    "notifications.route_shadow.stop_shadow": ("routes.shadow_stopped",),
    "oncall.calendar_feeds.CalendarFeeds.create": ("oncall.feed_created",),
    "oncall.calendar_feeds.CalendarFeeds.revoke": ("oncall.feed_revoked",),
    "notifications.notify_documents.apply_document": ("receiver.set", "receiver.removed",
                                                      "receiver.limited", "channel.limited",
                                                      "receiver.templated", "receiver.announced",
                                                      "routes.applied"),
    "notifications.inbox.Inbox.mark_read": ("inbox.read",),
    "notifications.channel_health.record_recovery": ("channel.tested",),
    "log_levels.LogLevels.set": ("log.level",),
    "log_levels.LogLevels.reset": ("log.level",),
    "notifications.push_subscriptions.PushSubscriptions.add": ("push.subscribed",),
    "notifications.push_subscriptions.PushSubscriptions.move": ("push.moved",),
    "notifications.push_subscriptions.PushSubscriptions.remove": ("push.unsubscribed",),
    "custom_dashboards.Boards.save": ("dashboard.saved",),
    "custom_dashboards.Boards.remove": ("dashboard.removed",),
    "incidents.changing.change": (
        "incident.status", "incident.updated", "incident.assigned", "incident.root_cause",
        "incident.changed", "incident.alerts_added", "incident.alerts_removed", "incident.step",
        "incident.action_added", "incident.action_changed", "incident.post_mortem",
    ),
    "incidents.opening.open_incident": ("incident.opened",),
    "services.catalog.Services.apply": ("service.saved",),
    "services.catalog.Services.remove": ("service.removed",),
    "services.status_pages.StatusPages.save": ("status_page.saved",),
    "services.status_pages.StatusPages.remove": ("status_page.removed",),
    "services.status_pages.StatusPages.new_token": ("status_page.token",),
    "services.status_subscribers.StatusSubscribers.confirm": ("status_page.subscribed",),
    "services.status_subscribers.StatusSubscribers.unsubscribe": ("status_page.unsubscribed",),
    "services.status_subscribers.StatusSubscribers.remove": ("status_page.unsubscribed",),
    "api_usage.consumer_keys.ConsumerKeys.create": ("consumer_key.created",),
    "api_usage.consumer_keys.ConsumerKeys.rotate": ("consumer_key.rotated",),
    "api_usage.consumer_keys.ConsumerKeys.revoke": ("consumer_key.revoked",),
    "api_usage.signing_keys.SigningKeys.rotate": ("consumer_key.signer_rotated",),
    "api_usage.limit_sets.LimitSets.save": ("limit_set.saved",),
    "api_usage.limit_sets.LimitSets.remove": ("limit_set.removed",),
    "api_usage.consumer_accounts.ConsumerAccounts.save_rules": ("consumer_rules.saved",),
    "api_usage.consumer_accounts.ConsumerAccounts.register": ("consumer_account.registered",),
    "api_usage.consumer_accounts.ConsumerAccounts.decide": (
        "consumer_account.approved", "consumer_account.disabled", "consumer_account.enabled",
    ),
    "api_usage.consumer_accounts.ConsumerAccounts.remove": ("consumer_account.removed",),
    "api_usage.consumer_self.ConsumerSelf.set_password": ("consumer_account.password",),
    "slo.slos.Slos.save": ("slo.saved",),
    "rules.remediation.Remediations.decide": ("remediation.approved", "remediation.rejected"),
    "slo.slos.Slos.remove": ("slo.removed",),
    "saved_views.Views.save": ("view.saved",),
    "saved_views.Views.remove": ("view.removed",),
    "access.keys.Keys.create": ("key.created",),
    "access.keys.Keys.revoke": ("key.revoked",),
    "access.keys.Keys.rotate": ("key.rotated",),
    "access.people.People._change": ("person.password", "person.disabled", "person.enabled"),
    "access.people.People._role": ("person.granted", "person.revoked"),
    "access.people.People.create": ("person.created",),
    "access.people.People.delete": ("person.deleted",),
    "access.outside_logins.OutsideLogins.log_in": ("person.created", "person.granted"),
    "alerts.silences.Silences.begin": ("rule.silenced",),
    "alerts.silences.Silences.end": ("rule.unsilenced",),
    "notifications.matcher_silences.MatcherSilences.create": ("silence.created",),
    "notifications.matcher_silences.MatcherSilences.extend": ("silence.extended",),
    "notifications.posted_silences.post_silence": ("silence.created", "silence.extended",
                                                   "silence.expired"),
    "notifications.matcher_silences.MatcherSilences.expire": ("silence.expired",),
    "rules.made.add_rule": ("rule.created",),
    "rules.made.drop_unevaluated": ("rule.dropped",),
    "events.packs.roll_out": ("event_pack.set",),
    "events.packs.take_back": ("event_pack.removed",),
    "database.backup.restore": ("database.restored",),
    "archive.holds.Holds.set": ("archive.hold_set",),
    "archive.holds.Holds.release": ("archive.hold_released",),
    "archive.restoring.restore_alerts": ("archive.restored",),
    "audit.people.erase": ("person.erased",),
    "audit.retention.truncate": ("audit.truncated",),
    "audit.record.Audit.write": ("channel.saved", "channel.removed", "rule.deployed",
                                 "rule.undeployed", "rule.changed", "settings.changed",
                                 "person.exported", "rule.run"),
}  # fmt: skip
"""By function: the codes of its rows."""
_ENGINE = "an evaluation or an upkeep of the engine; the timelines of alerts have what it changes"
_NOTIFYING = "notifications of the engine; deliveries and the notification log are its record"
_DATA = "data that programs send, not a change of what is configured"
_UPKEEP = "retention or sums of what is there already, as the settings say"
_WAY = "the way of every change, which is none itself"
_OWN_KEY = "makes a key of this instance once, as `link_in_message` does"
EXEMPT = {
    "Store.write": _WAY,
    "Store.in_transaction": _WAY,
    "database.migrate.locked": _WAY,
    "Store.apply": _ENGINE,
    "alerts.apply_together.apply_together": _ENGINE,
    "Store.sweep": _ENGINE,
    "access.logins.Logins.log_in": "a login, which the system log has, not a change",
    "access.sessions.Sessions._note_used": "when a session was used last",
    "api_usage.consumer_self.ConsumerSelf.log_out": "a logout, not a change",
    "api_usage.consumer_self.ConsumerSelf._begin": "a login, not a change",
    "api_usage.consumer_self.ConsumerSelf.log_in": "counts failed logins",
    "access.sessions.Sessions.end": "a logout, not a change",
    "approvals.pending_changes.PendingChanges.finish": "what `begin` has recorded was carried out",
    "rules.made.add_deployed": "what `rule.deployed` has recorded",
    "alerts.changed_rules.keep_changed": "what `rule.changed` or `rule.deployed` has recorded",
    "incidents.rooms.Rooms.due": "asks for the Slack channel that an incident names already",
    "incidents.rooms.Rooms.claim": _ENGINE,
    "incidents.rooms.Rooms.planned": "the name by which such a channel is asked for",
    "incidents.rooms.Rooms.kept": "topic and members of such a channel, of which the incident says",
    "answered_requests.begin": "remembers requests, each of whose changes has a row of its own",
    "answered_requests.finish": "remembers answers to requests",
    "answered_requests.give_up": "forgets a request",
    "oncall.handoffs.notify_of_handoffs": _NOTIFYING,
    "oncall.calendar_copies._keep": "a copy of another system's calendar; that a schedule has one "
    "is in the document, which is audited",
    "oncall.calendar_copies.keep_failure": "that such a calendar could not be read",
    "oncall.calendar_copies.forget_copies": "copies of calendars that the document has no longer",
    "feed_rows.FeedRows.note_used": "when a feed was read last",
    "access.keys.Keys.note_used": "when a key was used last, which each of its changes has too",
    "alerts.run_states.record_ended": _ENGINE,
    "alerts.unheard.add_unheard": _ENGINE,
    "alerts.posted_batches.add_batches": _DATA,
    "orchestration.cached_tables._keep": "rows of another database, as the audited query says",
    "audit.chaining.chain": "chains audit rows",
    "automation_switches.Switches.remember": "notes switches that people move in Prefect",
    "notifications.door_canaries.begin_door_canaries": _ENGINE,
    "notifications.door_canaries.note_refused": _ENGINE,
    "notifications.door_canaries.forget_door_canaries": _ENGINE,
    "database.component_reports.report": "how a component of Sentinel is, which no person changes",
    "database.leases.Leases.release": _ENGINE,
    "database.leases.Leases.take": _ENGINE,
    "database.migrate.migrate": "the start of a new version, which the system log has",
    "database.retention.retain": _UPKEEP,
    "database.retention._delete": _UPKEEP,
    "archive.archiving._move": _UPKEEP,
    "archive.archiving._expire": _UPKEEP,
    "archive.erasing.erasing": "part of `erase`, which records it",
    "archive.files.intend": _UPKEEP,
    "archive.files.clear": _UPKEEP,
    "escalations.claims.claim_due": _NOTIFYING,
    "escalations.resuming.go_on_unmuted": _NOTIFYING,
    "escalations.pages.page_answered": _NOTIFYING,
    "escalations.pages.page_attempted": _NOTIFYING,
    "escalations.sending.claim_pages": _NOTIFYING,
    "escalations.sending.finish_page": _NOTIFYING,
    "escalations.sending.renew_pages": _NOTIFYING,
    "escalations.waking.arm_next": _NOTIFYING,
    "escalations.waking.wake_for_due": _NOTIFYING,
    "alerts.apply_escalation.carry_out": _ENGINE,
    "events.log.Events.add_calls": _DATA,
    "events.log.Events.forget": _UPKEEP,
    "events.destinations.forget_old_changes": _UPKEEP,
    "events.destinations.Destinations.took": "how far a destination has come",
    "events.destinations.Destinations.failed": "that a destination took nothing",
    "events.matching.PackMatcher.step": _ENGINE,
    "events.matching.RuleEvents._looked_at": _ENGINE,
    "events.packs._retire": "part of `roll_out` and `take_back`, beside `Rules.retire`",
    "metrics.rollup._forget": _UPKEEP,
    "metrics.rollup._split": _UPKEEP,
    "metrics.rollup.upkeep": _UPKEEP,
    "metrics.samples.Metrics.keep": _DATA,
    "notifications.deliveries.finish": _NOTIFYING,
    "notifications.deliveries.release_claims": _NOTIFYING,
    "notifications.inbox.Inbox.put": _NOTIFYING,
    "notifications.notification_log.NotificationLog.claim": _NOTIFYING,
    "notifications.notification_log.NotificationLog.renew": _NOTIFYING,
    "notifications.announcements.announce_silences": _NOTIFYING,
    "notifications.notices.claim_notices": _NOTIFYING,
    "notifications.notices.finish_notices": _NOTIFYING,
    "reports.digests._send": _NOTIFYING,
    "notifications.route_shadow.follow_shadow": "what a draft would do, which has no effect",
    "notifications.outbox.Outbox.mark_published": _NOTIFYING,
    "notifications.posted_bounces.keep_reports": _DATA,
    "notifications.posted_bounces.read_reports": _ENGINE,
    "notifications.channel_health.note_missing": _NOTIFYING,
    "notifications.removed_channels.forget_channel": _NOTIFYING,
    "notifications.push_subscriptions.PushSubscriptions.forget": _NOTIFYING,
    "notifications.push_subscriptions.PushSubscriptions.private_key": _OWN_KEY,
    "notifications.outbox.Outbox.prune": _UPKEEP,
    "notifications.stale_mutes.decide_on_stale_mutes": _NOTIFYING,
    "notifications.storms.watch_storms": _NOTIFYING,
    "notifications.summaries.summarise": _NOTIFYING,
    "notifications.wakes.Wakes.due_groups_wake": _NOTIFYING,
    "notifications.wakes.Wakes.serve": _NOTIFYING,
    "notifications.wakes.Wakes.tick": _NOTIFYING,
    "reports.rollup_upkeep.Rollups._move_on": _UPKEEP,
    "reports.rollup_upkeep.Rollups.upkeep": _UPKEEP,
    "rules.health.note_paused": "notes what people paused in Prefect",
    "rules.remediation.Remediations._move": _ENGINE,
    "rules.remediation.Remediations.follow": _ENGINE,
    "rules.remediation.Remediations.not_started": _ENGINE,
    "rules.remediation.Remediations._hold": _ENGINE,
    "database.retention._forget_limits": _UPKEEP,
    "database.retention.forget_incidents": _UPKEEP,
    "incidents.steps.Steps._move": _ENGINE,
    "incidents.steps.Steps.follow": _ENGINE,
    "incidents.steps.Steps.not_started": _ENGINE,
    "services.edges.observe": _DATA,
    "services.status_writing.write_page": "writes what the page's definition says, each minute",
    "services.edges.forget_edges": _UPKEEP,
    "services.status_subscribers.StatusSubscribers.sign_up": "asks; nothing follows unconfirmed",
    "services.status_deliveries.claim_status": _ENGINE,
    "services.status_deliveries.finish_status": _ENGINE,
    "api_usage.consumer_keys.ConsumerKeys.note_used": _ENGINE,
    "api_usage.signing_keys.SigningKeys.make_first": _OWN_KEY,
    "api_usage.limit_states.LimitStates._on_sqlite": _DATA,
    "api_usage.limit_states.LimitStates.forget": _UPKEEP,
    "slo.slos.Slos.measure": _DATA,
    "slo.of_tenant.TenantSlos.replace": _ENGINE,
    "slo.counts.keep_counts": _UPKEEP,
    "system_log.Log.write": "what Sentinel itself did; changes of people are audited",
    "system_log.Log.reword": "that something Sentinel logged happened again",
}


def _writers() -> Iterator[str]:
    for path in sorted(ROOT.rglob("*.py")):
        if "migrations" in path.parts:
            continue
        room = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix("__init__")
        tree = ast.parse(path.read_text("utf-8"))
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef) and _writes(inner):
                        yield ".".join(filter(None, (room, node.name, inner.name)))
            elif isinstance(node, ast.FunctionDef) and _writes(node):
                yield ".".join(filter(None, (room, node.name)))


def _writes(function: ast.FunctionDef) -> bool:
    """Whether the function, or one inside it, begins a writing transaction."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = name or (node.func.id if isinstance(node.func, ast.Name) else "")
            of_store = ast.unparse(node.func).endswith("store.write") and node.args == []
            if name in ("in_transaction", "writing", "locked") or of_store:
                return True
    return False


def test_every_function_that_writes_is_audited_or_says_why_not():
    writers = set(_writers())
    known = set(AUDITED) | set(EXEMPT)
    assert sorted(writers - known) == [], "give it an audit code, or a reason why it has none"
    assert sorted(known - writers) == [], "these write no longer: take them out of the tables"
    assert not set(AUDITED) & set(EXEMPT)


def test_every_code_is_one_that_people_can_read():
    assert {code for codes in AUDITED.values() for code in codes} <= set(ACTIONS)
