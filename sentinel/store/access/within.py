"""The store as a principal may use it: every query takes the scope, and none can forget it.

Routes hold a `Within` and no `Store`. What belongs to a tenant as a whole, such as samples and
events, is reached through an `OfTenant`, which only `Within.tenant` makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.access import Scope
from sentinel.access.security_events import SECURITY_TENANT
from sentinel.alerts.view import AlertView
from sentinel.errors import ConfigurationError, NotFound, OutOfScope
from sentinel.store.access.scoped_alerts import ScopedAlerts
from sentinel.store.access.scoped_rules import ScopedRules
from sentinel.store.alerts.act_once import act_once
from sentinel.store.alerts.asked import Asked
from sentinel.store.alerts.detail import Detail, read_detail
from sentinel.store.alerts.queries import LISTED, MOST_PER_PAGE
from sentinel.store.answered_requests import answered
from sentinel.store.audit import queries as audit
from sentinel.store.audit.chaining import verify_chain
from sentinel.store.escalations.why import alert_why
from sentinel.store.notifications.matcher_silences import MatcherSilences

if TYPE_CHECKING:
    from sentinel.alerts.actions import Action, ActionResult
    from sentinel.alerts.bulk import Step
    from sentinel.audit.chain import Head, Verdict
    from sentinel.events import Kept
    from sentinel.notifications.why import AlertWhy
    from sentinel.schema.notifications import InboxMessage
    from sentinel.schema.silences import Silence
    from sentinel.store import Store
    from sentinel.store.alerts.act_once import Record, Replaced
    from sentinel.store.alerts.filter import AlertFilter
    from sentinel.store.alerts.queries import FieldsPage, Order
    from sentinel.store.answered_requests import Claim
    from sentinel.store.audit.queries import AuditFilter, AuditItem, AuditPage
    from sentinel.store.metrics.samples import Metrics
    from sentinel.store.metrics.windows import Windows
    from sentinel.store.notifications.inbox import InboxFilter
    from sentinel.store.reports.statistics import Counted
    from sentinel.store.saved_views import Views

__all__ = ["OfTenant", "Within"]

DEFAULT_TENANT = "default"


class OfTenant(msgspec.Struct, frozen=True):
    """What belongs to one tenant that is in scope with all its teams: samples, events, intake.

    Attributes:
        name: of the tenant
        store: for intake that writes under that name
    """

    name: str
    store: Store

    @property
    def metrics(self) -> Metrics:
        """Collects and keeps samples; each call names the tenant."""
        return self.store.metrics

    def metric_names(self) -> list[str]:
        """Return the names of this tenant's metrics."""
        return self.store.metrics.names(self.name)

    def reader(self) -> Windows:
        """Return what reads this tenant's samples."""
        return self.store.metrics.reader(self.name)

    def check_events(self) -> None:
        """Check that others may send events of this tenant, wherever they are then stored.

        Raises:
            OutOfScope: they would pass for Sentinel's own security events
        """
        if self.name == SECURITY_TENANT:
            raise OutOfScope(
                f"only Sentinel itself sends events of the tenant {SECURITY_TENANT!r}",
                hint="Send them to another tenant.",
            )

    def add_events(self, events: Sequence[object]) -> Kept:
        """Store events of this tenant.

        Args:
            events: JSON objects

        Returns:
            As `Events.add`.

        Raises:
            OutOfScope: they would pass for Sentinel's own security events
        """
        self.check_events()
        return self.store.events.add(events, tenant=self.name)


