"""The store: all SQL, one transaction per change, one file per noun.

`Store` is the only thing that the doors see of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from sentinel.access import EVERYTHING, Scope
from sentinel.alerts.actions import Action, ActionResult
from sentinel.alerts.inputs import Reason
from sentinel.audit.origin import ENGINE, Origin
from sentinel.clock import Clock, SystemClock
from sentinel.evaluation.model import Applied, Evaluation
from sentinel.settings import Settings
from sentinel.store.alerts import apply_action, apply_evaluation
from sentinel.store.alerts.act_locks import Taken
from sentinel.store.alerts.act_together import act_together
from sentinel.store.alerts.asked import Asked
from sentinel.store.alerts.queries import Alerts
from sentinel.store.database.engine import connect, glancing, one_snapshot, reading, writing
from sentinel.store.database.failures import may_run_again
from sentinel.store.database.retention import Retained, retain
from sentinel.store.database.tables import CHANGE
from sentinel.store.metrics.samples import FRESH, Metrics
from sentinel.store.options import StoreOptions
from sentinel.store.rules.rules import Rules

if TYPE_CHECKING:
    from sentinel.alerts.run_source import RunSource
    from sentinel.rules.rule import Rule
    from sentinel.store.alerts.silences import Silences
    from sentinel.store.audit.record import Audit
    from sentinel.store.automation_switches import Switches
    from sentinel.store.database.leases import Leases
    from sentinel.store.events.log import Events
    from sentinel.store.events.matching import RuleEvents
    from sentinel.store.notifications.inbox import Inbox
    from sentinel.store.notifications.notification_log import NotificationLog
    from sentinel.store.notifications.outbox import Outbox
    from sentinel.store.notifications.receivers import Receivers
    from sentinel.store.notifications.wakes import Wakes
    from sentinel.store.reports.rollup_upkeep import Rollups
    from sentinel.store.reports.statistics import Statistics
    from sentinel.store.rules.remediation import Remediations
    from sentinel.store.saved_views import Views
    from sentinel.store.system_log import Log

__all__ = ["Store", "StoreOptions"]

T = TypeVar("T")

_TRIES = 4
# As text: SQLAlchemy 2.0 compiles an INSERT with ON CONFLICT anew each time.
_RAISED = text(
    "INSERT INTO change (name, number) VALUES ('alerts', 1)"
    " ON CONFLICT (name) DO UPDATE SET number = change.number + 1"
)


class Store:
    """The shared database.

    Args:
        url: `postgresql+psycopg://…` or `sqlite:///…`
        clock: gives the present moment; the machine's clock by default
        options: settings that decisions depend on
        origin: by which door changes come in this process, for the audit trail
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None = None,
        options: StoreOptions | None = None,
        origin: Origin = ENGINE,
    ) -> None:
        self.engine = connect(url)
        self.clock = clock or SystemClock()
        self.options = options or StoreOptions()
        self.origin = origin

    @classmethod
    def of(
        cls, settings: Settings, *, clock: Clock | None = None, origin: Origin = ENGINE
    ) -> Store:
        """The store that the settings name; SQLite under home where they name none."""
        home = settings.resolved_home()
        return cls(
            settings.database_url or f"sqlite:///{home / 'sentinel.db'}",
            clock=clock,
            options=StoreOptions.of(settings),
            origin=origin,
        )

    @property
    def dialect(self) -> str:
        """`postgresql` or `sqlite`."""
        return self.engine.dialect.name

    def now(self) -> datetime:
        """The present moment, by this store's clock."""
        return self.clock.now()

    def write(self) -> AbstractContextManager[Connection]:
        """One transaction that writes: committed as a whole or not at all."""
        return writing(self.engine)

    def read(self) -> AbstractContextManager[Connection]:
        """One transaction that only reads."""
        return reading(self.engine)

    def glance(self) -> AbstractContextManager[Connection]:
        """As `read`, for a single query: each sees what is committed by then."""
        return glancing(self.engine)

    def snapshot(self) -> AbstractContextManager[Connection]:
        """As `read`, where all answers are of one moment."""
        return reading(one_snapshot(self.engine))

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()

    def migrate(self) -> None:
        """Bring the schema up to this version, under a lock.

        Raises:
            SchemaTooNew: a newer Sentinel has migrated it
            DatabaseUnreachable: it does not answer
        """
        from sentinel.store.database.migrate import migrate

        migrate(self.engine)

    def apply(self, evaluation: Evaluation) -> Applied:
        """Apply one evaluation of a rule: alerts, timeline, groups, outbox and rule state.

        Args:
            evaluation: what one run of the rule saw

        Returns:
            The outcome, and which alerts changed.

        Raises:
            DatabaseUnreachable: the database does not answer; nothing was written
        """
        return self.in_transaction(
            lambda connection: apply_evaluation.apply(self, connection, evaluation)
        )

    def act(
        self,
        ids: Sequence[str],
        action: Action,
        *,
        expected_version: int | None = None,
        scope: Scope = EVERYTHING,
    ) -> list[ActionResult]:
        """Do what a person asked to each alert, in one transaction.

        Args:
            ids: the alerts, at most `MOST_ACTED_ON`
            action: one of `sentinel.alerts.actions.Action`
            expected_version: an alert of another version is not changed
            scope: an alert that is not in it is as unknown

        Returns:
            The result for each alert, in the order of `ids`; an id that is given twice has one.

        Raises:
            ConfigurationError: there are too many ids, or a text has a NUL character
        """
        asked = Asked(ids=ids, action=action, expected_version=expected_version, scope=scope)
        return self.act_all([asked])[0]

    def act_all(self, asked: Sequence[Asked]) -> list[list[ActionResult]]:
        """Do what several people asked, in one transaction; see `act_together`."""
        results = act_together(self, asked)
        return [one for one in results if not isinstance(one, Taken)]  # it waits for every lock

    def sweep(self, now: datetime | None = None) -> int:
        """Expire alerts that have outlived `resolve_after`, and wake `notify` if a group is due.

        Groups of which a member is muted by what is over are due then.

        Args:
            now: the moment at which groups are due; the store's clock by default

        Returns:
            How many alerts expired.
        """
        expired = self.in_transaction(lambda connection: apply_action.expire(self, connection))
        from sentinel.store.notifications.stale_mutes import decide_on_stale_mutes

        decide_on_stale_mutes(self, now or self.now())
        self.wakes.due_groups_wake(now or self.now())
        return expired

    def retain(self, older_than: timedelta) -> Retained:
        """Delete what was resolved longer ago than `older_than`, as `retention.retain` says."""
        self.audit.truncate()
        return retain(self, older_than)

    def changed(self, connection: Connection) -> None:
        """Raise the change number, last in a transaction that people may see."""
        connection.execute(_RAISED)

    def change_number(self) -> int:
        """Return a number that rises with every committed change of what people see."""
        with self.read() as connection:
            found = connection.execute(select(CHANGE.c.number).where(CHANGE.c.name == "alerts"))
            return found.scalar() or 0

    def in_transaction(self, work: Callable[[Connection], T], *, snapshot: bool = False) -> T:
        """Run one writing transaction, up to four times if the database aborts it.

        Args:
            work: what to do with the open connection; it is called once per attempt
            snapshot: whether all that it reads is of one moment

        Returns:
            What `work` returned in the attempt that was committed.

        Raises:
            DBAPIError: the database refused it for another reason than a deadlock, a
                serialization failure or a locked file, or did so four times.
            AssertionError: never.
        """
        for left in reversed(range(_TRIES)):
            try:
                with writing(one_snapshot(self.engine)) if snapshot else self.write() as connection:
                    connection.info.pop(FRESH, None)
                    done = work(connection)
                    fresh = connection.info.pop(FRESH, ())
                if fresh:
                    self.metrics.remember(fresh)
                return done
            except DBAPIError as error:
                if not left or not may_run_again(error):
                    raise
                time.sleep(0.02 * (_TRIES - left))
        raise AssertionError("unreachable")

    @cached_property
    def rules(self) -> Rules:
        """Rules: their switches, and which evaluations are admitted."""

        def close_rule(connection: Connection, tenant: str, name: str, actor: str) -> int:
            return apply_action.close_rule(
                self, connection, tenant, name, Reason.RULE_DISABLED, actor
            )

        return Rules(self, close_rule)

    @cached_property
    def audit(self) -> Audit:
        """Writes rows of the audit trail, each in the transaction of its change."""
        from sentinel.store.audit.record import Audit

        return Audit(self)

    @cached_property
    def alerts(self) -> Alerts:
        """Queries about alerts."""
        return Alerts(self)

    @cached_property
    def statistics(self) -> Statistics:
        """Figures over time."""
        from sentinel.store.reports.statistics import Statistics

        return Statistics(self)

    @cached_property
    def events(self) -> Events:
        """The log of events."""
        from sentinel.store.events.log import Events

        return Events(self)

    def event_port(self, rule: Rule, source: RunSource | None) -> RuleEvents:
        """Return the port through which a trigger's event policies match its tenant's events.

        Args:
            rule: the rule of the deployment
            source: the flow run; None for a rehearsal, which stores nothing

        Returns:
            A port that is bound to the tenant and the rule.
        """
        from sentinel.store.events.matching import RuleEvents

        return RuleEvents(self, rule, source)

    @cached_property
    def inbox(self) -> Inbox:
        """The inbox that the dashboard shows."""
        from sentinel.store.notifications.inbox import Inbox

        return Inbox(self)

    @cached_property
    def leases(self) -> Leases:
        """Leases: which process holds a duty, and until when."""
        from sentinel.store.database.leases import Leases

        return Leases(self)

    @cached_property
    def metrics(self) -> Metrics:
        """Samples of metrics, and the readings that rules keep."""
        return Metrics(self)

    @cached_property
    def outbox(self) -> Outbox:
        """Events on their way to Prefect."""
        from sentinel.store.notifications.outbox import Outbox

        return Outbox(self)

    @cached_property
    def receivers(self) -> Receivers:
        """Named sets of channels."""
        from sentinel.store.notifications.receivers import Receivers
        from sentinel.store.oncall.documents import active_document

        return Receivers(self, active_document)

    @cached_property
    def remediations(self) -> Remediations:
        """Remediations of alerts, and their flow runs."""
        from sentinel.store.rules.remediation import Remediations

        return Remediations(self)

    @cached_property
    def switches(self) -> Switches:
        """The switches of Automations, as users left them."""
        from sentinel.store.automation_switches import Switches

        return Switches(self)

    @cached_property
    def log(self) -> Log:
        """The system log: what Sentinel itself did."""
        from sentinel.store.system_log import Log

        return Log(self)

    @cached_property
    def notification_log(self) -> NotificationLog:
        """Which channels were notified of which groups, and which notifications are due."""
        from sentinel.store.escalations.following import follow_mutes
        from sentinel.store.notifications.notification_log import NotificationLog

        return NotificationLog(self, partial(follow_mutes, self))

    @cached_property
    def silences(self) -> Silences:
        """Silences of rules."""
        from sentinel.store.alerts.silences import Silences

        return Silences(self)

    @cached_property
    def views(self) -> Views:
        """Filters that people saved under a name."""
        from sentinel.store.saved_views import Views

        return Views(self)

    @cached_property
    def rollups(self) -> Rollups:
        """Figures that are kept by hour and by day."""
        from sentinel.store.reports.rollup_upkeep import Rollups

        return Rollups(self)

    @cached_property
    def wakes(self) -> Wakes:
        """Wakes as rows."""
        from sentinel.store.notifications.wakes import Wakes

        return Wakes(self)
