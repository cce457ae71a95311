"""Plan a rollout: turn entries and the state of Prefect into steps. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from sentinel.errors import SentinelError
from sentinel.rollout.desired import Desired
from sentinel.rollout.diff import Difference, automations_differ, differences
from sentinel.rollout.files import Entry
from sentinel.rules.pack import is_pack, member_names

__all__ = [
    "APPLIED",
    "ORIGIN",
    "OWNER",
    "Live",
    "Step",
    "make_plan",
    "owner_of",
    "removals",
    "with_id",
]

OWNER, ORIGIN, APPLIED = "sentinel.owner", "sentinel.origin", "sentinel.applied"
"""Labels of a deployment: its owner, its file, and a digest of the entry last applied."""
RULES = "flows.rules."
_MADE = {
    "file": "a file",
    "ui": "somebody, by hand and not in a file,",
    "api": "a program, over HTTP and not in a file,",
}


def owner_of(labels: Mapping[str, Any]) -> str:
    """Return the owner of a deployment.

    Args:
        labels: of the deployment, or of one of its runs

    Returns:
        `api` if it was made over HTTP, `ui` if in the dashboard or by a command, else `file`.
    """
    owner = labels.get(OWNER)
    return str(owner) if owner in ("ui", "api") else "file"


Kind = Literal["created", "changed", "unchanged", "removed", "refused"]


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment as Prefect has it, with the name of its flow."""

    flow: str
    deployment: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Id of the deployment."""
        return str(self.deployment["id"])

    @property
    def name(self) -> str:
        """Name of the deployment."""
        return str(self.deployment["name"])

    @property
    def labels(self) -> Mapping[str, Any]:
        """Labels of the deployment."""
        return self.deployment.get("labels") or {}

    @property
    def owner(self) -> str:
        """Who may change it; see `owner_of`."""
        return owner_of(self.labels)

    def scheduled(self, *, active: bool) -> Live:
        """Return the deployment with all its schedules switched on, or all of them off."""
        there: list[dict[str, Any]] = self.deployment.get("schedules") or []
        schedules = [{**one, "active": active} for one in there]
        return Live(flow=self.flow, deployment={**self.deployment, "schedules": schedules})


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a rollout: what happens to one deployment.

    Attributes:
        kind: the change
        name: name of the deployment
        file: the file that has it, or had it
        entry: its entry; None for a removal
        desired: its desired state; None if it is refused or removed
        live: its state in Prefect; None if it does not exist yet
        differences: the differences between both states
        drift: whether it was edited in Prefect, because the file has not changed since
        automations: whether its Automations must be replaced
        reasons: why it is refused
        made: id of the deployment that it created; empty before, and for others
    """

    kind: Kind
    name: str
    file: str = ""
    entry: Entry | None = None
    desired: Desired | None = None
    live: Live | None = None
    differences: Sequence[Difference] = ()
    drift: bool = False
    automations: bool = False
    reasons: Sequence[str] = ()
    made: str = ""


def make_plan(
    entries: Sequence[Entry],
    live: Iterable[Live],
    automations: Sequence[Mapping[str, Any]],
    desired_for: Callable[[Entry], Desired],
    *,
    remove: bool = False,
    kept: Collection[str] = (),
    owner: str = "file",
) -> list[Step]:
    """Plan a step for each entry, then the removals.

    Args:
        entries: the entries of all files that are deployed together
        live: the deployments of the same names; with `remove`, all deployments
        automations: all Automations in Prefect
        desired_for: returns the desired state of an entry; raises a `SentinelError` if it is
            invalid
        remove: delete deployments that the files no longer contain
        kept: names that are not deleted, since another file of the same origin has them
        owner: owner whose deployments may be changed: `file` or `ui`

    Returns:
        The steps, in the order of the files; then those for removals.
    """
    plan = _Plan(list(live), automations, desired_for, owner)
    steps = [plan.step(entry) for entry in entries]
    return [*steps, *(plan.left(entries, kept) if remove else [])]