class Within:
    """The store, confined to a scope.

    Args:
        store: the shared database
        scope: what may be seen and changed
    """

    def __init__(self, store: Store, scope: Scope) -> None:
        self.store = store
        self.scope = scope

    def tenant(self, name: str | None) -> OfTenant:
        """Return what belongs to a tenant as a whole.

        Args:
            name: of the tenant; None for `default`, or for the only one in scope

        Returns:
            The tenant.

        Raises:
            OutOfScope: not all of the tenant is in scope
            ConfigurationError: no name was given, and several tenants are in scope
        """
        whole = self.scope.whole_tenants
        if whole is None:
            return OfTenant(name or DEFAULT_TENANT, self.store)
        if name is None and len(whole) == 1:
            (name,) = whole
        elif name is None and len(whole) > 1 and DEFAULT_TENANT not in whole:
            raise ConfigurationError(
                "the request names no tenant", hint=f"Name one of: {', '.join(sorted(whole))}."
            )
        if (name or DEFAULT_TENANT) not in whole:
            raise OutOfScope(
                f"what belongs to the tenant {name or DEFAULT_TENANT!r} as a whole is out of reach",
                hint=f"This key reaches: {', '.join(sorted(whole))}."
                if whole
                else "This key is confined to teams.",
            )
        return OfTenant(name or DEFAULT_TENANT, self.store)

    @property
    def scoped_alerts(self) -> ScopedAlerts:
        """The alerts that are in scope, as the dashboard reads them."""
        return ScopedAlerts(self.store, self.scope)

    @property
    def scoped_rules(self) -> ScopedRules:
        """The rules that are in scope, as the dashboard reads and changes them."""
        return ScopedRules(self.store, self.scope)

    @property
    def instance(self) -> Store:
        """The store itself, for what belongs to no tenant, such as receivers and the system log.

        Raises:
            OutOfScope: less than everything is in scope
        """
        if not self.scope.is_everything:
            raise OutOfScope(
                "this belongs to all tenants, and you are confined to some tenants or teams",
                hint="Ask somebody whose role holds in all tenants and teams.",
            )
        return self.store

    @property
    def views(self) -> Views:
        """Saved views; each call names the person who saved them."""
        return self.store.views

    def now(self) -> datetime:
        """Return the present moment, by the store's clock."""
        return self.store.now()

    def alerts_page(
        self, chosen: AlertFilter, *, limit: int, after: str | None, order: Order
    ) -> FieldsPage:
        """Return one page of the alerts in scope; see `Alerts.fields_page`."""
        return self.scoped_alerts.fields_page(chosen, limit=limit, after=after, order=order)

    def alert(self, alert_id: str) -> AlertView:
        """Return one alert.

        Args:
            alert_id: 32 hex digits

        Returns:
            The alert as it is now.

        Raises:
            NotFound: there is none of that id, or it is not in scope
        """
        return self.scoped_alerts.get(alert_id)

    def detail(self, alert_id: str) -> Detail:
        """Return one alert with its timeline.

        Args:
            alert_id: 32 hex digits

        Returns:
            The alert with all that is shown beside it.

        Raises:
            NotFound: there is none of that id, or it is not in scope
        """
        return self.admitted(alert_id, read_detail(self.store, alert_id))

    def admitted(self, alert_id: str, found: Detail | None) -> Detail:
        """Return what was read of an alert, if it is in scope.

        Args:
            alert_id: 32 hex digits
            found: what `read_details` found; None for nothing

        Returns:
            The alert.

        Raises:
            NotFound: there is none of that id, or it is not in scope
        """
        if found is None or not self.scope.holds(found.alert["tenant"], found.alert["team"]):
            raise NotFound(f"there is no alert {alert_id!r}", hint=LISTED)
        return found

    def why(self, alert_id: str) -> AlertWhy:
        """Return why channels are notified of an alert, or not; NotFound where out of scope."""
        return alert_why(self.store, self.alert(alert_id).id, self.scope)

    def act(
        self, ids: Sequence[str], action: Action, versions: Mapping[str, int] | None = None
    ) -> list[ActionResult]:
        """Act on alerts as `Store.act` does; those out of scope are as unknown ones.

        Args:
            ids: the alerts
            action: what a person does
            versions: by id; an alert that has moved on since then is not changed

        Returns:
            The result for each alert, in the order of `ids`.
        """
        asked = Asked(ids=ids, action=action, versions=versions or {}, scope=self.scope)
        return self.store.act_all([asked])[0]

    def act_once(
        self, claim: Claim, steps: Sequence[Step], record: Record, *, replacing: Replaced = None
    ) -> str | None:
        """Act on alerts, unless the command was carried out before; see `act_once`.

        Args:
            claim: the command
            steps: what is done; no alert is in two of them
            record: returns what is kept of the results
            replacing: what is kept of an earlier command from then on

        Returns:
            None where it was done now; else what was kept when it was.
        """
        asked = [
            Asked(ids=one.ids, action=one.action, versions=one.versions, scope=self.scope)
            for one in steps
        ]
        return act_once(self.store, claim, asked, record, replacing=replacing)

    def kept_of(self, claim: Claim) -> str | None:
        """Return what was kept of a command that was carried out; None where none was."""
        found = answered(self.store, claim)
        return found.answer if found is not None and found.status else None

    def first_alerts(self, chosen: AlertFilter, most: int) -> tuple[list[dict[str, Any]], bool]:
        """Return the alerts in scope that match, the most urgent first, and whether there are more.

        Args:
            chosen: which alerts; without a status, those that are not resolved
            most: at most so many

        Returns:
            Their fields, as `alerts_page` has them.
        """
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            size = min(most - len(found), MOST_PER_PAGE)
            page = self.alerts_page(chosen, limit=size, after=cursor, order="live")
            found += page.items
            cursor = page.next
            if cursor is None or len(found) >= most:
                return found, cursor is not None

    def some_alerts(self, ids: Sequence[str]) -> dict[str, AlertView]:
        """Return those of `ids` that are alerts in scope, by id."""
        return self.scoped_alerts.some(ids)

    def figures(self, hours: float) -> Counted:
        """Return the figures of the last hours, of what is in scope."""
        return self.store.statistics.counted(hours, self.scope)

    def evaluations(self) -> int:
        """Return how many evaluations the rules in scope had."""
        return self.scoped_rules.evaluations()

    def rules(self, columns: Mapping[str, str], tenant: str | None) -> list[dict[str, Any]]:
        """Return some columns of the rules in scope; see `Rules.fields`."""
        return self.store.rules.fields(columns, tenant, self.scope)

    def silences(
        self, limit: int, after: str | None, *, ended: bool, tenant: str | None, rule: str
    ) -> list[Silence]:
        """Return the newest silences in scope; see `Silences.page`."""
        return self.store.silences.page(
            limit, after, ended=ended, tenant=tenant, rule=rule, scope=self.scope
        )

    def silence(self, silence_id: str) -> Silence:
        """Return one silence; NotFound where it is not in scope."""
        return self.store.silences.get(silence_id, self.scope)

    @property
    def matcher_silences(self) -> MatcherSilences:
        """Silences by matchers; each call takes the scope."""
        return MatcherSilences(self.store)

    def begin_silence(
        self, silence_id: str, rule: str, until: datetime, *, tenant: str, actor: str, reason: str,
        announce: bool = False,
    ) -> int:  # fmt: skip
        """Silence a rule in scope, and return how many live alerts that silences."""
        return self.store.silences.begin(
            rule, until, actor=actor, reason=reason, tenant=tenant, silence_id=silence_id,
            announce=announce, scope=self.scope,
        )  # fmt: skip

    def end_silence(self, silence: Silence, *, actor: str) -> int:
        """End a silence in scope, and return how many live alerts of a rule are heard again."""
        if not silence.rule:
            self.matcher_silences.expire(silence.id, actor=actor, scope=self.scope)
            return 0
        return self.store.silences.end(
            silence.rule, actor=actor, tenant=silence.tenant, silence_id=silence.id,
            scope=self.scope,
        )  # fmt: skip

    def audit_page(self, wanted: AuditFilter, limit: int, after: str | None) -> AuditPage:
        """Return a page of the audit trail: what belongs to whole tenants that are in scope."""
        chosen = msgspec.structs.replace(wanted, tenants=self.scope.whole_tenants)
        return audit.page(self.store, chosen, limit=limit, after=after)

    def audit_row(self, reference: str) -> AuditItem:
        """Return one row of the audit trail; NotFound where it is not in scope."""
        return audit.one(self.store, reference, tenants=self.scope.whole_tenants)

    def verify_audit(self, known: Sequence[Head]) -> Verdict:
        """Check the chain of all rows, of which a part in scope would prove nothing."""
        return verify_chain(self.store, key=self.store.options.audit_key, known=known)

    def inbox_page(
        self, limit: int, after: InboxMessage | None, wanted: InboxFilter | None = None
    ) -> list[InboxMessage]:
        """Return the newest messages about groups in scope that match; see `Inbox.page`."""
        return self.store.inbox.page(limit, after, wanted, scope=self.scope)

    def mark_read(self, ids: Sequence[str] | None, *, actor: str) -> int:
        """Mark messages about groups in scope as read; see `Inbox.mark_read`."""
        return self.store.inbox.mark_read(ids, actor=actor, scope=self.scope)

    def unread(self) -> int:
        """Return how many messages about groups in scope are not marked as read."""
        return self.store.inbox.unread(self.scope)
