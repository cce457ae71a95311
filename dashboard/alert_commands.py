"""The commands for alerts from the table and the drawer, with their answers and undo steps.

A browser sends a command again until it hears the answer, so that nothing is lost when a page
refreshes in between. Every command therefore has an id, and this process carries it out once.
`dashboard.commands` validates a command and checks who sent it before it reaches this module.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from dashboard.live_filter import View
from sentinel.access import Scope
from sentinel.alerts.actions import Action, ActionName, ActionResult, action_named
from sentinel.alerts.bulk import Step, changed, steps_by_version, take, undo_steps
from sentinel.alerts.reasons import Reason
from sentinel.duration import format_duration
from sentinel.errors import DatabaseError, NotFound, SentinelError
from sentinel.store.alerts.asked import MOST_ACTED_ON

if TYPE_CHECKING:
    from dashboard.commands import Services
    from dashboard.data import Data

__all__ = ["MOST_KEPT", "AlertCommand", "AlertCommands", "Answer", "NotChanged", "Sender"]

MOST_KEPT = 2000
"""Commands whose answers and undo steps this process remembers."""
MOST_EXPLAINED = 20
"""Conflicts for which the database is asked what somebody else did."""
Text = Annotated[str, msgspec.Meta(max_length=2000)]
_Key = tuple[str, str]
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

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    op: Literal[ActionName, "undo"]
    items: Annotated[list[tuple[str, int]], msgspec.Meta(max_length=MOST_ACTED_ON)] = []
    all: dict[str, Any] | None = None
    comment: Text = ""
    minutes: Annotated[int, msgspec.Meta(ge=0, le=366 * 24 * 60)] = 0
    assignee: Annotated[str, msgspec.Meta(max_length=100)] = ""
    of: str = ""

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
    """Carries out commands for alerts, and remembers their answers and how to undo them.

    Args:
        data: the dashboard's access to the store
    """

    def __init__(self, data: Data) -> None:
        self._data = data
        self._lock = threading.Lock()
        # By who sent a command and its id, so that nobody can name somebody else's.
        self._answers: OrderedDict[_Key, Answer | None] = OrderedDict()
        self._undo: OrderedDict[_Key, list[Step]] = OrderedDict()
        self._still_firing: OrderedDict[_Key, list[str]] = OrderedDict()

    def once(self, command: AlertCommand, sender: Sender) -> Answer | None:
        """Carry out a command, unless it was carried out before.

        Args:
            command: a validated command
            sender: who sent it

        Returns:
            its answer; None while another thread carries out the same command
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
                if answer is None:  # it failed with a bug: the browser may send it again
                    self._answers.pop(key, None)
                else:
                    self._answers[key] = answer
        return answer

    def _answered(self, command: AlertCommand, sender: Sender) -> Answer:
        try:
            if command.op == "undo":
                return self._undone(command, sender)
            return self._acted(command, sender)
        except SentinelError as error:
            return Answer(id=command.id, error=str(error))

    def _acted(self, command: AlertCommand, sender: Sender) -> Answer:
        actor, scope = sender.name, sender.may
        action = self._action(command, actor)
        versions, more = self._targets(command, actor, scope)
        if not versions and command.op == "suppress" and command.of:
            return Answer(id=command.id, error="there is no alert left to snooze")
        before = self._data.some(scope, list(versions))
        asked = before.values() if command.op == "resolve" else ()
        holds = self._data.still_firing(scope, asked)
        results = self._act(scope, steps_by_version(action, versions))
        undo: list[Step] = []
        if command.op != "undo":
            undo = undo_steps(command.op, actor, before, results, self._data.now())
        done = changed(results)
        firing = [one.alert_id for one in done if one.alert_id in holds]
        with self._lock:
            if undo:
                _keep(self._undo, (actor, command.id), undo)
            if firing:
                _keep(self._still_firing, (actor, command.id), firing)
        answer = self._answer(command.id, results, sender, undo=bool(undo))
        offer = self._snooze_offer(len(firing), len(done))
        return msgspec.structs.replace(answer, offer=offer, more=more)

    def _targets(
        self, command: AlertCommand, actor: str, scope: Scope
    ) -> tuple[dict[str, int | None], bool]:
        """The alerts that a command is for with their versions, and whether more match."""
        if command.op == "suppress" and command.of:
            with self._lock:  # a snooze is meant whatever happened to the alert since its resolve
                return dict.fromkeys(self._still_firing.get((actor, command.of), [])), False
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
        key = (sender.name, command.of)
        with self._lock:
            steps = self._undo.get(key, [])
        if not steps:
            return Answer(id=command.id, error="there is nothing left to undo")
        results = self._act(sender.may, steps)
        with self._lock:  # only now: an undo that the database refused can be sent again
            self._undo.pop(key, None)
        return self._answer(command.id, results, sender)

    def _act(self, scope: Scope, steps: Sequence[Step]) -> list[ActionResult]:
        return take(
            steps,
            lambda step: self._data.act(
                scope, step.ids, step.action, expected_version=step.version
            ),
        )

    def _changed_by(self, sender: Sender, one: ActionResult) -> str:
        """What somebody else did, else the conflict's own words: the command's result stands."""
        try:
            changed = self._data.last_change(sender.sees, one.alert_id)
            if one.reason is Reason.NOT_FOUND and changed:
                return f"{sender.name} may read it and not act on it"
            return changed or one.error
        except (DatabaseError, NotFound):
            return one.error

    def _answer(
        self, command: str, results: Sequence[ActionResult], sender: Sender, *, undo: bool = False
    ) -> Answer:
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
            undo=undo,
        )


def _keep(kept: OrderedDict[_Key, Any], command: _Key, value: object) -> None:
    kept[command] = value
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)