class _Plan:
    """Plans one entry after the other, and remembers their names to find duplicates."""

    def __init__(
        self,
        live: Sequence[Live],
        automations: Sequence[Mapping[str, Any]],
        desired_for: Callable[[Entry], Desired],
        owner: str,
    ) -> None:
        self._owner = owner
        self._live = live
        self._named: dict[str, list[Live]] = defaultdict(list)
        for one in live:
            self._named[one.name].append(one)
        self._automations = automations
        self._desired_for = desired_for
        self._seen: dict[str, Entry] = {}
        self._desired: set[tuple[str, str]] = set()

    def step(self, entry: Entry) -> Step:
        """Return the step for one entry."""
        if not entry.name:
            return _refused(entry, "it has no name")
        first = self._seen.setdefault(entry.name, entry)
        if first is not entry:
            return _refused(
                entry,
                f"another deployment has this name too ({first.entrypoint} in {first.file}); "
                "rename one",
            )
        try:
            desired = self._desired_for(entry)
        except SentinelError as error:
            return _refused(entry, str(error))
        self._desired.add((desired.flow, desired.name))
        taken = self._taken_members(entry)
        if taken:
            return _refused(entry, *taken)
        others = [one for one in self._named[desired.name] if one.flow != desired.flow]
        live = next((one for one in self._named[desired.name] if one.flow == desired.flow), None)
        for other in others:
            if self._clashes(entry, other):
                return _refused(
                    entry,
                    f"Prefect has a rule of this name already, under the flow {other.flow}"
                    f"{_from(other)}; rename one, or delete that deployment",
                )
        if live is None:
            return Step(
                kind="created", name=entry.name, file=entry.file, entry=entry, desired=desired,
                automations=bool(desired.automations),
            )  # fmt: skip
        if live.owner != self._owner:
            return _refused(entry, f"{_MADE[live.owner]} made a rule of this name; rename one")
        return self._compared(entry, desired, live)

    def _taken_members(self, entry: Entry) -> list[str]:
        """Note the rules of a pack; return why some cannot have their names."""
        parameters: dict[str, Any] = entry.spec.get("parameters") or {}
        found: list[str] = []
        for name in member_names(parameters) if is_pack(parameters) else ():
            first = self._seen.setdefault(name, entry)
            if first is not entry:
                found.append(f"its rule {name!r} is also in {first.shown} ({first.file})")
            for other in self._named.get(name, ()):
                if str(other.deployment.get("entrypoint") or "").startswith(RULES):
                    found.append(
                        f"its rule {name!r} is a deployment of the flow {other.flow}{_from(other)} "
                        "in Prefect; rename one, or delete that deployment"
                    )
        return found

    def _clashes(self, entry: Entry, other: Live) -> bool:
        """Return whether `other`, of another flow, is a second rule with the entry's name."""
        code = str(other.deployment.get("entrypoint") or "")
        return entry.entrypoint.startswith(RULES) and code.startswith(RULES)

    def _compared(self, entry: Entry, desired: Desired, live: Live) -> Step:
        found = differences(desired, live.deployment)
        names = [str(one["name"]) for one in desired.automations]
        runs_it = [one for one in self._automations if live.id in _deployments(one)]
        there = [one for one in runs_it if one["name"] in names]
        same_file = live.labels.get(APPLIED) == entry.digest
        anew = automations_differ([with_id(one, live.id) for one in desired.automations], there)
        if not same_file and live.labels.get(APPLIED) and len(runs_it) > len(there):
            anew = True  # one of them may be an Automation that the file had before
        if anew:
            was = [str(one["name"]) for one in runs_it]
            found.append(Difference(place="triggers", there=was, here=names))
        if not found:
            return Step(
                kind="unchanged", name=entry.name, file=entry.file, entry=entry, desired=desired,
                live=live,
            )  # fmt: skip
        return Step(
            kind="changed", name=entry.name, file=entry.file, entry=entry, desired=desired,
            live=live, differences=found, automations=anew,
            drift=same_file and not all(one.of_code for one in found),
        )  # fmt: skip

    def left(self, entries: Sequence[Entry], kept: Collection[str]) -> list[Step]:
        """Return removals of the deployments that these files contained before."""
        origins = {entry.origin: entry.file for entry in entries}
        return [
            Step(kind="removed", name=one.name, file=origins[one.labels[ORIGIN]], live=one)
            for one in self._live
            if one.labels.get(ORIGIN) in origins
            and one.owner == self._owner
            and (one.flow, one.name) not in self._desired
            and one.name not in self._seen
            and one.name not in kept
        ]


def removals(entries: Iterable[Entry], live: Iterable[Live]) -> list[Step]:
    """Plan the removal of the deployments that a rollout of `entries` made.

    Two files may have one origin, as a pack and a project's `prefect.yaml` have, so that names
    count, too.

    Args:
        entries: of the files
        live: the deployments of their names

    Returns:
        A step for each.
    """
    written = {(one.name, one.origin, one.entrypoint): one.file for one in entries}
    found: list[Step] = []
    for one in live:
        code = str(one.deployment.get("entrypoint") or "")
        file = written.get((one.name, str(one.labels.get(ORIGIN) or ""), code))
        if file is not None and one.owner == "file":
            found.append(Step(kind="removed", name=one.name, file=file, live=one))
    return found


def _deployments(automation: Mapping[str, Any]) -> set[str]:
    actions: list[dict[str, Any]] = automation.get("actions") or []
    return {str(action.get("deployment_id")) for action in actions}


def with_id(automation: Mapping[str, Any], deployment_id: str) -> dict[str, Any]:
    """Return an Automation with the id of its deployment."""
    actions = [
        {**action, "deployment_id": deployment_id} if action.get("deployment_id") else dict(action)
        for action in automation["actions"]
    ]
    return {**automation, "actions": actions}


def _refused(entry: Entry, *reasons: str) -> Step:
    return Step(
        kind="refused", name=entry.shown, file=entry.file, entry=entry, reasons=list(reasons)
    )


def _from(live: Live) -> str:
    origin = live.labels.get(ORIGIN)
    return f" (from {origin})" if origin else ""
