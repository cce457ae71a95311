"""What people do to alerts from a browser: each thing once, with conflicts said and a way back.

A browser sends all that it has no answer to, so that nothing is lost when a refresh overtakes a
click; every command has an id and is carried out once in this process. What a browser sends is
not trusted: it is checked here, and carried out by the same lifecycle as at every other door.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, cast

import msgspec

from dashboard.data import Data
from dashboard.database_errors import database
from dashboard.live_filter import View
from sentinel.alerts.actions import (
    Acknowledge,
    Action,
    ActionResult,
    Assign,
    Comment,
    Reopen,
    Resolve,
    Suppress,
    Unacknowledge,
    Unsuppress,
)
from sentinel.alerts.reasons import Reason
from sentinel.alerts.view import AlertView
from sentinel.duration import format_duration
from sentinel.engine.snooze import still_bad
from sentinel.errors import DatabaseError, SentinelError
from sentinel.store.alerts.apply_action import MOST_ACTED_ON

__all__ = ["Answer", "Command", "Desk", "LeftAlone"]

_log = logging.getLogger("sentinel.dashboard")

MOST_KEPT = 2000
MOST_SAID = 20
Text = Annotated[str, msgspec.Meta(max_length=2000)]


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asked for.

    Attributes:
        id: made by the browser; the same one is carried out once
        items: alerts, each with the version that was looked at
        all: a view: everything that matches it, whatever its version
        minutes: how long to suppress for
        of: the command to undo; for `suppress`, the resolve whose still bad alerts are meant
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    op: Literal[
        "acknowledge", "unacknowledge", "resolve", "reopen", "suppress", "unsuppress", "assign",
        "comment", "undo",
    ]  # fmt: skip
    items: Annotated[list[tuple[str, int]], msgspec.Meta(max_length=MOST_ACTED_ON)] = []
    all: dict[str, Any] | None = None
    comment: Text = ""
    minutes: Annotated[int, msgspec.Meta(ge=0, le=366 * 24 * 60)] = 0
    assignee: Annotated[str, msgspec.Meta(max_length=100)] = ""
    of: str = ""


class LeftAlone(msgspec.Struct, frozen=True):
    """An alert that was not changed, and why."""

    id: str
    why: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a command.

    Attributes:
        conflicts: somebody changed these since they were looked at
        refused: the lifecycle does not allow it
        more: more match than are acted on at once, so that some are left
        undo: whether it can be taken back
        offer: said where what was resolved is still bad, so that a snooze is offered
        error: why nothing at all was done
    """

    id: str
    done: int = 0
    unchanged: int = 0
    conflicts: list[LeftAlone] = []
    refused: list[LeftAlone] = []
    more: bool = False
    undo: bool = False
    offer: str = ""
    error: str = ""


class _Step(msgspec.Struct, frozen=True):
    """One action on alerts that share a version; None for whatever they are at."""

    action: Action
    ids: list[str]
    version: int | None


