"""The commands that roll out several rules at once: a file that somebody brings, or a pack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec

from dashboard.rule_deployments import files_of_people
from sentinel.errors import ConfigurationError, Conflict
from sentinel.expression.yaml_document import MOST_LETTERS
from sentinel.rollout.drift import shown_differences
from sentinel.rollout.file_rollout import version_of
from sentinel.rollout.files import Entry, pack_file, read_documents, read_files
from sentinel.rollout.plan import Step

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["ImportRules", "InstallPack", "PlanRules", "RemovePack", "RolledOut", "RuleStep"]

Name = Annotated[str, msgspec.Meta(max_length=1000)]
Text = Annotated[str, msgspec.Meta(max_length=MOST_LETTERS)]
MOST_RULES = 1000
PASTED = "rules.yaml"
"""Name of a document that was typed and not uploaded."""


class RuleStep(msgspec.Struct, frozen=True, kw_only=True):
    """What a rollout does with one rule.

    Attributes:
        name: of the rule
        change: created, changed, unchanged, removed or refused
        differences: between its deployment and the file, a line each
        reasons: why it is refused
    """

    name: str
    change: str
    differences: list[str]
    reasons: list[str]


class RolledOut(msgspec.Struct, frozen=True, kw_only=True):
    """A step for each rule, in the order of the file.

    Attributes:
        steps: what is done
        version: of the plan: another one where the file or Prefect is another one
    """

    steps: list[RuleStep]
    version: str

    def of(self, change: str) -> list[RuleStep]:
        """Return the steps of one kind."""
        return [one for one in self.steps if one.change == change]


class PlanRules(msgspec.Struct, frozen=True, kw_only=True):
    """Compare the rules of a file with their deployments; nothing is changed.

    Attributes:
        document: YAML or JSON, as an export or a `prefect.yaml`
        file: name of the file that was uploaded
    """

    document: Text
    file: Name = PASTED

    def carry_out(self, services: Services, actor: str) -> RolledOut:
        """Plan.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The plan.

        Raises:
            ConfigurationError: the file cannot be read
            PrefectUnreachable: Prefect does not answer
        """
        entries = _entries(self.document, self.file)
        with files_of_people(services.within.instance) as rollout:
            return _shown(rollout.plan_sent(entries), entries)


class ImportRules(msgspec.Struct, frozen=True, kw_only=True):
    """Deploy the rules of a file that differ.

    Attributes:
        document: YAML or JSON, as an export or a `prefect.yaml`
        file: name of the file that was uploaded
        version: of the plan that was read
    """

    document: Text
    version: Name
    file: Name = PASTED

    def carry_out(self, services: Services, actor: str) -> RolledOut:
        """Deploy them; the rules belong to the file, as those of `sentinel rule import`.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The steps as they were carried out.

        Raises:
            ConfigurationError: the file cannot be read
            Conflict: the plan is another one by now, or somebody else rolls out
            PrefectUnreachable: Prefect does not answer; the same command does the rest
        """
        entries = _entries(self.document, self.file)
        with files_of_people(services.within.instance) as rollout, rollout.alone():
            steps = rollout.plan_sent(entries)
            if version_of(steps, entries) != self.version:
                raise Conflict(
                    "the rules in Prefect changed meanwhile", hint="Read the difference again."
                )
            return _shown(rollout.carry_out(steps, actor=actor), entries)


class InstallPack(msgspec.Struct, frozen=True, kw_only=True):
    """Deploy the rules of a pack that differ."""

    pack: Name

    def carry_out(self, services: Services, actor: str) -> RolledOut:
        """Deploy them, as `sentinel pack install` does.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The steps as they were carried out.

        Raises:
            NotFound: there is no pack of that name
            Conflict: somebody else rolls out now
            PrefectUnreachable: Prefect does not answer; the same command does the rest
        """
        store = services.within.instance
        entries = read_files([pack_file(self.pack)])
        with files_of_people(store) as rollout, rollout.alone():
            return _shown(rollout.carry_out(rollout.plan(entries), actor=actor), entries)


class RemovePack(msgspec.Struct, frozen=True, kw_only=True):
    """Delete the deployments that came from a pack."""

    pack: Name

    def carry_out(self, services: Services, actor: str) -> RolledOut:
        """Delete them, as `sentinel pack remove` does; their alerts close as "rule disabled".

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The steps as they were carried out.

        Raises:
            NotFound: there is no pack of that name
            Conflict: somebody else rolls out now
            PrefectUnreachable: Prefect does not answer; the same command does the rest
        """
        store = services.within.instance
        entries = read_files([pack_file(self.pack)])
        with files_of_people(store) as rollout, rollout.alone():
            return _shown(rollout.carry_out(rollout.plan_removal(entries), actor=actor), entries)


def _entries(document: str, file: str) -> list[Entry]:
    entries = read_documents({file or PASTED: document})
    if len(entries) > MOST_RULES:
        raise ConfigurationError(
            f"{len(entries):,} rules are too many; {MOST_RULES:,} are allowed",
            hint="Import them from several files.",
        )
    return entries


def _shown(steps: Sequence[Step], entries: Sequence[Entry]) -> RolledOut:
    told = zip(steps, shown_differences(steps, entries), strict=True)
    return RolledOut(
        steps=[
            RuleStep(
                name=step.name, change=step.kind, differences=[str(one) for one in found],
                reasons=list(step.reasons),
            )
            for step, found in told
        ],
        version=version_of(steps, entries),
    )  # fmt: skip
