"""The settings that decisions inside the store depend on."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from sentinel.links import dashboard_address, public_address
from sentinel.settings import Settings
from sentinel.settings.archive import retention_by_tenant

__all__ = ["StoreOptions"]


class StoreOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that decisions inside the store depend on.

    Attributes:
        reopen_within: an alert that fires again so soon after it resolved is reopened
        hold_after_manual_resolve: so long a manually resolved alert does not fire again
        wake_again_after: a wake that is not served within this time is emitted again
        dashboard_url: the address that links in messages begin with
        public_url: the address of the public pages; empty for messages without acknowledge links
        public_link_lifetime: how long such a link can be used
        status_mail: reference of the email channel that mails subscribers of status pages; empty
            for no such mails
        war_room_url: template of the address of an incident's war room; empty for none
        messages_per_minute: that a receiver or channel without a limit of its own is sent at most;
            0 for no limit
        storm_alerts: so many alerts of a receiver that open within a minute begin a storm; 0 for
            never
        keep_samples, keep_minutes, keep_hours: how long samples and their aggregates by minute
            and by hour are kept
        keep_events: how long events are kept
        keep_incidents: how long resolved incidents are kept
        keep_audit: how long rows of the audit trail are kept; None for ever
        retention_by_tenant: how long resolved alerts of a tenant are kept, where that differs
        archive_url: where they go then; empty where they are deleted
        keep_archive: how long they are kept there; None for ever
        most_history: resolved alerts that stay at most; 0 for no limit
        most_active_alerts: active alerts from which on rules count further ones in one alert each
        audit_key: signs the checkpoints below which they are deleted; without it none is
    """

    reopen_within: timedelta = timedelta(minutes=15)
    hold_after_manual_resolve: timedelta = timedelta(minutes=5)
    wake_again_after: timedelta = timedelta(seconds=5)
    dashboard_url: str = "http://127.0.0.1:8501"
    public_url: str = ""
    public_link_lifetime: timedelta = timedelta(hours=24)
    status_mail: str = ""
    war_room_url: str = ""
    messages_per_minute: int = 100
    storm_alerts: int = 1_000
    keep_samples: timedelta = timedelta(days=7)
    keep_minutes: timedelta = timedelta(days=30)
    keep_hours: timedelta = timedelta(days=400)
    keep_events: timedelta = timedelta(days=7)
    keep_incidents: timedelta = timedelta(days=730)
    keep_audit: timedelta | None = None
    retention_by_tenant: dict[str, timedelta] = {}
    archive_url: str = ""
    keep_archive: timedelta | None = None
    most_history: int = 0
    most_active_alerts: int = 100_000
    audit_key: str = ""

    @classmethod
    def of(cls, settings: Settings) -> StoreOptions:
        """Return those that the settings of a process name."""
        return cls(
            reopen_within=settings.reopen_within,
            hold_after_manual_resolve=settings.hold_after_manual_resolve,
            wake_again_after=settings.wake_again_after,
            status_mail=settings.status_mail,
            war_room_url=settings.war_room_url,
            messages_per_minute=settings.messages_per_minute,
            storm_alerts=settings.storm_alerts,
            keep_samples=settings.keep_samples,
            keep_minutes=settings.keep_minutes,
            keep_hours=settings.keep_hours,
            keep_events=settings.keep_events,
            keep_incidents=settings.keep_incidents,
            keep_audit=settings.keep_audit,
            retention_by_tenant=retention_by_tenant(settings.retention_by_tenant),
            archive_url=settings.archive_url,
            keep_archive=settings.keep_archive,
            most_history=settings.most_history,
            most_active_alerts=settings.most_active_alerts,
            audit_key=settings.audit_key.get_secret_value(),
            dashboard_url=dashboard_address(settings),
            public_url=public_address(settings),
            public_link_lifetime=settings.public_link_lifetime,
        )