class Desk:
    """Carries out what browsers ask for.

    Args:
        data: the dashboard's side of the store
    """

    def __init__(self, data: Data) -> None:
        self._data = data
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, Answer | None] = OrderedDict()
        self._undo: OrderedDict[str, list[_Step]] = OrderedDict()
        self._still_bad: OrderedDict[str, list[str]] = OrderedDict()

    def carry_out(self, given: object, actor: str) -> list[Answer]:
        """Do what was not done yet of `given`, and answer all of it that is known.

        Args:
            given: a list of commands as a browser sent it
            actor: who asks
        """
        if not isinstance(given, list):
            return []
        answers: list[Answer] = []
        for one in given[:MOST_KEPT]:  # pyright: ignore[reportUnknownVariableType] - it is checked here
            try:
                command = msgspec.convert(one, Command)
            except msgspec.ValidationError as error:
                _log.warning("a browser sent what is no command: %s", error)
                answers += _refused(cast("object", one), error)
                continue
            with self._lock:
                known = command.id in self._answers
                if not known:
                    # Claimed before it runs: a copy that comes meanwhile waits for this answer.
                    self._answers[command.id] = None
                    while len(self._answers) > MOST_KEPT:
                        self._answers.popitem(last=False)
            if not known:
                self._claimed(command, actor)
            if (answer := self._answers.get(command.id)) is not None:
                answers.append(answer)
        return answers

    def _claimed(self, command: Command, actor: str) -> None:
        """Do a command that is ours alone; one that broke is free to come again."""
        answer: Answer | None = None
        try:
            answer = self._done(command, actor)
        finally:
            with self._lock:
                if answer is None:
                    self._answers.pop(command.id, None)
                else:
                    self._answers[command.id] = answer

    def _done(self, command: Command, actor: str) -> Answer:
        try:
            if command.op == "undo":
                return self._undone(command)
            return self._acted(command, actor)
        except SentinelError as error:
            return Answer(id=command.id, error=str(error))

    def _acted(self, command: Command, actor: str) -> Answer:
        make = self._maker(command, actor)
        versions: dict[str, int | None]
        more = False
        if command.op == "suppress" and command.of:
            versions = self._snoozed(command.of)
            if not versions:
                return Answer(id=command.id, error="there is nothing to snooze any more")
        elif command.all is not None:
            asked = View.read(command.all).filter(actor)
            found = self._data.every_live(asked, MOST_ACTED_ON + 1)
            more = len(found) > MOST_ACTED_ON
            versions = dict.fromkeys(found[:MOST_ACTED_ON])
        else:
            # A comment changes nothing that somebody else's change could spoil.
            free = command.op == "comment"
            versions = {alert: None if free else version for alert, version in command.items}
        before = self._data.some(list(versions))
        hold = self._hold(before.values()) if command.op == "resolve" else frozenset[str]()
        together: dict[int | None, list[str]] = {}
        for alert_id, version in versions.items():
            together.setdefault(version, []).append(alert_id)
        results = self._carried([_Step(make, ids, version) for version, ids in together.items()])
        changed = [one for one in results if one.ok and one.reason is not Reason.UNCHANGED]
        back = _way_back(command, actor, before, changed, self._data.store.now())
        bad = [one.alert_id for one in changed if one.alert_id in hold]
        with self._lock:
            if back:
                _keep(self._undo, command.id, back)
            if bad:
                _keep(self._still_bad, command.id, bad)
        answer = self._answer(command.id, results, undo=bool(back))
        offer = self._offer(len(bad), len(changed))
        return msgspec.structs.replace(answer, offer=offer, more=more)

    def _snoozed(self, resolve: str) -> dict[str, int | None]:
        """What of a resolve was still bad; it is meant whatever has become of it since."""
        with self._lock:
            return dict.fromkeys(self._still_bad.get(resolve, []))

    def _hold(self, alerts: Iterable[AlertView]) -> frozenset[str]:
        with database():
            return frozenset(still_bad(self._data.store, alerts))

    def _offer(self, bad: int, of: int) -> str:
        """As `sentinel.engine.snooze` says it, of one alert or of many."""
        if not bad:
            return ""
        held = format_duration(self._data.store.options.hold_after_manual_resolve)
        if of == 1:
            return f"It was still bad at the last look, and opens again in {held} if it stays so."
        which = "All of them were" if bad == of else f"{bad:,} of them {_were(bad)}"
        return f"{which} still bad at the last look; what stays so opens again in {held}."

    def _maker(self, command: Command, actor: str) -> Action:
        comment = command.comment.strip()
        match command.op:
            case "acknowledge":
                return Acknowledge(actor=actor, comment=comment)
            case "unacknowledge":
                return Unacknowledge(actor=actor, comment=comment)
            case "resolve":
                return Resolve(actor=actor, comment=comment)
            case "reopen":
                return Reopen(actor=actor, comment=comment)
            case "assign":
                return Assign(actor=actor, assignee=command.assignee.strip(), comment=comment)
            case "suppress":
                until = self._data.store.now() + timedelta(minutes=command.minutes)
                return Suppress(actor=actor, until=until, comment=comment)
            case "unsuppress":
                return Unsuppress(actor=actor, comment=comment)
            case _:
                return Comment(actor=actor, comment=comment)

    def _undone(self, command: Command) -> Answer:
        with self._lock:
            back = self._undo.get(command.of, [])
        if not back:
            return Answer(id=command.id, error="there is nothing to take back any more")
        results = self._carried(back)
        with self._lock:  # only now: what the database did not take can be asked for again
            self._undo.pop(command.of, None)
        return self._answer(command.id, results)

    def _carried(self, steps: Sequence[_Step]) -> list[ActionResult]:
        """What came of each alert; where the database fails midway, the rest is refused.

        Raises:
            DatabaseError: the database cannot be used, and nothing was done
        """
        results: list[ActionResult] = []
        for number, step in enumerate(steps):
            try:
                results += self._data.act(step.ids, step.action, expected_version=step.version)
            except DatabaseError as error:
                if not results:
                    raise
                left = [one for later in steps[number:] for one in later.ids]
                why = str(error)
                return results + [
                    ActionResult(alert_id=one, ok=False, reason=Reason.NOT_DONE, error=why)
                    for one in left
                ]
        return results

    def _changed_by(self, one: ActionResult) -> str:
        """What somebody else did, as well as it is known: what was done is done all the same."""
        try:
            return self._data.last_change(one.alert_id) or one.error
        except DatabaseError:
            return one.error

    def _answer(
        self, command: str, results: Sequence[ActionResult], *, undo: bool = False
    ) -> Answer:
        conflicts = [one for one in results if one.reason in (Reason.CONFLICT, Reason.NOT_FOUND)]
        refused = [one for one in results if not one.ok and one not in conflicts]
        unchanged = sum(one.ok and one.reason is Reason.UNCHANGED for one in results)
        return Answer(
            id=command,
            done=sum(one.ok for one in results) - unchanged,
            unchanged=unchanged,
            conflicts=[
                LeftAlone(one.alert_id, self._changed_by(one)) for one in conflicts[:MOST_SAID]
            ]
            + [LeftAlone(one.alert_id, one.error) for one in conflicts[MOST_SAID:]],
            refused=[LeftAlone(one.alert_id, one.error) for one in refused],
            undo=undo,
        )


