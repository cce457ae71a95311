"""Opsgenie's users and teams in the words of our document. Pure.

By https://docs.opsgenie.com/docs/user-api, `…/notification-rule-api` and `…/team-api`, read
2026-11-30.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sentinel.ingest.oncall_import.given_people import add_people
from sentinel.ingest.oncall_import.imported import Draft
from sentinel.ingest.oncall_import.opsgenie_answers import OpsgenieAnswers
from sentinel.ingest.oncall_import.values import (
    number,
    object_of,
    objects_of,
    text_of,
)

__all__ = ["Staff", "seconds_of", "shown"]

_SECONDS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
_MOST_RULES = 20
_LONGEST = 86400
Given = Mapping[str, Any]


class Staff:
    """People and teams, added to a draft, and found again by the vendor's names of them.

    Args:
        answers: of Opsgenie
        draft: to fill
    """

    def __init__(self, answers: OpsgenieAnswers, draft: Draft) -> None:
        self._answers, self._draft = answers, draft
        self._members: dict[str, list[tuple[str, str]]] = {}
        """People of a team and their roles, by its id and by its name."""
        self._users()
        self._teams()

    def people(self, one: Given) -> list[str]:
        """Return our names of a recipient: a user, or all of a team; none where it is not here."""
        if text_of(one.get("type")) == "team":
            return [name for name, _ in self.team(one)]
        found = self.person(one)
        return [] if found is None else [found]

    def team(self, one: Given) -> list[tuple[str, str]]:
        """Return the people of a team and their roles; none where it is not here."""
        for key in (text_of(one.get("id")), text_of(one.get("name"))):
            if key in self._members:
                return self._members[key]
        return []

    def person(self, one: Given) -> str | None:
        """Return our name of a user; None where it is not here."""
        ids = self._draft.person_ids
        for key in (text_of(one.get("id")), text_of(one.get("username")).lower(),
                    text_of(one.get("name")).lower()):  # fmt: skip
            if key in ids:
                return ids[key]
        return None

    def _users(self) -> None:
        """Add people, their contacts and the first rule about new alerts."""
        users = add_people(
            self._draft, self._answers.users, email="username", name="fullName", zone="timeZone"
        )
        for place, name, email, one in users:
            if one.get("blocked"):
                self._draft.note("differs", f"{place}.blocked", "Sentinel notifies the person")
            key = text_of(one.get("id"))
            rules = self._answers.rules.get(key) or self._answers.rules.get(email) or []
            self._notified(place, name, email, rules)

    def _notified(self, place: str, name: str, email: str, rules: Sequence[Given]) -> None:
        about = [
            one for one in sorted(rules, key=lambda rule: number(rule.get("order"), 0))
            if one.get("actionType") == "create-alert" and one.get("enabled", True)
        ]  # fmt: skip
        plain = [one for one in about if _always(one)]
        chosen = next(iter(plain or about), None)
        for one in about:
            if one is chosen:
                continue
            self._draft.note(
                "left out", f"{place}.notificationRules.{text_of(one.get('name'))}",
                "Sentinel has one list of receivers for a person, whatever the alert and the time",
            )  # fmt: skip
        if chosen is not None and not plain:
            self._draft.note(
                "differs", f"{place}.notificationRules.{text_of(chosen.get('name'))}",
                "its criteria and its time restriction are left out: it holds for every page",
            )  # fmt: skip
        for step in objects_of(object_of(chosen).get("steps")):
            self._step(place, name, step)
        if chosen is not None and object_of(chosen.get("repeat")).get("enabled"):
            self._draft.note(
                "left out", f"{place}.notificationRules.repeat",
                "a person is notified once by each receiver; a policy repeats its steps",
            )  # fmt: skip
        given = self._draft.people[name]["notify"]
        if len(given) > _MOST_RULES:
            self._draft.note("left out", f"{place}.steps", f"those beyond {_MOST_RULES}")
            del given[_MOST_RULES:]
        if not given:
            self._draft.contact(name, "email", email, 0)
            self._draft.note(
                "differs", f"{place}.notificationRules",
                "no rule about new alerts can be carried over: mail at once",
            )  # fmt: skip

    def _step(self, place: str, name: str, step: Given) -> None:
        contact = object_of(step.get("contact"))
        method, to = text_of(contact.get("method")), text_of(contact.get("to"))
        where = f"{place}.notificationRules.steps.{method}"
        if not step.get("enabled", True):
            return
        delay = seconds_of(step.get("sendAfter"))
        if delay is None or delay > _LONGEST:
            self._draft.note("left out", f"{where}.sendAfter", "it is longer than a day, or unread")
        elif method == "email" and to:
            self._draft.contact(name, method, to, delay)
        elif method in ("sms", "voice") and (phone := _phone(to)):
            self._draft.contact(name, method, phone, delay)
        else:
            self._draft.note(
                "left out", where,
                "Opsgenie's app is no channel of Sentinel" if method == "mobile"
                else "it is no address of mail and no telephone number",
            )  # fmt: skip

    def _teams(self) -> None:
        """Add teams and their members."""
        for one in self._answers.teams:
            name, key = text_of(one.get("name")), text_of(one.get("id"))
            members: list[tuple[str, str]] = []
            for member in objects_of(one.get("members")):
                user = object_of(member.get("user"))
                ours = self.person(user)
                if ours is None:
                    self._draft.note("left out", f"teams.{name}.members", f"{shown(user)} is no "
                                    "user of the export")  # fmt: skip
                    continue
                members.append((ours, text_of(member.get("role"))))
            self._members[key] = self._members[name] = members
            if not members:
                self._draft.note("left out", f"teams.{name}", "it has no members")
                continue
            self._draft.teams[name] = {"people": [ours for ours, _ in members]}


def _always(rule: Given) -> bool:
    criteria = object_of(rule.get("criteria"))
    return not rule.get("timeRestriction") and criteria.get("type", "match-all") == "match-all"


def seconds_of(given: object) -> int | None:
    """Return a duration of Opsgenie in seconds; None where it cannot be read."""
    if given is None:
        return 0
    fields = object_of(given)
    unit = _SECONDS.get(text_of(fields.get("timeUnit")) or "minutes")
    amount = number(fields.get("timeAmount"), -1)
    return None if unit is None or amount < 0 else amount * unit


def _phone(given: str) -> str:
    """Return `1-5550100100` as `+15550100100`; an empty text where it is no number."""
    digits = "".join(one for one in given if one.isdecimal())
    return f"+{digits}" if 7 <= len(digits) <= 15 and not digits.startswith("0") else ""


def shown(one: Given) -> str:
    """Return how a report names a recipient."""
    for field in ("username", "name", "id", "type"):
        if text := text_of(one.get(field)):
            return text
    return "nobody"
