"""Where the rule builder begins: a new rule, one that ships, or a rule that there is."""

from __future__ import annotations

import msgspec
import streamlit as st

from dashboard import session
from dashboard.rule_commands import version_of
from dashboard.rule_deployments import rules_of_people
from dashboard.silence_view import known_labels
from sentinel.checks.catalog import Catalog, load
from sentinel.errors import NotFound
from sentinel.rollout.exported import entry_of, written
from sentinel.rollout.rule_draft import Draft, draft_of
from sentinel.store.oncall.documents import OnCallDocuments

__all__ = ["BUILD", "NEW", "Names", "Start", "begin", "catalog", "close", "known_names", "started"]

BUILD = "build"
"""The query parameter that opens the builder: `NEW`, or the name of a rule."""
NEW = "@new"
"""No name of a rule begins like this."""
OF_RULES = {"rule", "severity", "team", "category", "tenant"}
"""Names in matchers that are no label of a reading."""
_START, _NUMBER, _KNOWN = "rule-start", "rule-start-number", "rule-start-names"


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What the builder begins with.

    Attributes:
        of: what the address asked for
        number: in the keys of the inputs: each start has its own
        draft: of the rule
        version: of the rule that is edited; empty for a new one
        owner: of the rule that is edited
        text: the rule as an entry of `prefect.yaml`; empty for a new one
    """

    of: str
    number: int
    draft: Draft
    version: str = ""
    owner: str = "ui"
    text: str = ""


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule may name.

    Attributes:
        rules: names of the rules that there are
        receivers: names of the receivers
        schedules: names of the on-call schedules
        teams: names of the teams
        labels: names of the labels that alerts have
    """

    rules: list[str]
    receivers: list[str]
    schedules: list[str]
    teams: list[str]
    labels: list[str]


@st.cache_resource(ttl=20, show_spinner=False)
def catalog() -> Catalog:
    """Return the checks, read again after 20 s, since a file may have been dropped in."""
    return load()


def known_names(number: int) -> Names:
    """Return what a rule may name, as it was when the builder was opened.

    Args:
        number: of the start

    Returns:
        The names.
    """
    kept = st.session_state.get(_KNOWN)
    if kept is None or kept[0] != number:
        kept = st.session_state[_KNOWN] = (number, _known_names())
    return kept[1]


def _known_names() -> Names:
    store = session.data().within(session.scope()).instance
    document = OnCallDocuments(store).active()
    rows = session.data().within(session.scope()).scoped_rules.listed()
    matchers = known_labels(session.data().within(session.scope())).matchers
    teams = {str(row.spec.get("team") or "") for row in rows} | set(document.teams)
    return Names(
        rules=[row.name for row in rows],
        receivers=sorted(store.receivers.all()),
        schedules=sorted(document.schedules),
        teams=sorted(teams - {""}),
        labels=sorted({one.partition("=")[0] for one in matchers} - OF_RULES),
    )


def begin(of: str, draft: Draft | None = None) -> None:
    """Open the builder, at the next run of the page.

    Args:
        of: `NEW`, or the name of a rule
        draft: with which a new rule begins; None for an empty one
    """
    st.query_params[BUILD] = of
    if of == NEW:
        _keep(Start(of=NEW, number=_next(), draft=draft or Draft(trigger="")))
    else:
        st.session_state.pop(_START, None)


def close() -> None:
    """Close the builder, at the next run of the page."""
    st.session_state.pop(_START, None)
    st.query_params.pop(BUILD, None)


def started(of: str) -> Start:
    """Return what the builder begins with.

    Args:
        of: what the address asks for

    Returns:
        What was kept from the run before, or is read now.

    Raises:
        NotFound: Prefect has no deployment of the rule
        PrefectUnreachable: it does not answer
    """
    kept = st.session_state.get(_START)
    if isinstance(kept, Start) and kept.of == of:
        return kept
    return _keep(Start(of=NEW, number=_next(), draft=Draft(trigger=""))) if of == NEW else _read(of)


def _read(name: str) -> Start:
    within = session.data().within(session.scope())
    tenant = next((one.tenant for one in within.scoped_rules.listed() if one.name == name), "")
    with rules_of_people(within.instance) as rules:
        live = rules.find(name, tenant or "default")
    if live is None:
        raise NotFound(
            f"Prefect has no deployment of the rule {name!r}",
            hint="A rule that events or Sentinel itself made is edited where it was made.",
        )
    draft = draft_of(live.deployment)
    return _keep(
        Start(
            of=name,
            number=_next(),
            draft=draft,
            version=version_of(draft),
            owner=live.owner,
            text=written([entry_of(live.deployment)], "yaml"),
        )
    )


def _keep(start: Start) -> Start:
    st.session_state[_START] = start
    return start


def _next() -> int:
    st.session_state[_NUMBER] = int(st.session_state.get(_NUMBER, 0)) + 1
    return int(st.session_state[_NUMBER])
