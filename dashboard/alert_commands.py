"""The commands for alerts from the table and the drawer, with their answers and undo steps.

A browser sends a command again until it hears the answer, so that nothing is lost when a page
refreshes in between. Every command therefore has an id, which is stored with the change: it is
carried out once, also where the process died before it answered and another one gets it again.
`dashboard.commands` validates a command and checks who sent it before it reaches this module.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from dashboard.command_record import KeptCommand, claim_of, kept_steps
from dashboard.database_errors import database, is_unsettled
from dashboard.live_filter import View
from sentinel.access import Scope
from sentinel.alerts.actions import Action, ActionName, ActionResult, action_named
from sentinel.alerts.bulk import Step, changed, undo_steps
from sentinel.alerts.reasons import Reason
from sentinel.duration import format_duration
from sentinel.errors import DatabaseError, NotFound, SentinelError
from sentinel.store.alerts.act_once import Replaced
from sentinel.store.alerts.asked import MOST_ACTED_ON

if TYPE_CHECKING:
    from dashboard.commands import Services
    from dashboard.data import Data

__all__ = ["MOST_KEPT", "AlertCommand", "AlertCommands", "Answer", "NotChanged", "Sender"]

MOST_KEPT = 2000
"""Commands whose answers this process remembers; the store keeps those that changed alerts."""
MOST_EXPLAINED = 20
"""Conflicts for which the database is asked what somebody else did."""
Text = Annotated[str, msgspec.Meta(max_length=2000)]
_Key = tuple[str, str]
_log = logging.getLogger("sentinel.dashboard")
"""Who sent a command, and its id."""


class NotChanged(msgspec.Struct, frozen=True):
    """An alert that a command left as it was, and why."""

    id: str
    why: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one command.

    Attributes:
        id: of the command
        done: alerts that it changed
        unchanged: alerts that already were in the state that it asks for
        conflicts: alerts that somebody else changed since they were shown
        refused: alerts whose lifecycle does not allow the command
        more: whether more alerts match than one command may change
        undo: whether it can be undone
        offer: a sentence that offers a snooze, where the condition of a resolved alert still holds
        error: why nothing at all was done
    """

    id: str
    done: int = 0
    unchanged: int = 0
    conflicts: list[NotChanged] = []
    refused: list[NotChanged] = []
    more: bool = False
    undo: bool = False
    offer: str = ""
    error: str = ""


class AlertCommand(msgspec.Struct, frozen=True, kw_only=True):
    """One command for alerts, as a browser sends it.

    Attributes:
        id: made by the browser; the same id is carried out once
        op: what to do
        items: alerts, each with the version that the browser showed
        all: a filter: every alert that matches it, whatever its version
        comment: kept in the timeline
        minutes: how long to suppress for
        assignee: who the alert is assigned to; empty for nobody
        of: the command to undo; for `suppress`, the resolve whose still firing alerts are meant
    """

    id: Annotated[str, msgspec.Meta(pattern="^[!-~]{1,80}$")]
    op: Literal[ActionName, "undo"]
    items: Annotated[list[tuple[str, int]], msgspec.Meta(max_length=MOST_ACTED_ON)] = []
    all: dict[str, Any] | None = None
    comment: Text = ""
    minutes: Annotated[int, msgspec.Meta(ge=0, le=366 * 24 * 60)] = 0
    assignee: Annotated[str, msgspec.Meta(max_length=100)] = ""
    of: Annotated[str, msgspec.Meta(pattern="^[!-~]{0,80}$")] = ""

    def carry_out(self, services: Services, actor: str) -> Answer | None:
        """Change the alerts, once for all copies of this command.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the answer; None while a copy of this command is running
        """
        return services.alerts.once(self, Sender(actor, services.within.scope, services.sees))


class Sender(msgspec.Struct, frozen=True):
    """Who sent a command.

    Attributes:
        name: of the person
        may: where they may act; alerts that are not in it are as unknown
        sees: where they may read
    """

    name: str
    may: Scope
    sees: Scope


