"""The rules that people make here, as Prefect deployments of the owner `ui`.

The dashboard's process does without Prefect's client: it sends requests to Prefect's API, and asks
another process once for each check that this machine has not deployed before.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from sentinel.access import EVERYTHING
from sentinel.errors import RuleError
from sentinel.rollout.api import RolloutApi
from sentinel.rollout.desired import FlowFacts
from sentinel.rollout.exported import entry_of
from sentinel.rollout.file_rollout import FileRollout
from sentinel.rollout.flow_cache import Facts, FlowCache
from sentinel.rollout.made_rules import UI, MadeRules
from sentinel.rollout.rule_draft import PREFIX
from sentinel.settings import settings
from sentinel.store.rules.listed import listed_rules

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = [
    "entries_of_rules", "facts_of_another_process", "files_of_people", "rules_of_people",
    "rules_of_programs",
]  # fmt: skip

TRIES = 4
"""Attempts of a request to a Prefect that is busy, while somebody waits for the answer."""
LONGEST = 60.0
"""Seconds that the import of a flow may take."""
_T = TypeVar("_T")


@contextmanager
def rules_of_people(store: Store) -> Generator[MadeRules]:
    """Yield the rules that people make in the dashboard, connected to Prefect.

    Args:
        store: the shared database

    Yields:
        The rules.
    """
    with _prefect() as (api, cache):
        yield MadeRules(store, api, cache, owner=UI)


@contextmanager
def rules_of_programs(store: Store) -> Generator[MadeRules]:
    """Yield the rules that come with SLOs, whose owner is `api`, connected to Prefect.

    Args:
        store: the shared database

    Yields:
        The rules.
    """
    with _prefect() as (api, cache):
        yield MadeRules(store, api, cache)


@contextmanager
def files_of_people(store: Store) -> Generator[FileRollout]:
    """Yield what rolls out the rule files that people bring, connected to Prefect.

    Args:
        store: the shared database

    Yields:
        The rollout.
    """
    with _prefect() as (api, cache):
        # Before a plan, which may load flows for seconds, and then finds nobody to ask.
        api.asked("/deployments/filter", {"limit": 1})
        yield FileRollout(store, api, cache)


def entries_of_rules(store: Store, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return rules as entries of a `prefect.yaml`.

    Args:
        store: the shared database, which only those have who see all tenants
        names: of the rules

    Returns:
        The entries by name; rules without a deployment are left out.

    Raises:
        PrefectUnreachable: Prefect does not answer
    """
    known = {row.name for row in listed_rules(store, EVERYTHING)}
    with _prefect() as (api, _):
        found = api.live([name for name in names if name in known])
    return [
        entry_of(one.deployment)
        for one in sorted(found, key=lambda one: one.name)
        if str(one.deployment.get("entrypoint") or "").startswith(PREFIX)
    ]


@contextmanager
def _prefect() -> Generator[tuple[RolloutApi, FlowCache]]:
    chosen = settings()
    cache = FlowCache(facts_of_another_process, chosen.resolved_home() / "rollout-facts.json")
    with RolloutApi.of(chosen) as api:
        api.tries, api.waits_for_server = TRIES, False
        yield api, cache


def facts_of_another_process() -> Facts:
    """Return facts about flows for a process that does without Prefect's client."""
    return _OfAnotherProcess()


class _OfAnotherProcess:
    """Facts about flows from a process that imports Prefect and ends."""

    def facts_of(self, entrypoint: str) -> FlowFacts:
        """Return the facts; a RuleError says that the flow cannot be loaded."""
        return _answered([entrypoint], FlowFacts, entrypoint)

    def automations_of(
        self, deployment: str, triggers: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return the Automations of an entry, which a pack may have; a RuleError says why not."""
        given = msgspec.json.encode(triggers, enc_hook=str)
        what = f"the Automations of {deployment}"
        return _answered(["--automations", deployment], list[dict[str, Any]], what, given)

    def filled(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Refuse: the texts of a rule that is made here are taken as they are."""
        raise RuleError(f"{spec.get('name')}: templates belong to a file")


def _answered(arguments: Sequence[str], wanted: type[_T], what: str, given: bytes = b"") -> _T:
    """Return what a process that imports Prefect says; a RuleError says why it says nothing."""
    line = [sys.executable, "-m", "flows.flow_facts", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - our own program; no shell reads the arguments
            line, input=given, capture_output=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        message = f"{what}: Prefect was not loaded within {LONGEST:.0f} s"
        raise RuleError(message, hint="Try again.") from None
    try:
        if done.returncode == 0:
            return msgspec.json.decode(done.stdout, type=wanted)
        said = msgspec.json.decode(done.stdout, type=dict[str, str])
    except msgspec.DecodeError:
        last = done.stderr.decode(errors="replace").strip().splitlines() or ["no answer"]
        raise RuleError(f"{what} cannot be loaded: {last[-1][-300:]}") from None
    raise RuleError(said["error"], hint=said["hint"])
