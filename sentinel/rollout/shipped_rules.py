"""Rules that ship as drafts, and what else the body of a rule may name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sentinel.checks.catalog import load
from sentinel.errors import NotFound
from sentinel.rollout.files import Entry, packs, packs_folder, read_files
from sentinel.rollout.rule_draft import Draft, draft_of
from sentinel.rollout.rule_words import Known

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["known_to", "shipped_draft"]


@cache
def _shipped() -> dict[str, Entry]:
    own = packs_folder().parent.parent / "prefect.yaml"
    files = [*([own] if own.is_file() else []), *packs().values()]
    return {entry.name: entry for entry in read_files(files)}


def shipped_draft(name: str) -> Draft:
    """Return a rule that ships, as a draft.

    Args:
        name: of the rule

    Returns:
        The draft.

    Raises:
        NotFound: no rule of this name ships
    """
    entry = _shipped().get(name)
    if entry is None:
        raise NotFound(f"no rule {name!r} ships", hint=f"There are: {', '.join(_shipped())}.")
    return draft_of({**entry.spec, "work_pool_name": entry.spec["work_pool"]["name"]})


def known_to(store: Store, tenant: str) -> Known:
    """Return what a body of this tenant may name.

    Args:
        store: whose metrics and receivers there are
        tenant: whose metrics

    Returns:
        The names.
    """
    checks = load().triggers
    return Known(
        shipped=shipped_draft,
        judges=lambda name: checks[name].judges and checks[name].when is None,
        checks=sorted(checks),
        metrics=store.metrics.names(tenant),
        receivers=list(store.receivers.all()),
    )
