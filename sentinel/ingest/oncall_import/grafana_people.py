"""Users and teams of Grafana OnCall in the words of our document. Pure.

By https://grafana.com/docs/oncall/latest/oncall-api-reference/users/ and
`…/personal_notification_rules/`, read 2026-11-30. Telephone numbers are not in its API.
"""

from __future__ import annotations

from sentinel.ingest.oncall_import.grafana_answers import GrafanaAnswers, Objects
from sentinel.ingest.oncall_import.imported import Draft
from sentinel.ingest.oncall_import.values import is_address, number, text_of, texts_of, zone_of

__all__ = ["add_people", "add_teams"]

_WHY = {
    "notify_by_sms": "telephone numbers are not in the API",
    "notify_by_phone_call": "telephone numbers are not in the API",
    "notify_by_slack": "make a channel of type slack-app",
    "notify_by_telegram": "make a channel of type telegram",
    "notify_by_msteams": "make a channel of type teams",
    "notify_by_webhook": "make a channel of type webhook",
    "notify_by_mobile_app": "Grafana's app is no channel of Sentinel",
    "notify_by_mobile_app_critical": "Grafana's app is no channel of Sentinel",
}
_LONGEST = 86400


def add_people(draft: Draft, answers: GrafanaAnswers) -> None:
    """Add the users, with their rules that are not the important ones.

    Args:
        draft: to fill
        answers: of Grafana OnCall
    """
    rules: dict[str, Objects] = {}
    for one in answers.of("personal_notification_rules"):
        rules.setdefault(text_of(one.get("user_id")), []).append(one)
    for one in sorted(answers.of("users"), key=lambda user: text_of(user.get("email"))):
        key, email = text_of(one.get("id")), text_of(one.get("email"))
        shown = text_of(one.get("username"))
        place = f"users.{shown or key}"
        if not is_address(email):
            draft.note("left out", place, "it has no email that is an address")
            continue
        zone = text_of(one.get("timezone"))
        if zone and zone_of(zone) is None:
            draft.note("left out", f"{place}.timezone", f"{zone} is no IANA time zone")
            zone = ""
        name = draft.person([key], email, shown, zone)
        _notified(draft, f"{place}.personal_notification_rules", name, email, rules.get(key, []))


def _notified(draft: Draft, place: str, name: str, email: str, rules: Objects) -> None:
    if any(one.get("important") for one in rules):
        draft.note("left out", f"{place}.important", "a person has one list of receivers here")
    waited = 0
    for one in sorted(rules, key=lambda rule: number(rule.get("position"), 0)):
        kind = text_of(one.get("type"))
        if one.get("important"):
            continue
        if kind == "wait":
            waited += max(number(one.get("duration"), 0), 0)
        elif kind == "notify_by_email" and waited <= _LONGEST:
            draft.contact(name, "email", email, waited)
        else:
            draft.note("left out", f"{place}.{kind}", _WHY.get(kind, "Sentinel has no such rule"))
    if not draft.people[name]["notify"]:
        draft.contact(name, "email", email, 0)
        draft.note("differs", place, "none of them can be carried over: mail at once")


def add_teams(draft: Draft, answers: GrafanaAnswers) -> dict[str, str]:
    """Add the teams, whose people are the users that name them.

    Args:
        draft: with the people
        answers: of Grafana OnCall

    Returns:
        Our names, by the ids of the teams.
    """
    names: dict[str, str] = {}
    for team in answers.of("teams"):
        key, name = text_of(team.get("id")), text_of(team.get("name"))
        people = [
            draft.person_ids[text_of(user.get("id"))]
            for user in answers.of("users")
            if key in texts_of(user.get("teams")) and text_of(user.get("id")) in draft.person_ids
        ]
        if not people:
            draft.note("left out", f"teams.{name}", "no user names it")
            continue
        names[key] = name
        draft.teams[name] = {"people": people}
    return names
