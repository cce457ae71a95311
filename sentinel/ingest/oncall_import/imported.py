"""What an import of on-call found, in one shape for every vendor. Pure.

A reader of a vendor fills a `Draft` in the words of our document. `finished` keeps what the
document takes, and names the rest, so that one schedule that cannot be does not end the import of
all others.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

import msgspec
import yaml
from pydantic import BaseModel, ValidationError

from sentinel.ingest.alertmanager_receivers import slug
from sentinel.ingest.oncall_import.values import length_text
from sentinel.oncall.document import OnCallDocument, Team
from sentinel.oncall.escalation_policy import EscalationPolicy
from sentinel.oncall.person import Person
from sentinel.oncall.schedule import Schedule
from sentinel.store.oncall.imports import NewOverride
from sentinel.validation_messages import validation_message

__all__ = [
    "Before", "Draft", "ImportNote", "ImportedOnCall", "Known", "Period", "Timeline",
]  # fmt: skip

Made = TypeVar("Made", bound=BaseModel)
Kind = Literal["make", "left out", "differs", "conflict"]
_LONGEST = 100
"""Characters of a name in the document."""


class ImportNote(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the report.

    Attributes:
        kind: `make`: something to make by hand; `left out`: not carried over; `differs`: carried
            over, and done otherwise; `conflict`: kept as it is here, and other there
        place: the vendor's object and field; of a conflict, ours
        text: what, and why
    """

    kind: Kind
    place: str
    text: str

    def __str__(self) -> str:
        """Return the note as a line."""
        return f"{self.kind}: {self.place}: {self.text}"


class Period(msgspec.Struct, frozen=True):
    """People on call from one moment up to another, as the vendor says."""

    start: datetime
    end: datetime
    people: tuple[str, ...]


class Before(Protocol):
    """Who is on call there, within a range."""

    @property
    def start(self) -> datetime:
        """Return from when it answers."""
        ...

    @property
    def end(self) -> datetime:
        """Return up to when it answers."""
        ...

    @property
    def published(self) -> bool:
        """Return whether it is the vendor's own answer, and not worked out from its rules."""
        ...

    def at(self, moment: datetime, /) -> frozenset[str]:
        """Return who is on call at a moment."""
        ...


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call by the vendor's own answer, within a range.

    Attributes:
        start: of the range, in UTC
        end: of the range, in UTC
        periods: in any order; they may overlap, and nobody is on call between them
    """

    start: datetime
    end: datetime
    periods: Sequence[Period]

    @property
    def published(self) -> bool:
        """Return that it is the vendor's own answer."""
        return True

    def at(self, moment: datetime, /) -> frozenset[str]:
        """Return who is on call at a moment."""
        held = (one.people for one in self.periods if one.start <= moment < one.end)
        return frozenset(name for people in held for name in people)


class ImportedOnCall(msgspec.Struct, frozen=True, kw_only=True):
    """All that an import found.

    Attributes:
        vendor: as people write it: Opsgenie
        document: people, teams, schedules and escalation policies
        raw: the same as people write it: part, name, fields
        receivers: channels of the receivers that the people need, by name
        commands: that make those channels, by receiver
        overrides: in the order in which they are made, also those that are over
        timelines: who is on call there, by schedule
        routes: as a document of routes has them
        notes: the report
    """

    vendor: str
    document: OnCallDocument
    raw: Mapping[str, Mapping[str, Mapping[str, Any]]]
    receivers: Mapping[str, Sequence[str]]
    commands: Mapping[str, str]
    overrides: Sequence[NewOverride]
    timelines: Mapping[str, Before]
    routes: Sequence[Mapping[str, Any]]
    notes: Sequence[ImportNote]


class Known:
    """Names of people that are here already, so that an import finds them again.

    Args:
        document: the active one
    """

    def __init__(self, document: OnCallDocument) -> None:
        self._by_email = {
            person.email.lower(): name for name, person in document.people.items() if person.email
        }
        self._emails = {name: person.email.lower() for name, person in document.people.items()}

    def name_of(self, email: str, taken: Iterable[str]) -> str:
        """Return the name of a person in the document.

        Args:
            email: of the person
            taken: names that others of the import have

        Returns:
            The name of the person who has that address here; else what stands before its `@`; else,
            where that is somebody else's, the whole address.
        """
        email = email.strip().lower()
        if (found := self._by_email.get(email)) is not None:
            return found
        short = email.partition("@")[0][:_LONGEST]
        others = set(taken)
        if short and short not in others and self._emails.get(short, "") in ("", email):
            return short
        return email[:_LONGEST]


