"""A company of teams, people and rules, and what goes wrong there: all of it from one seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import msgspec
import yaml

from sentinel import Rule, above

__all__ = ["MOST_PAGES", "Company", "Fault", "Team"]

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")
"""Lord Howe turns its clocks by half an hour."""
HANDOFF = time(8)
FIRST_DAY = date(2026, 1, 5)
MOST_PAGES = 2
"""Faults that begin in one shift of a team, and so the pages that a person may get in it."""


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """A team with a daily rotation at eight o'clock of its own zone."""

    name: str
    zone: str
    people: Sequence[str]

    def day(self, at: datetime) -> int:
        """Return which turn of the rotation a moment is in, by the calendar of the team alone."""
        local = at.astimezone(ZoneInfo(self.zone))
        days = (local.date() - FIRST_DAY).days
        return days if local.time() >= HANDOFF else days - 1

    def on_call(self, at: datetime, level: int = 0) -> str:
        """Return who is on call; the second level is who comes the day after."""
        return self.people[(self.day(at) + level) % len(self.people)]

    def begin(self, day: int) -> datetime:
        """Return when a turn begins."""
        local = datetime.combine(FIRST_DAY + timedelta(days=day), HANDOFF, ZoneInfo(self.zone))
        return local.astimezone(ZoneInfo("UTC"))


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong: rules of one team that are bad for a time.

    Attributes:
        team: whose
        begin: when the first rule is bad; the others follow within two minutes
        end: when all are good again
        rules: numbers of the team's rules
        flaps: whether every third evaluation is good meanwhile
    """

    team: Team
    begin: datetime
    end: datetime
    rules: Sequence[int]
    flaps: bool


class Company(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """So many teams, of so many people and rules each.

    Attributes:
        teams: number of teams
        people: in each team
        rules: of each team
        seed: of all chances
    """

    teams: int
    people: int
    rules: int
    seed: int

    @cached_property
    def all_teams(self) -> list[Team]:
        """The teams, in zones all over the world."""
        return [
            Team(
                name=f"team-{n:02}", zone=ZONES[n % len(ZONES)],
                people=[f"person-{n:02}-{m:03}" for m in range(self.people)],
            )
            for n in range(self.teams)
        ]  # fmt: skip

    def rule(self, team: Team, number: int) -> Rule:
        """Return a rule: nine of ten page, and one is only shown."""
        return Rule(
            name=f"{team.name}-rule-{number:03}", when=above(90), team=team.name,
            severity="medium" if number % 10 == 9 else "critical", every="60s",  # pyright: ignore[reportArgumentType] - text, as in prefect.yaml
            receivers=[team.name], group_by=["team"], keep_firing_for="5m",  # pyright: ignore[reportArgumentType] - text
            labels={"service": f"service-{number % 7}"},
        )  # fmt: skip

    @cached_property
    def document(self) -> str:
        """The on-call document: a rotation and an escalation policy for each team."""
        people = {
            one: {"timezone": team.zone, "notify": [{"receiver": one}]}
            for team in self.all_teams for one in team.people
        }  # fmt: skip
        schedules, teams, policies = {}, {}, {}
        for team in self.all_teams:
            for level, name in enumerate((team.name, f"{team.name}-second")):
                turns = [*team.people[level:], *team.people[:level]]
                handoff = f"{FIRST_DAY}T{HANDOFF:%H:%M}"
                rotation = {"people": turns, "handoff": handoff, "every": "daily"}
                schedules[name] = {"timezone": team.zone, "layers": [{"rotation": rotation}]}
            teams[team.name] = {"people": list(team.people), "schedule": team.name,
                                "escalation": team.name}  # fmt: skip
            policies[team.name] = {
                "steps": [
                    {"notify": f"schedule:{team.name}", "severity": "critical"},
                    {"after": "15m", "notify": f"schedule:{team.name}-second",
                     "severity": "critical"},
                ]
            }  # fmt: skip
        document = {"people": people, "schedules": schedules, "teams": teams,
                    "escalation_policies": policies}  # fmt: skip
        return yaml.safe_dump(document, sort_keys=False)

    def faults(self, begin: datetime, days: int) -> list[Fault]:
        """Return what goes wrong in the days after `begin`, in order.

        A shift of a team has at most `MOST_PAGES` faults, hours apart. Once a day a storm hits a
        fifth of the teams: all of their rules at once.

        Args:
            begin: the first moment
            days: how many

        Returns:
            The faults, by their begin.
        """
        chance = random.Random(self.seed)
        end = begin + timedelta(days=days)
        storms = [begin + timedelta(days=day, hours=chance.uniform(2, 20)) for day in range(days)]
        hit = [chance.sample(range(self.teams), max(1, self.teams // 5)) for _ in storms]
        found: list[Fault] = []
        for number, team in enumerate(self.all_teams):
            for day in range(team.day(begin) + 1, team.day(end) + 1):
                start, length = team.begin(day), timedelta(hours=20)
                storm = next((at for at, who in zip(storms, hit, strict=True)
                              if number in who and start <= at < start + length), None)  # fmt: skip
                if storm is not None:
                    found.append(self._fault(chance, team, storm, whole=True))
                    continue
                for slot in range(chance.choice((0, 0, 1, 1, 2))):
                    at = start + timedelta(hours=slot * 10 + chance.uniform(0.5, 5))
                    found.append(self._fault(chance, team, at, whole=False))
        return sorted((one for one in found if one.begin < end), key=lambda one: one.begin)

    def _fault(self, chance: random.Random, team: Team, at: datetime, *, whole: bool) -> Fault:
        count = self.rules if whole else min(self.rules, chance.choice((1, 1, 2, 3, 8)))
        minutes = min(180.0, max(6.0, chance.lognormvariate(3.2, 0.7)))
        return Fault(
            team=team, begin=at, end=at + timedelta(minutes=minutes),
            rules=sorted(chance.sample(range(self.rules), count)), flaps=chance.random() < 0.2,
        )  # fmt: skip