def _refused(given: object, error: Exception) -> list[Answer]:
    """What is no command is answered where it has an id: a browser sends it again until it is."""
    known = cast("dict[object, object]", given).get("id") if isinstance(given, dict) else None
    return [Answer(id=known, error=str(error))] if isinstance(known, str) and known else []


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _keep(kept: OrderedDict[str, Any], command: str, what: object) -> None:
    kept[command] = what
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)


def _way_back(
    command: Command,
    actor: str,
    before: dict[str, AlertView],
    changed: Sequence[ActionResult],
    now: datetime,
) -> list[_Step]:
    """What undoes it, each on the version that it left; empty where nothing does."""
    inverse: Callable[[AlertView], Action]
    match command.op:
        case "acknowledge":
            inverse = lambda _: Unacknowledge(actor=actor, comment="undo")  # noqa: E731
        case "unacknowledge":
            inverse = lambda was: Acknowledge(  # noqa: E731
                actor=was.acknowledged_by or actor, comment=was.acknowledge_comment
            )
        case "resolve":
            inverse = lambda _: Reopen(actor=actor, comment="undo")  # noqa: E731
        case "reopen":
            inverse = lambda _: Resolve(actor=actor, comment="undo")  # noqa: E731
        case "assign":
            inverse = lambda was: Assign(actor=actor, assignee=was.assignee, comment="undo")  # noqa: E731
        case "suppress" | "unsuppress":
            inverse = lambda was: (  # noqa: E731
                Suppress(actor=actor, until=was.suppressed_until, comment=was.suppress_reason)
                if was.suppressed_until is not None and was.suppressed_until > now
                else Unsuppress(actor=actor, comment="undo")
            )
        case _:
            return []
    together: dict[tuple[Action, int], list[str]] = {}
    for one in changed:
        if was := before.get(one.alert_id):
            together.setdefault((inverse(was), one.version), []).append(one.alert_id)
    return [_Step(action, ids, version) for (action, version), ids in together.items()]
