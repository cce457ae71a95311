"""The rules that people make here, as Prefect deployments of the owner `ui`.

The dashboard's process does without Prefect's client: it sends requests to Prefect's API, and asks
another process once for each check that this machine has not deployed before.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from sentinel.errors import RuleError
from sentinel.rollout.api import RolloutApi
from sentinel.rollout.desired import FlowFacts
from sentinel.rollout.flow_cache import FlowCache
from sentinel.rollout.made_rules import UI, MadeRules
from sentinel.settings import settings

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["rules_of_people"]

TRIES = 4
"""Attempts of a request to a Prefect that is busy, while somebody waits for the answer."""
LONGEST = 60.0
"""Seconds that the import of a flow may take."""


@contextmanager
def rules_of_people(store: Store) -> Generator[MadeRules]:
    """Yield the rules that people make in the dashboard, connected to Prefect.

    Args:
        store: the shared database

    Yields:
        The rules.
    """
    chosen = settings()
    cache = FlowCache(lambda: _OfAnotherProcess(), chosen.resolved_home() / "rollout-facts.json")
    with RolloutApi.of(chosen) as api:
        api.tries, api.waits_for_server = TRIES, False
        yield MadeRules(store, api, cache, owner=UI)


class _OfAnotherProcess:
    """Facts about flows from a process that imports Prefect and ends."""

    def facts_of(self, entrypoint: str) -> FlowFacts:
        """Return the facts; a RuleError says that the flow cannot be loaded."""
        line = [sys.executable, "-m", "flows.flow_facts", entrypoint]
        try:
            done = subprocess.run(  # noqa: S603 - our own program; no shell reads the argument
                line, capture_output=True, timeout=LONGEST, check=False
            )
        except subprocess.TimeoutExpired:
            raise RuleError(
                f"{entrypoint} was not loaded within {LONGEST:.0f} s", hint="Try again."
            ) from None
        try:
            if done.returncode == 0:
                return msgspec.json.decode(done.stdout, type=FlowFacts)
            said = msgspec.json.decode(done.stdout, type=dict[str, str])
        except msgspec.DecodeError:
            last = done.stderr.decode(errors="replace").strip().splitlines() or ["no answer"]
            raise RuleError(f"{entrypoint} cannot be loaded: {last[-1][-300:]}") from None
        raise RuleError(said["error"], hint=said["hint"])

    def automations_of(
        self, deployment: str, triggers: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Refuse: a rule that is made here has none."""
        raise RuleError(f"{deployment}: Automations of a deployment belong to a file")

    def filled(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Refuse: the texts of a rule that is made here are taken as they are."""
        raise RuleError(f"{spec.get('name')}: templates belong to a file")
