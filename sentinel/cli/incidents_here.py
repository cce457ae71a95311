"""What commands about incidents do on the database here, answered as the API answers it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from sentinel.access import Permission
from sentinel.errors import ConfigurationError, PrefectUnreachable
from sentinel.incidents.state import Incident, Status, incident_severity, sev_of
from sentinel.severity import Severity
from sentinel.store import Store
from sentinel.store.incidents.action_items import ActionItems
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.listing import IncidentFilter
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.incidents.policies import IncidentPolicyDocuments
from sentinel.store.incidents.post_mortems import PostMortems
from sentinel.store.incidents.step_approvals import StepDecider
from sentinel.store.incidents.steps import Steps
from sentinel.store.incidents.timeline import timeline_of

__all__ = ["IncidentsHere"]

_ACTS = ("run", "done", "skip", "reopen", "approve", "reject")


def _everywhere(permission: Permission, tenant: str, team: str) -> bool:
    del permission, tenant, team
    return True


class IncidentsHere:
    """The work of the commands.

    Args:
        store: the shared database
        actor: who does it
    """

    def __init__(self, store: Store, actor: str) -> None:
        self._store, self._actor = store, actor
        self._incidents = Incidents(store)

    def opened(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Open an incident with the fields that the API takes."""
        severity = fields.get("severity")
        new = NewIncident(
            title=fields["title"], description=fields["description"],
            service=fields["service_name"], tenant=fields["tenant"], team=fields["team"],
            severity=_severity(severity) if severity else None, alerts=fields["alerts"],
            matchers=fields["matchers"], receivers=fields["receivers"],
            war_room=fields["war_room"],
        )  # fmt: skip
        return self._item(self._incidents.open(new, actor=self._actor))

    def listed(self, limit: int, *, all_: bool) -> dict[str, Any]:
        """Return so many of all incidents, or of those that are not resolved."""
        page = (
            self._incidents.page(IncidentFilter(), limit=limit)
            if all_
            else self._incidents.active(limit=limit)
        )
        items = [_item(one, page.alerts.get(one.id, 0)) for one in page.items]
        return {"items": items, "next_cursor": page.next}

    def read(self, incident_id: str) -> dict[str, Any]:
        """Return one incident."""
        return self._item(self._incidents.get(incident_id))

    def runbook(self, incident_id: str) -> dict[str, Any]:
        """Return the steps of an incident."""
        steps = Steps(self._store).of(incident_id)
        return {"steps": [one.model_dump(mode="json") for one in steps]}

    def updated(
        self, incident_id: str, text: str, receivers: Sequence[str] | None, **public: Any
    ) -> dict[str, Any]:
        """Post an update."""
        return self._item(
            self._incidents.update(
                incident_id, text, actor=self._actor, receivers=receivers, **public
            )
        )

    def assigned(self, incident_id: str, person: str, role: str) -> dict[str, Any]:
        """Assign a person."""
        return self._item(self._incidents.assign(incident_id, person, actor=self._actor, role=role))

    def moved(self, incident_id: str, to: str, comment: str) -> dict[str, Any]:
        """Change the status.

        Returns:
            The incident.

        Raises:
            ConfigurationError: there is no such status
        """
        if to not in list(Status):
            raise ConfigurationError(
                f"there is no status {to[:40]!r}", hint=f"Write one of: {', '.join(Status)}."
            )
        return self._item(
            self._incidents.set_status(incident_id, Status(to), actor=self._actor, comment=comment)
        )

    def stepped(self, incident_id: str, number: int, act: str, comment: str) -> dict[str, Any]:
        """Run a step, or mark it.

        Returns:
            The steps.

        Raises:
            ConfigurationError: there is nothing of this name to do
        """
        if act not in _ACTS:
            raise ConfigurationError(
                f"{act[:40]!r} cannot be done with a step",
                hint=f"Write one of: {', '.join(_ACTS)}.",
            )
        # Whoever reaches the database may do everything; only the names of a policy count.
        decider = StepDecider(person=self._actor, holds=_everywhere)
        Steps(self._store).act(
            incident_id, number, act, actor=self._actor, comment=comment, decider=decider
        )
        if act in ("run", "approve"):
            self._start(incident_id, number)
        return self.runbook(incident_id)

    def _start(self, incident_id: str, number: int) -> None:
        from sentinel.cli.target import settings_here
        from sentinel.engine.incident_steps import start_steps
        from sentinel.prefect_client.client import PrefectApi

        try:
            with PrefectApi.of(settings_here()) as prefect:
                start_steps(self._store, prefect, (incident_id, number))
        except PrefectUnreachable as error:  # the sweep starts it
            self._store.log.write("warning", "incident.step_waits", f"a step waits: {error}", {})

    def timeline(self, incident_id: str) -> dict[str, Any]:
        """Return the timeline."""
        found = timeline_of(self._store, incident_id)
        return {"items": msgspec.to_builtins(found.entries), "truncated": found.truncated}

    def post_mortem(self, incident_id: str, *, generated: bool) -> dict[str, Any]:
        """Return the post-mortem."""
        post_mortems = PostMortems(self._store)
        read = post_mortems.generate if generated else post_mortems.get
        return msgspec.to_builtins(read(incident_id))

    def saved_post_mortem(self, incident_id: str, document: str) -> dict[str, Any]:
        """Save a post-mortem."""
        saved = PostMortems(self._store).save(incident_id, document, actor=self._actor)
        return msgspec.to_builtins(saved)

    def action_items(self, incident_id: str) -> dict[str, Any]:
        """Return the action items of an incident."""
        return {"items": msgspec.to_builtins(ActionItems(self._store).of(incident_id))}

    def added_action_item(
        self, incident_id: str, title: str, owner: str, due: date | None
    ) -> dict[str, Any]:
        """Add an action item."""
        items = ActionItems(self._store)
        return msgspec.to_builtins(
            items.add(incident_id, title, actor=self._actor, owner=owner, due=due)
        )

    def edited_action_item(self, incident_id: str, item_id: str, *, done: bool) -> dict[str, Any]:
        """Mark an action item as done, or as not done."""
        items = ActionItems(self._store)
        fields = {"done": done}
        return msgspec.to_builtins(items.edit(incident_id, item_id, fields, actor=self._actor))

    def applied(self, text: str, note: str, expected: int | None) -> dict[str, Any]:
        """Apply the incident policies."""
        documents = IncidentPolicyDocuments(self._store)
        check = documents.expecting(expected)
        done = documents.apply(text, actor=self._actor, note=note, check=check)
        return msgspec.to_builtins(done)

    def policies(self) -> dict[str, Any]:
        """Return the active incident policies."""
        found = IncidentPolicyDocuments(self._store).history(1)
        if not found:
            return {"number": 0, "document": ""}
        return IncidentPolicyDocuments(self._store).version().model_dump(mode="json")

    def versions(self, limit: int) -> dict[str, Any]:
        """Return versions of the incident policies."""
        found = IncidentPolicyDocuments(self._store).history(limit)
        return {"items": [one.model_dump(mode="json", exclude={"document"}) for one in found]}

    def rolled_back(self, version: int, note: str) -> dict[str, Any]:
        """Go back to a version of the incident policies."""
        documents = IncidentPolicyDocuments(self._store)
        return msgspec.to_builtins(documents.rollback(version, actor=self._actor, note=note))

    def _item(self, one: Incident) -> dict[str, Any]:
        counts = self._incidents.alert_counts([one.id])
        return _item(one, counts.get(one.id, 0))


def _item(one: Incident, alerts: int) -> dict[str, Any]:
    from sentinel.client.incidents import Incident as Shown

    # As the API shows it, so that --json has the same fields here and over an address.
    fields = {
        **msgspec.to_builtins(one), "service_name": one.service,
        "severity": Severity(one.severity).word, "sev": sev_of(one.severity), "alerts": alerts,
        "gather_minutes": one.gather_for.total_seconds() / 60,
    }  # fmt: skip
    return Shown.model_validate(fields).model_dump(mode="json")


def _severity(word: str) -> int:
    try:
        return int(incident_severity(word))
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
