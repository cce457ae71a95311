"""The commands of the incidents page: open one, and work on it until its post-mortem is written."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from sentinel.access import Permission
from sentinel.errors import ConfigurationError, Conflict, OutOfScope
from sentinel.incidents.post_mortem import ActionItem
from sentinel.incidents.runbook import steps_of
from sentinel.incidents.state import Incident, Status, incident_severity
from sentinel.store.incidents.action_items import ActionItems
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.incidents.post_mortems import PostMortem, PostMortems
from sentinel.store.incidents.step_approvals import StepDecider
from sentinel.store.incidents.steps import StepAct, Steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.commands import Services

__all__ = [
    "ActOnStep", "AddActionItem", "AssignIncident", "EditActionItem", "EditIncident",
    "MoveIncident", "OpenIncident", "PostUpdate", "SavePostMortem", "SetRootCause",
    "TakeOutAlert",
]  # fmt: skip

Name = Annotated[str, msgspec.Meta(max_length=300)]
Id = Annotated[str, msgspec.Meta(max_length=40)]
Text = Annotated[str, msgspec.Meta(max_length=20_000)]


def _incidents(services: Services) -> Incidents:
    return Incidents(services.within.store, services.within.scope)


class OpenIncident(msgspec.Struct, frozen=True, kw_only=True):
    """Open an incident by hand, or from alerts.

    Attributes:
        title: empty for that of the first alert
        severity: a word; empty for the worst of the alerts, else medium
        alerts: ids that it begins with
        gather_by: labels of the first alert; further alerts with the same values join
        receivers: get its updates
    """

    title: Name = ""
    description: Text = ""
    service: Name = ""
    tenant: Name = "default"
    team: Name = ""
    severity: Name = ""
    alerts: list[Id] = []
    gather_by: list[Name] = []
    receivers: list[Name] = []

    def carry_out(self, services: Services, actor: str) -> Incident:
        """Open it.

        Args:
            services: what commands work on
            actor: who sent it, and has taken it by that

        Returns:
            The incident.

        Raises:
            NotFound: an alert does not exist, or is out of scope
            OutOfScope: the tenant or team is
            ConfigurationError: it has no title, or a label or receiver that there is not
        """
        severity = int(incident_severity(self.severity)) if self.severity else None
        new = NewIncident(
            title=self.title.strip(), description=self.description, service=self.service,
            tenant=self.tenant, team=self.team, severity=severity, alerts=self.alerts,
            gather_by=self.gather_by, receivers=self.receivers,
        )  # fmt: skip
        return _incidents(services).open(new, actor=actor)


class MoveIncident(msgspec.Struct, frozen=True, kw_only=True):
    """Change the status of an incident, also back to an open one."""

    id: Id
    status: Status
    comment: Text = ""

    def carry_out(self, services: Services, actor: str) -> Incident:
        """Change the status.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The incident.

        Raises:
            NotFound: there is none in scope
            Conflict: it has this status already
        """
        incidents = _incidents(services)
        return incidents.set_status(self.id, self.status, actor=actor, comment=self.comment)


class PostUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """Post an update to the incident's receivers, and on status pages where it is `public`."""

    id: Id
    text: Text
    public: bool = False
    public_title: Name = ""

    def carry_out(self, services: Services, actor: str) -> Incident:
        """Post it.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The incident.

        Raises:
            NotFound: there is none in scope
            ConfigurationError: there is no text
        """
        return _incidents(services).update(
            self.id, self.text, actor=actor, public=self.public, public_title=self.public_title
        )


class AssignIncident(msgspec.Struct, frozen=True, kw_only=True):
    """Assign a person, or give them a role; an empty `person` takes it back."""

    id: Id
    person: Name
    role: Name = ""

    def carry_out(self, services: Services, actor: str) -> Incident:
        """Assign.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The incident.

        Raises:
            NotFound: there is none in scope
            Conflict: it is so already
            ConfigurationError: there is no such role
        """
        person = self.person.strip()
        return _incidents(services).assign(self.id, person, actor=actor, role=self.role)


class SetRootCause(msgspec.Struct, frozen=True, kw_only=True):
    """Write down the root cause; an empty text takes it back.

    Attributes:
        before: the root cause that the form began from
    """

    id: Id
    text: Text
    before: Text

    def carry_out(self, services: Services, actor: str) -> Incident:
        """Write it down.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The incident.

        Raises:
            NotFound: there is none in scope
            Conflict: somebody wrote another one down meanwhile
        """

        def check(there: Incident) -> None:
            # The text and not the version, which also rises with each alert that is gathered.
            if there.root_cause != self.before:
                raise Conflict(
                    "somebody wrote down another root cause meanwhile",
                    hint="Look at it, and save again to replace it.",
                )

        incidents = _incidents(services)
        return incidents.set_root_cause(self.id, self.text.strip(), actor=actor, check=check)