class AlertCommands:
    """Carries out commands for alerts, once each, and undoes them.

    Args:
        data: the dashboard's access to the store
    """

    def __init__(self, data: Data) -> None:
        self._data = data
        self._lock = threading.Lock()
        # By who sent a command and its id, so that nobody can name somebody else's.
        self._answers: OrderedDict[_Key, Answer | None] = OrderedDict()

    def once(self, command: AlertCommand, sender: Sender) -> Answer | None:
        """Carry out a command, unless it was carried out before.

        Args:
            command: a validated command
            sender: who sent it

        Returns:
            its answer; None while another thread carries out the same command, and where the
            database failed: whether it was carried out is in the database, where the same command
            finds it when the browser sends it again
        """
        key = (sender.name, command.id)
        with self._lock:
            if key in self._answers:
                return self._answers[key]
            # Claimed before it runs: a copy that comes meanwhile waits for this answer.
            self._answers[key] = None
            while len(self._answers) > MOST_KEPT:
                self._answers.popitem(last=False)
        answer: Answer | None = None
        try:
            answer = self._answered(command, sender)
        finally:
            with self._lock:
                if answer is None:  # the browser sends it again, after a bug too
                    self._answers.pop(key, None)
                else:
                    self._answers[key] = answer
        return answer

    def _answered(self, command: AlertCommand, sender: Sender) -> Answer | None:
        try:
            if command.op == "undo":
                return self._undone(command, sender)
            return self._acted(command, sender)
        except SentinelError as error:
            if is_unsettled(error):  # the connection may have died after the commit
                _log.warning("the command %s was not confirmed: %s", command.id, error)
                return None
            return Answer(id=command.id, error=str(error))

    def _acted(self, command: AlertCommand, sender: Sender) -> Answer:
        actor, scope = sender.name, sender.may
        # What these name is different once they were carried out.
        if command.of or command.all is not None:
            kept = self._kept(scope, actor, command.id)
            if kept is not None:
                return self._answer(command.id, kept, sender)
        action = self._action(command, actor)
        versions, more = self._targets(command, actor, scope)
        if not versions:
            nothing = command.op == "suppress" and command.of
            error = "there is no alert left to snooze" if nothing else ""
            return Answer(id=command.id, error=error)
        before = self._data.some(scope, list(versions))
        asked = before.values() if command.op == "resolve" else ()
        holds = self._data.still_firing(scope, asked)

        def kept_of(results: list[ActionResult]) -> KeptCommand:
            undo: list[Step] = []
            if command.op != "undo":
                undo = undo_steps(command.op, actor, before, results, self._data.now())
            firing = [one.alert_id for one in changed(results) if one.alert_id in holds]
            return KeptCommand(results=results, undo=kept_steps(undo), firing=firing, more=more)

        expected = {one: version for one, version in versions.items() if version is not None}
        step = Step(action, list(versions), expected)
        return self._answer(command.id, self._once(command, sender, [step], kept_of), sender)

    def _once(
        self,
        command: AlertCommand,
        sender: Sender,
        steps: Sequence[Step],
        kept_of: Callable[[list[ActionResult]], KeptCommand],
        replacing: Replaced = None,
    ) -> KeptCommand:
        """Take the steps, unless this or another process has; return what is kept of them."""
        made: list[KeptCommand] = []

        def record(results: list[ActionResult]) -> str:
            made[:] = [kept_of(results)]  # the database may have it done again
            return made[0].text()

        claim = claim_of(sender.name, command.id, command)
        with database():
            within = self._data.within(sender.may)
            before = within.act_once(claim, steps, record, replacing=replacing)
        return made[0] if before is None else KeptCommand.read(before)

    def _kept(self, scope: Scope, actor: str, command_id: str) -> KeptCommand | None:
        with database():
            kept = self._data.within(scope).kept_of(claim_of(actor, command_id))
        return None if kept is None else KeptCommand.read(kept)

    def _targets(
        self, command: AlertCommand, actor: str, scope: Scope
    ) -> tuple[dict[str, int | None], bool]:
        """The alerts that a command is for with their versions, and whether more match."""
        if command.op == "suppress" and command.of:
            # A snooze is meant whatever happened to the alert since its resolve.
            resolved = self._kept(scope, actor, command.of)
            return dict.fromkeys(resolved.firing if resolved else ()), False
        if command.all is not None:
            wanted = View.read(command.all).filter(actor)
            found = self._data.live_ids(scope, wanted, MOST_ACTED_ON + 1)
            return dict.fromkeys(found[:MOST_ACTED_ON]), len(found) > MOST_ACTED_ON
        # A comment changes nothing that somebody else's change could conflict with.
        any_version = command.op == "comment"
        return {alert: None if any_version else version for alert, version in command.items}, False

    def _snooze_offer(self, firing: int, of: int) -> str:
        if not firing:
            return ""
        held = format_duration(self._data.hold_after_manual_resolve())
        if of == 1:
            return f"It still fired at the last evaluation, and reopens in {held} if it still does."
        which = "All of them" if firing == of else f"{firing:,} of them"
        return f"{which} still fired at the last evaluation; what still does reopens in {held}."

    def _action(self, command: AlertCommand, actor: str) -> Action:
        return action_named(
            command.op,
            actor=actor,
            comment=command.comment.strip(),
            assignee=command.assignee.strip(),
            until=self._data.now() + timedelta(minutes=command.minutes),
        )

    def _undone(self, command: AlertCommand, sender: Sender) -> Answer:
        kept = self._kept(sender.may, sender.name, command.id)
        if kept is not None:
            return self._answer(command.id, kept, sender)
        of = self._kept(sender.may, sender.name, command.of) if command.of else None
        if of is None or not of.undo:
            return Answer(id=command.id, error="there is nothing left to undo")
        undone = msgspec.structs.replace(of, undo=[]).text()
        kept = self._once(
            command,
            sender,
            of.steps(),
            lambda results: KeptCommand(results=results),
            (claim_of(sender.name, command.of), undone),
        )
        return self._answer(command.id, kept, sender)

    def _changed_by(self, sender: Sender, one: ActionResult) -> str:
        """What somebody else did, else the conflict's own words: the command's result stands."""
        try:
            changed = self._data.last_change(sender.sees, one.alert_id)
            if one.reason is Reason.NOT_FOUND and changed:
                return f"{sender.name} may read it and not act on it"
            return changed or one.error
        except (DatabaseError, NotFound):
            return one.error

    def _answer(self, command: str, kept: KeptCommand, sender: Sender) -> Answer:
        results = kept.results
        conflicts = [one for one in results if one.reason in (Reason.CONFLICT, Reason.NOT_FOUND)]
        refused = [one for one in results if not one.ok and one not in conflicts]
        unchanged = sum(one.ok and one.reason is Reason.UNCHANGED for one in results)
        explained, rest = conflicts[:MOST_EXPLAINED], conflicts[MOST_EXPLAINED:]
        return Answer(
            id=command,
            done=sum(one.ok for one in results) - unchanged,
            unchanged=unchanged,
            conflicts=[NotChanged(one.alert_id, self._changed_by(sender, one)) for one in explained]
            + [NotChanged(one.alert_id, one.error) for one in rest],
            refused=[NotChanged(one.alert_id, one.error) for one in refused],
            more=kept.more,
            undo=bool(kept.undo),
            offer=self._snooze_offer(len(kept.firing), len(changed(results))),
        )
