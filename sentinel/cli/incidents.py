"""`sentinel incident`: open, work and resolve incidents, here or over an address."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sentinel.cli.document_versions import (
    Expected,
    HistoryLimit,
    Note,
    print_applied,
    print_rolled_back,
    text_of,
)
from sentinel.cli.incident_actions import actions
from sentinel.cli.incident_calls import Id, do, whole_id
from sentinel.cli.output import AsJson, json_out, print_table, say

__all__ = ["commands"]

commands = typer.Typer(no_args_is_help=True, help="Incidents: what people work on together.")
policy = typer.Typer(no_args_is_help=True, help="Policies by which alerts open incidents.")
commands.add_typer(policy, name="policy")
commands.add_typer(actions, name="action")

Comment = Annotated[str, typer.Option("--comment", "-m", help="Why; receivers read it.")]
_SHOWN = (
    "id", "tenant", "team", "service_name", "assignee", "policy", "opened_at", "acknowledged_at",
    "resolved_at", "war_room", "root_cause", "description",
)  # fmt: skip


@commands.command("open")
def open_(
    title: Annotated[str, typer.Argument(help="What is wrong.", show_default=False)] = "",
    severity: Annotated[
        str, typer.Option(help="critical to info, or sev1 to sev4.", show_default=False)
    ] = "",
    description: Annotated[str, typer.Option(help="More about it.")] = "",
    service: Annotated[str, typer.Option(help="What is affected.")] = "",
    team: Annotated[str, typer.Option(help="Whose it is.")] = "",
    tenant: Annotated[str, typer.Option(help="Name of the tenant.")] = "default",
    alert: Annotated[
        list[str] | None, typer.Option(help="Id of an alert that it begins with.")
    ] = None,
    match: Annotated[
        list[str] | None, typer.Option(help='Alerts that match join: service="shop".')
    ] = None,
    receiver: Annotated[list[str] | None, typer.Option(help="Receiver of its updates.")] = None,
    war_room: Annotated[
        str, typer.Option(help="Address where people meet; by default as the settings say.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Open an incident by hand, or from alerts.

    Example:
        sentinel incident open "Checkout is slow" --severity sev2
    """
    from sentinel.client import incidents

    fields: dict[str, Any] = {
        "title": title, "description": description, "service_name": service, "team": team,
        "tenant": tenant, "alerts": alert or [], "matchers": match or [],
        "receivers": receiver or [], "war_room": war_room,
    }  # fmt: skip
    if severity:
        fields["severity"] = severity
    _print(do(incidents.create(**fields), lambda here: here.opened(fields)), "Opened", json=json)


@commands.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Also those that are resolved.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Largest number of them.")] = 50,
    json: AsJson = False,
) -> None:
    """Print the incidents that are not resolved; with --all, every one, newest first.

    Example:
        sentinel incident list
    """
    from sentinel.client import incidents

    call = incidents.listed(limit=limit) if all_ else incidents.active(limit=limit)
    page = do(call, lambda here: here.listed(limit, all_=all_))
    found: list[dict[str, Any]] = page["items"]
    if json:
        json_out(found)
        return
    print_table(
        ["ID", "SEVERITY", "STATUS", "OPENED", "COMMANDER", "ALERTS", "TITLE"],
        [
            (one["id"], one["sev"], one["status"], str(one["opened_at"])[:19],
             one["roles"].get("commander") or one["assignee"], one["alerts"], one["title"])
            for one in found
        ],
        empty="No incidents.",
    )  # fmt: skip
    if page["next_cursor"] is not None:
        say(f"There are more than {limit}; see further ones with a higher --limit, up to 500.")


@commands.command()
def show(incident: Id, json: AsJson = False) -> None:
    """Print an incident, with the steps of its runbook.

    Example:
        sentinel incident show 0198f2c4a7e07cc0b2a1d3f4e5a69788
    """
    incident = whole_id(incident)
    from sentinel.client import incidents

    one = do(incidents.read(incident), lambda here: here.read(incident))
    book = do(incidents.runbook(incident), lambda here: here.runbook(incident))
    steps: list[dict[str, Any]] = book["steps"]
    if json:
        json_out({**one, "steps": steps})
        return
    say(f"{one['title']}  [{one['sev']} {one['status']}]")
    for name in _SHOWN:
        if one[name]:
            say(f"  {name.replace('_', ' ')}: {one[name]}")
    for role, person in one["roles"].items():
        say(f"  {role}: {person}")
    say(f"  alerts: {one['alerts']}")
    for step in steps:
        run = f" ({step['state_name']})" if step["state_name"] else ""
        say(f"  {step['number']}. {step['title']}: {step['status']}{run}")
        for line in step["outcome"].splitlines():
            say(f"       {line}")