class Draft:
    """What a reader fills; `finished` makes it whole.

    Args:
        vendor: as people write it
        known: people that are here already
    """

    def __init__(self, vendor: str, known: Known) -> None:
        self.vendor = vendor
        self.people: dict[str, dict[str, Any]] = {}
        self.teams: dict[str, dict[str, Any]] = {}
        self.schedules: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, dict[str, Any]] = {}
        self.overrides: list[NewOverride] = []
        self.timelines: dict[str, Before] = {}
        self.notes: list[ImportNote] = []
        self.person_ids: dict[str, str] = {}
        """Our name of a person by the vendor's id, and by the address in lower case."""
        self._known = known
        self._routes: list[tuple[str, dict[str, Any]]] = []
        self._receivers: dict[str, list[str]] = {}
        self._commands: dict[str, str] = {}
        self._of_contact: dict[tuple[str, str, str], str] = {}

    def note(self, kind: Kind, place: str, text: str) -> None:
        """Add a line to the report, once."""
        made = ImportNote(kind=kind, place=place, text=text)
        if made not in self.notes:
            self.notes.append(made)

    def person(self, ids: Iterable[str], email: str, name: str, timezone: str) -> str:
        """Add a person without a way to be notified yet.

        Args:
            ids: the vendor's, by which others name the person
            email: of the person
            name: as people write it
            timezone: an IANA name; another is left out

        Returns:
            The name of the person in the document.
        """
        ours = self._known.name_of(email, self.people)
        for one in (*ids, email.strip().lower()):
            if one:
                self.person_ids[one] = ours
        given: dict[str, Any] = {"name": name[:200], "email": email.strip(), "notify": []}
        if timezone and timezone != "UTC":
            given["timezone"] = timezone
        self.people[ours] = given
        return ours

    def contact(self, person: str, method: str, address: str, seconds: int) -> None:
        """Add a way to notify a person.

        Args:
            person: the name in the document
            method: `email`, `sms` or `voice`
            address: an address of mail, or a number
            seconds: after a page
        """
        receiver = self._receiver(person, method, address)
        rule: dict[str, Any] = {"receiver": receiver}
        if seconds:
            rule["after"] = length_text(seconds)
        if rule not in self.people[person]["notify"]:
            self.people[person]["notify"].append(rule)

    def route(self, place: str, matchers: Sequence[str], policy: str) -> None:
        """Add a route to the document of routes.

        Args:
            place: the vendor's
            matchers: as our document of routes has them
            policy: our name of one; empty for none
        """
        self._routes.append((place, {"matchers": list(matchers), "escalation": policy}))

    def finished(self) -> ImportedOnCall:
        """Return what the document takes, and note the rest."""
        people = self._usable("people", self.people, Person)
        schedules = self._usable("schedules", self.schedules, Schedule)
        for name in [one for one, given in schedules.items() if given.people - set(people)]:
            missing = ", ".join(sorted(schedules.pop(name).people - set(people)))
            self.note("left out", f"schedules.{name}", f"it names {missing}, who is left out")
        teams = {
            name: self._team(name, given, people, schedules)
            for name, given in self._usable("teams", self.teams, Team).items()
        }
        teams = {name: team for name, team in teams.items() if team is not None}
        known: dict[str, Mapping[str, Any]] = {
            "person": people, "team": teams, "schedule": schedules
        }  # fmt: skip
        policies = {
            name: policy
            for name, given in self._usable("escalation_policies", self.policies,
                                            EscalationPolicy).items()
            if (policy := self._policy(name, given, known)) is not None
        }  # fmt: skip
        for name, team in teams.items():
            if team.escalation not in policies:
                teams[name] = team.model_copy(update={"escalation": None})
        document = OnCallDocument(
            people=people, teams=teams, schedules=schedules, escalation_policies=policies
        )
        for place, route in self._routes:
            text = yaml.safe_dump(route, default_flow_style=True, sort_keys=False, width=10_000)
            if route["escalation"] and route["escalation"] not in policies:
                self.note("left out", place, f"a route {text.strip()}")
        used = document.receivers & set(self._receivers)
        return ImportedOnCall(
            vendor=self.vendor, document=document, raw=self._raw(document),
            receivers={name: self._receivers[name] for name in sorted(used)},
            commands={name: self._commands[name] for name in sorted(used)},
            overrides=[one for one in self.overrides if self._is_whole(one, document)],
            routes=[one for _, one in self._routes if one["escalation"] in {"", *policies}],
            timelines={name: one for name, one in self.timelines.items() if name in schedules},
            notes=self.notes,
        )  # fmt: skip

    def _raw(self, document: OnCallDocument) -> dict[str, dict[str, dict[str, Any]]]:
        """Return the document as people write it, which its models do not."""
        teams = {
            name: one.model_dump(exclude_defaults=True) for name, one in document.teams.items()
        }
        policies = {
            name: {
                **self.policies[name],
                "steps": [
                    {**given, "notify": [f"{to.kind}:{to.name}" for to in step.notify]}
                    for given, step in zip(self.policies[name]["steps"], one.steps, strict=True)
                ],
            }
            for name, one in document.escalation_policies.items()
        }
        for one in (*self.schedules.values(), *policies.values()):
            if not one.get("description", "x"):
                del one["description"]
        return {
            "people": {name: self.people[name] for name in document.people},
            "teams": teams,
            "schedules": {name: self.schedules[name] for name in document.schedules},
            "escalation_policies": policies,
        }

    def _receiver(self, person: str, method: str, address: str) -> str:
        key = (person, method, address)
        if (made := self._of_contact.get(key)) is not None:
            return made
        name = slug(f"{person}-{method}", self._receivers)
        kind, word, options = _CHANNELS[method]
        self._receivers[name] = [f"{kind}/{name}"]
        given = [part.format(address) for part in options]
        self._commands[name] = shlex.join(["sentinel", "channel", "add", word, name, *given])
        self._of_contact[key] = name
        return name

    def _usable(
        self, kind: str, given: Mapping[str, dict[str, Any]], model: type[Made]
    ) -> dict[str, Made]:
        found: dict[str, Made] = {}
        for name, fields in given.items():
            if not name.strip() or len(name) > _LONGEST:
                self.note("left out", f"{kind}.{name}", "its name is empty or too long")
                continue
            try:
                found[name] = model.model_validate(fields)
            except ValidationError as error:
                self.note("left out", f"{kind}.{name}", _said(error, model))
        return found

    def _team(
        self, name: str, given: Team, people: Mapping[str, Any], schedules: Mapping[str, Any]
    ) -> Team | None:
        members = [one for one in given.people if one in people]
        if not members:
            self.note("left out", f"teams.{name}", "none of its members is here")
            return None
        schedule = given.schedule if given.schedule in schedules else None
        return given.model_copy(update={"people": members, "schedule": schedule})

    def _policy(
        self, name: str, given: EscalationPolicy, known: Mapping[str, Mapping[str, Any]]
    ) -> EscalationPolicy | None:
        steps = [
            one.model_copy(
                update={
                    "notify": [
                        to for to in one.notify
                        if to.kind == "receiver" or to.name in known[to.kind]
                    ]
                }
            )
            for one in given.steps
        ]  # fmt: skip
        for before, after in zip(given.steps, steps, strict=True):
            for lost in (to for to in before.notify if to not in after.notify):
                self.note(
                    "left out", f"escalation_policies.{name}", f"a step pages {lost}, which is "
                    "left out",
                )  # fmt: skip
        if any(not one.notify for one in steps):
            self.note("left out", f"escalation_policies.{name}", "a step of it pages nobody")
            return None
        return given.model_copy(update={"steps": steps})

    def _is_whole(self, one: NewOverride, document: OnCallDocument) -> bool:
        schedule = document.schedules.get(one.schedule)
        names = {*one.override.people, *filter(None, [one.override.replaces])}
        return schedule is not None and names <= set(document.people)


def _said(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    message = validation_message(first, model)
    return f"{where}: {message}" if where else message


_CHANNELS: Mapping[str, tuple[str, str, Sequence[str]]] = {
    "email": ("sentinel-email", "email", ["--to", "{}"]),
    "sms": ("sentinel-twilio-sms", "twilio-sms", ["--set", "to_number={}"]),
    "voice": ("sentinel-twilio-voice", "twilio-voice", ["--set", "to_number={}"]),
}
"""The type of block, the word of `sentinel channel add`, and its options for an address."""
