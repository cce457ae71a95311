"""A rule tried before it is saved: on what its check sees now, and on what was stored.

Both are commands of `sentinel` in a process of their own, so that a check that hangs, or a long
replay, stops no page. Nothing is stored and nobody is notified.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import msgspec

from sentinel.rollout.exported import written
from sentinel.rollout.rule_draft import Draft, entry_of_draft

if TYPE_CHECKING:
    from dashboard.commands import Services
    from dashboard.configuration import CliResult

__all__ = ["BacktestRule", "TryRule"]

Name = Annotated[str, msgspec.Meta(max_length=1000)]


class TryRule(msgspec.Struct, frozen=True, kw_only=True):
    """Evaluate a rule once, as a rehearsal: its check looks now, and nothing is stored.

    Attributes:
        draft: the rule
    """

    draft: Draft

    def carry_out(self, services: Services, actor: str) -> CliResult:
        """Run `sentinel trigger run`.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The readings with their verdicts, else why there are none.

        Raises:
            OutOfScope: less than everything is in scope
        """
        with TemporaryDirectory(prefix="sentinel-trial-") as folder:
            file = Path(folder) / "rule.json"
            rule = {"rule": self.draft.rule, **self.draft.parameters}
            file.write_bytes(msgspec.json.encode(rule))
            cli = services.configuration.cli
            return cli(
                services.within.scope, "trigger", "run", self.draft.trigger, "--rule-file",
                str(file), actor=actor,
            )  # fmt: skip


class BacktestRule(msgspec.Struct, frozen=True, kw_only=True):
    """Replay stored readings with a rule; nothing is stored and nobody is notified.

    Attributes:
        draft: the rule
        hours: so many up to now are replayed
        readings_of: the rule whose stored readings are replayed; empty for its own
    """

    draft: Draft
    hours: Annotated[int, msgspec.Meta(ge=1, le=31 * 24)]
    readings_of: Name = ""

    def carry_out(self, services: Services, actor: str) -> CliResult:
        """Run `sentinel rule test`.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            The alerts and messages that there would have been, else why that is not known.

        Raises:
            RuleError: the rule cannot be used
            OutOfScope: less than everything is in scope
        """
        name = self.readings_of or self.draft.name
        rule = {**self.draft.rule, "name": name}
        rule.pop("renamed_from", None)
        draft = msgspec.structs.replace(self.draft, rule=rule)
        with TemporaryDirectory(prefix="sentinel-backtest-") as folder:
            file = Path(folder) / "rule.json"
            file.write_text(written([entry_of_draft(draft).spec], "json"), "utf-8")
            cli = services.configuration.cli
            return cli(
                services.within.scope, "rule", "test", name, "--file", str(file),
                "--since", f"{self.hours}h", actor=actor,
            )  # fmt: skip