@commands.command()
def update(
    incident: Id,
    message: Annotated[str, typer.Argument(help="What is new.", show_default=False)],
    receiver: Annotated[
        list[str] | None, typer.Option(help="Receivers; by default those of the incident.")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="Show it on status pages.")] = False,
    title: Annotated[str, typer.Option(help="What status pages call the incident.")] = "",
    json: AsJson = False,
) -> None:
    """Post an update to the timeline and to receivers.

    Example:
        sentinel incident update 0198f2c4a7e07cc0b2a1d3f4e5a69788 "Half of the orders fail."
    """
    incident = whole_id(incident)
    from sentinel.client import incidents

    shown: dict[str, Any] = {"public": public, "public_title": title}
    call = incidents.post_update(incident, message, receivers=receiver, **shown)
    one = do(call, lambda here: here.updated(incident, message, receiver, **shown))
    _print(one, "Posted an update of", json=json)


@commands.command()
def assign(
    incident: Id,
    person: Annotated[str, typer.Argument(help="Their name.", show_default=False)],
    role: Annotated[
        str | None,
        typer.Option(help="commander, deputy, communications, operations or scribe."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Assign an incident to a person, or give them a role in it.

    Example:
        sentinel incident assign 0198f2c4a7e07cc0b2a1d3f4e5a69788 ann --role commander
    """
    incident = whole_id(incident)
    from sentinel.client import incidents

    call = incidents.assign(incident, person, role=role)
    one = do(call, lambda here: here.assigned(incident, person, role or ""))
    _print(one, "Assigned", json=json)


@commands.command()
def status(
    incident: Id,
    to: Annotated[
        str,
        typer.Argument(
            help="investigating, identified, monitoring or resolved.", show_default=False
        ),
    ],
    comment: Comment = "",
    json: AsJson = False,
) -> None:
    """Change the status of an incident.

    Example:
        sentinel incident status 0198f2c4a7e07cc0b2a1d3f4e5a69788 identified
    """
    incident = whole_id(incident)
    from sentinel.client import incidents

    call = incidents.set_status(incident, to, comment=comment)
    one = do(call, lambda here: here.moved(incident, to, comment))
    _print(one, "Changed", json=json)


@commands.command()
def resolve(incident: Id, comment: Comment = "", json: AsJson = False) -> None:
    """Resolve an incident.

    Example:
        sentinel incident resolve 0198f2c4a7e07cc0b2a1d3f4e5a69788 -m "rolled back"
    """
    incident = whole_id(incident)
    from sentinel.client import incidents

    call = incidents.set_status(incident, "resolved", comment=comment)
    one = do(call, lambda here: here.moved(incident, "resolved", comment))
    _print(one, "Resolved", json=json)


@commands.command()
def step(
    incident: Id,
    number: Annotated[int, typer.Argument(min=1, help="Of the step.", show_default=False)],
    act: Annotated[str, typer.Option(help="run, done, skip, reopen, approve or reject.")] = "run",
    comment: Comment = "",
    json: AsJson = False,
) -> None:
    """Run a step of the runbook, approve its run, or mark it as done.

    Example:
        sentinel incident step 0198f2c4a7e07cc0b2a1d3f4e5a69788 2 --act done
    """
    incident = whole_id(incident)
    from sentinel.client import incidents

    call = incidents.act_on_step(incident, number, act, comment=comment)
    found = do(call, lambda here: here.stepped(incident, number, act, comment))
    if json:
        json_out(found)
        return
    one = found["steps"][number - 1]
    say(f"Step {number}, {one['title']}, is {one['status']}.")
    if one["error"]:
        say(one["error"])


@commands.command()
def timeline(incident: Id, json: AsJson = False) -> None:
    """Print what happened to an incident, its alerts and around it.

    Example:
        sentinel incident timeline 0198f2c4a7e07cc0b2a1d3f4e5a69788
    """
    incident = whole_id(incident)
    from sentinel.client import incidents

    found = do(incidents.timeline(incident), lambda here: here.timeline(incident))
    if json:
        json_out(found)
        return
    print_table(
        ["TIME", "SOURCE", "BY", "WHAT"],
        [
            (str(one["at"])[:19], one["source"], one["actor"],
             one["text"] + (f": {one['comment']}" if one["comment"] else ""))
            for one in found["items"]
        ],
        empty="Nothing happened.",
    )  # fmt: skip


@commands.command("post-mortem")
def post_mortem(
    incident: Id,
    save: Annotated[
        Path | None, typer.Option(help="Save this Markdown file.", show_default=False)
    ] = None,
    generated: Annotated[
        bool, typer.Option("--generated", help="A new one, also where one was saved.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Print the post-mortem that was saved, else one generated from the timeline, or save one.

    Example:
        sentinel incident post-mortem 0198f2c4a7e07cc0b2a1d3f4e5a69788 > post-mortem.md
    """
    incident = whole_id(incident)
    from sentinel.client import incidents

    if save is not None:
        text = text_of(save)
        call = incidents.save_post_mortem(incident, text)
        found = do(call, lambda here: here.saved_post_mortem(incident, text))
    else:
        call = incidents.post_mortem(incident, generated=generated or None)
        found = do(call, lambda here: here.post_mortem(incident, generated=generated))
    if json:
        json_out(found)
    elif save is not None:
        say(f"Saved version {found['version']}.")
    else:
        for line in str(found["document"]).rstrip("\n").split("\n"):
            say(line)


@policy.command("apply")
def apply_policies(
    file: Annotated[Path, typer.Argument(help="YAML file.", show_default=False)],
    note: Note = "",
    expect: Expected = None,
    json: AsJson = False,
) -> None:
    """Make a document of incident policies the active one.

    Example:
        sentinel incident policy apply incident-policies.yaml
    """
    from sentinel.client import incidents
    from sentinel.store.documents.versioned import Applied

    text = text_of(file)
    call = incidents.apply_policies(text, note=note, expected=expect)
    found = do(call, lambda here: here.applied(text, note, expect))
    done = Applied(number=found["number"], changed=found["changed"])
    print_applied("the incident policies", done, json=json)


@policy.command("show")
def show_policies(json: AsJson = False) -> None:
    """Print the active incident policies as YAML.

    Example:
        sentinel incident policy show > incident-policies.yaml
    """
    from sentinel.client import incidents

    found = do(incidents.policies(), lambda here: here.policies())
    if json:
        json_out(found)
        return
    for line in (found["document"] or "There are none.").rstrip("\n").split("\n"):
        say(line)


@policy.command("history")
def history(limit: HistoryLimit = 50, json: AsJson = False) -> None:
    """Print the versions of the incident policies, the active one first.

    Example:
        sentinel incident policy history
    """
    from sentinel.client import incidents

    call = incidents.policy_versions(limit=min(limit, 500))
    found: list[dict[str, Any]] = do(call, lambda here: here.versions(limit))["items"]
    if json:
        json_out({"items": found})
        return
    print_table(
        ["VERSION", "APPLIED", "ACTOR", "REASON"],
        [(one["number"], str(one["applied_at"])[:19], one["applied_by"], one["note"])
         for one in found],
        empty="There are none.",
    )  # fmt: skip


@policy.command("rollback")
def rollback(
    version: Annotated[int, typer.Argument(min=0, help="Go back to it; 0 for none.")],
    note: Note = "",
    json: AsJson = False,
) -> None:
    """Make an earlier version of the incident policies active again.

    Example:
        sentinel incident policy rollback 3
    """
    from sentinel.client import incidents
    from sentinel.store.documents.versioned import Applied

    call = incidents.rollback_policies(version, note=note)
    found = do(call, lambda here: here.rolled_back(version, note))
    done = Applied(number=found["number"], changed=found["changed"])
    print_rolled_back("the incident policies", version, done, json=json)


def _print(one: dict[str, Any], verb: str, *, json: bool) -> None:
    if json:
        json_out(one)
    else:
        say(f"{verb} the incident {one['id']}: {one['title']} [{one['sev']} {one['status']}]")