class EditIncident(msgspec.Struct, frozen=True, kw_only=True):
    """Change fields of an incident.

    Attributes:
        fields: any of title, description, service, severity (a word), runbook and war_room
        version: of the incident that the form began from
    """

    id: Id
    fields: dict[str, Text]
    version: int

    def carry_out(self, services: Services, actor: str) -> Incident:
        """Change them.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The incident.

        Raises:
            NotFound: there is none in scope
            Conflict: somebody changed it meanwhile
            OutOfScope: its runbook runs deployments, which editors write
            ConfigurationError: a field cannot be used
        """
        unknown = set(self.fields) - {"title", "description", "service", "severity", "runbook",
                                      "war_room"}  # fmt: skip
        if unknown:
            raise ConfigurationError(f"an incident has no field {sorted(unknown)[0]!r} here")
        if "title" in self.fields and not self.fields["title"].strip():
            raise ConfigurationError("title: is missing", hint="Say what is wrong.")
        fields: dict[str, Any] = dict(self.fields)
        if "severity" in fields:
            fields["severity"] = int(incident_severity(self.fields["severity"]))
        incidents, who = _incidents(services), services.who
        runs = any(one.deployment for one in steps_of(self.fields.get("runbook", "")))

        def check(before: Incident) -> None:
            if before.version != self.version:
                raise Conflict("somebody changed the incident meanwhile", hint="Look at it again.")
            if runs and not who.scope(Permission.EDIT).holds(before.tenant, before.team):
                raise OutOfScope(
                    "the runbook runs deployments, which needs the role "
                    f"{Permission.EDIT.role}", hint="Ask an editor to write it.",
                )  # fmt: skip

        return incidents.edit(self.id, fields, actor=actor, check=check)


class TakeOutAlert(msgspec.Struct, frozen=True, kw_only=True):
    """Take an alert out of an incident, or put it back."""

    id: Id
    alert: Id
    back: bool = False

    def carry_out(self, services: Services, actor: str) -> Incident:
        """Take it out, or put it back.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The incident.

        Raises:
            NotFound: there is no such incident or alert in scope
        """
        incidents = _incidents(services)
        if self.back:
            return incidents.add_alerts(self.id, [self.alert], actor=actor)
        return incidents.remove_alert(self.id, self.alert, actor=actor)


class ActOnStep(msgspec.Struct, frozen=True, kw_only=True):
    """Run a step of the runbook, approve or reject its run, mark it as done, skip or reopen it."""

    id: Id
    number: int
    act: StepAct

    def carry_out(self, services: Services, actor: str) -> Incident:
        """Do it.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The incident.

        Raises:
            NotFound: there is no such incident or step
            Conflict: the step runs, has this status already, or does not wait for an approval
            OutOfScope: the policy lets others approve
        """
        steps = Steps(services.within.store, services.within.scope)
        who = services.who
        person = who.name if who.kind in ("person", "local") else ""
        decider = StepDecider(person=person, holds=who.allows)
        return steps.act(self.id, self.number, self.act, actor=actor, decider=decider)


class AddActionItem(msgspec.Struct, frozen=True, kw_only=True):
    """Add an action item."""

    id: Id
    title: Name
    owner: Name = ""
    due: date | None = None

    def carry_out(self, services: Services, actor: str) -> ActionItem:
        """Add it.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The item.

        Raises:
            NotFound: there is no such incident
            ConfigurationError: there is no title, or there are too many
        """
        items = ActionItems(services.within.store, services.within.scope)
        return items.add(self.id, self.title.strip(), actor=actor, owner=self.owner, due=self.due)


class EditActionItem(msgspec.Struct, frozen=True, kw_only=True):
    """Mark an action item as done, or as not done."""

    id: Id
    item: Id
    done: bool

    def carry_out(self, services: Services, actor: str) -> ActionItem:
        """Mark it.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The item.

        Raises:
            NotFound: there is no such incident or item
        """
        items = ActionItems(services.within.store, services.within.scope)
        return items.edit(self.id, self.item, {"done": self.done}, actor=actor)


class SavePostMortem(msgspec.Struct, frozen=True, kw_only=True):
    """Save a version of the post-mortem.

    Attributes:
        document: Markdown
        version: that the editor began from; 0 for a generated one
    """

    id: Id
    document: Annotated[str, msgspec.Meta(max_length=500_000)]
    version: int

    def carry_out(self, services: Services, actor: str) -> PostMortem:
        """Save it.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The version.

        Raises:
            NotFound: there is no such incident
            Conflict: somebody saved another version meanwhile
            ConfigurationError: it is empty, or too long
        """
        kept = PostMortems(services.within.store, services.within.scope)
        return kept.save(self.id, self.document, actor=actor, check=_same(self.version))


def _same(seen: int) -> Callable[[int], None]:
    def check(there: int) -> None:
        if there != seen:
            raise Conflict(
                f"somebody saved version {there} of the post-mortem meanwhile",
                hint="Keep your text elsewhere, and look at that version.",
            )

    return check
