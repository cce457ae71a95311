"""`sentinel alert related` and `groups`: which alerts belong together, and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sentinel.cli.alert_remediations import commands
from sentinel.cli.output import AsJson, json_out, print_table, say
from sentinel.cli.remote_url import remote_url
from sentinel.cli.target import open_store

__all__ = ["commands"]


@commands.command()
def related(
    alert: Annotated[str, typer.Argument(help="Id of the alert, or its beginning.")],
    json: AsJson = False,
) -> None:
    """Print the alerts that are related to one, the closest first, and why.

    Example:
        sentinel alert related 0192f3
    """
    if remote_url():
        from sentinel.cli.remote import client_here, find_alert
        from sentinel.client import related as requests

        with client_here() as client:
            page = client.do(requests.of_alert(find_alert(client, alert).id))
        found: list[dict[str, Any]] = page.model_dump(mode="json")["items"]
    else:
        import msgspec

        from sentinel.store.correlation.related import RelatedAlerts

        with open_store() as store:
            near = RelatedAlerts(store).of(store.alerts.find(alert))
        found = [
            {"id": one.alert.id, "title": one.alert.title, "severity": one.alert.severity,
             "status": one.alert.status, "rule": one.alert.rule, "service": one.service,
             "opened_at": one.alert.opened_at, "score": round(one.score, 4),
             "seconds": one.seconds, "evidence": _evidence(msgspec.to_builtins(one.evidence))}
            for one in near
        ]  # fmt: skip
    if json:
        json_out(found)
        return
    if not found:
        say("No alert within half an hour has a reason to belong to it.")
    for one in found:
        later = f"{abs(one['seconds']):.0f} s {'later' if one['seconds'] >= 0 else 'earlier'}"
        say(f"{one['id'][:12]}  {one['severity']}  {one['title']}  ({one['status']}, {later})")
        for each in one["evidence"]:
            say(f"    {each['reason']}")


@commands.command("groups")
def groups(
    tenant: Annotated[str, typer.Option("--tenant", help="Whose alerts.")] = "default",
    json: AsJson = False,
) -> None:
    """Print groups of open alerts that belong together, the largest first.

    Example:
        sentinel alert groups
    """
    if remote_url():
        from sentinel.cli.remote import client_here
        from sentinel.client import related as requests

        with client_here() as client:
            page = client.do(requests.groups(tenant=tenant)).model_dump(mode="json")
        found: list[dict[str, Any]] = page["items"]
    else:
        found = _groups(tenant)
    if json:
        json_out(found)
        return
    print_table(
        ["GROUP", "ALERTS", "RULES", "SERVICES", "REASON"],
        [
            (one["id"][:12], str(one["alert_count"]), _some(one["alerts"], "rule"),
             _some(one["alerts"], "service"), _reason(one["links"]))
            for one in found
        ],
        empty="No open alerts belong together.",
    )  # fmt: skip


@commands.command()
def candidates(
    alert: Annotated[str, typer.Argument(help="Id of the alert, or its beginning.")],
    json: AsJson = False,
) -> None:
    """Print what changed before an alert, the most likely cause first.

    Example:
        sentinel alert candidates 0192f3
    """
    if remote_url():
        from sentinel.cli.remote import client_here, find_alert
        from sentinel.client import related as requests

        with client_here() as client:
            page = client.do(requests.candidates(find_alert(client, alert).id))
        found = page.model_dump(mode="json")
    else:
        found = _candidates(alert)
    if json:
        json_out(found)
        return
    if not found["items"]:
        say("Nothing is known to have changed in the six hours before.")
    for one in found["items"]:
        by = f", by {one['by']}" if one["by"] else ""
        say(f"{one['score']:.2f}  {one['title']}{by}")
        for reason in one["reasons"]:
            say(f"    {reason}")
    for source, why in found["left_out"].items():
        say(f"Not read: {source}: {why}")


def _candidates(alert: str) -> dict[str, Any]:
    from datetime import UTC, datetime

    from sentinel.cli.target import settings_here
    from sentinel.errors import SentinelError
    from sentinel.store.correlation.causes import Causes
    from sentinel.store.telemetry.client import TelemetryClient, telemetry_client

    try:
        telemetry: TelemetryClient | str = telemetry_client(settings_here())
    except SentinelError as error:
        telemetry = error.message
    with open_store() as store:
        one = store.alerts.find(alert)
        found = Causes(store, one.tenant, audit=True, telemetry=telemetry).of([one])
    items = [
        {"kind": each.change.kind, "title": each.change.title, "by": each.change.by,
         "at": datetime.fromtimestamp(each.change.at, UTC), "service": each.change.service,
         "rule": each.change.rule, "reference": each.change.reference, "score": each.score,
         "seconds_before": each.seconds, "reasons": each.reasons}
        for each in found.candidates
    ]  # fmt: skip
    return {"items": items, "left_out": found.left_out}


def _groups(tenant: str) -> list[dict[str, Any]]:
    """Return the largest groups, as the API has them."""
    from datetime import UTC, datetime

    import msgspec

    from sentinel.correlation.correlator import MOST_MEMBERS
    from sentinel.severity import Severity
    from sentinel.store.correlation.related import RelatedAlerts

    with open_store() as store:
        made = RelatedAlerts(store).groups(tenant)[:50]
    found = list[dict[str, Any]]()
    for one in made:
        members = one.alerts[:MOST_MEMBERS]
        ids = {each.id for each in members}
        found.append({
            "id": one.id, "alert_count": len(one.alerts), "shown": one.shown,
            "alerts": [
                {"id": each.id, "severity": Severity(each.severity).word, "rule": each.rule,
                 "service": each.service, "opened_at": datetime.fromtimestamp(each.opened, UTC)}
                for each in members
            ],
            "links": [
                {"one": each.one, "other": each.other, "score": round(each.score, 4),
                 "evidence": _evidence(msgspec.to_builtins(each.evidence))}
                for each in one.links
                if each.one in ids and each.other in ids
            ],
        })  # fmt: skip
    return found


def _evidence(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "strength": round(one["strength"], 4)} for one in given]


def _reason(links: list[dict[str, Any]]) -> str:
    # A group of many may have no link between those of its alerts that are named.
    return links[0]["evidence"][0]["reason"] if links else ""


def _some(alerts: list[dict[str, Any]], field: str) -> str:
    names = sorted({one[field] for one in alerts} - {""})
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
