"""The inputs of a rule's own fields in the builder: how bad, for how long, who is notified."""

from __future__ import annotations

from typing import Any

import msgspec
import streamlit as st

from dashboard.rule_form import in_yaml, read_value
from dashboard.rule_inputs import Slots, number
from dashboard.rule_start import Names, Start
from sentinel.errors import RuleError
from sentinel.rules.escalation_rules import EscalationRules
from sentinel.rules.no_data import NoData
from sentinel.rules.rule import Rule
from sentinel.severity import WORDS

__all__ = ["FIELDS", "Given", "rule_fields"]

FIELDS = frozenset(
    {
        "name", "description", "every", "when", "severity", "for", "consecutive", "no_data",
        "team", "labels", "receivers", "escalation_rules",
    }
)  # fmt: skip
"""Fields of a rule that have an input of their own; `more` takes the others."""
NO_DATA = {
    "": "nothing", "ok": "alerts of series that are gone close",
    "alert": "nothing seen is as bad as the rule's severity", "own": "an alert of its own",
}  # fmt: skip
NOBODY, SCHEDULE, RECEIVERS = "as its route or team says", "an on-call schedule", "receivers"


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the inputs need.

    Attributes:
        key: what the keys of the inputs begin with
        names: that a rule may use
        slots: keeps the places for errors
        unit: of the check's values
    """

    key: str
    names: Names
    slots: Slots
    unit: str


def rule_fields(start: Start, given: Given) -> dict[str, Any]:
    """Show the inputs.

    Args:
        start: what they begin with
        given: keys, names and places

    Returns:
        The fields of the rule that are not left empty.
    """
    held, key, slots = start.draft.rule, given.key, given.slots
    found: dict[str, Any] = {}
    st.html('<h3 class="section">Rule</h3>')
    if start.version:
        found["name"] = start.draft.name
    else:
        found["name"] = st.text_input(
            "Name *", str(held.get("name") or ""), key=f"{key}-name", max_chars=100,
            placeholder="disk-full", help="Small letters, digits, dashes; names are unique",
        ).strip()  # fmt: skip
    slots.below("name")
    found["description"] = st.text_input(
        "Description", str(held.get("description") or ""), key=f"{key}-description",
        help="What it watches and why it matters",
    )  # fmt: skip
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        word = _word(held.get("severity"))
        found["severity"] = st.selectbox(
            "Severity", WORDS, index=WORDS.index(word) if word in WORDS else None,
            key=f"{key}-severity", width=130,
        )  # fmt: skip
        found["every"] = _duration("Interval", held.get("every", "" if held else "60s"),
                                   f"{key}-every",
                                   "How often it is evaluated: 30s, 5m, 1h")  # fmt: skip
        found["for"] = _duration("For", held.get("for"), f"{key}-for",
                                 "Bad for this long before an alert opens")  # fmt: skip
        found["consecutive"] = st.number_input(
            "Consecutive", value=int(number(held.get("consecutive")) or 1), step=1, width=130,
            key=f"{key}-consecutive", help="Bad this many evaluations in a row before it opens",
        )  # fmt: skip
    titles = {
        "severity": "Severity", "every": "Interval", "for": "For", "consecutive": "Consecutive",
    }  # fmt: skip
    for field, title in titles.items():
        slots.below(field, title)
    found["no_data"] = _no_data(held.get("no_data") or {}, key)
    slots.below("no_data")
    found["labels"] = _labels(held.get("labels") or {}, given)
    slots.below("labels")
    found |= _notified(held, given)
    found |= _more(held, given)
    return {name: one for name, one in found.items() if one not in (None, "", {})}


def _word(severity: Any) -> str:
    """Return a severity as its input has it, which a file may write in capitals."""
    return str(severity or Rule.model_fields["severity"].default).strip().lower()


def _duration(title: str, held: Any, key: str, about: str) -> str:
    return st.text_input(
        title, "" if held is None else str(held), key=key, width=110, help=about
    ).strip()


def _no_data(held: dict[str, Any], key: str) -> dict[str, Any] | None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        now = str(held.get("then") or (NoData().then if held else ""))
        options = list(NO_DATA) if now in NO_DATA else [*NO_DATA, now]
        then: str | None = st.selectbox(
            "No data", options, index=options.index(now), key=f"{key}-no-data",
            format_func=lambda one: NO_DATA.get(str(one), str(one)),
            help="What to do where the check works and sees nothing",
        )  # fmt: skip
        if not then:
            return None
        after = st.number_input("Evaluations", value=int(held.get("after") or 3), step=1,
                                key=f"{key}-no-data-after", width=120)  # fmt: skip
    return {**held, "then": then, "after": after}


def _labels(held: dict[str, str], given: Given) -> dict[str, str]:
    chosen = [f"{name}={value}" for name, value in held.items()]
    typed = st.multiselect(
        "Labels", chosen, default=chosen, key=f"{given.key}-labels", accept_new_options=True,
        placeholder="site=ams", help="Added to every alert; not part of its identity",
    )  # fmt: skip
    written = dict(zip(chosen, held.items(), strict=True))
    found: dict[str, str] = {}
    for one in typed:
        if one in written:
            found[written[one][0]] = written[one][1]
            continue
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            given.slots.unreadable["labels"] = f"{one!r} is not name=value"
        found[name.strip()] = value.strip()
    return found


def _notified(held: dict[str, Any], given: Given) -> dict[str, Any]:
    key, names, slots = given.key, given.names, given.slots
    st.html('<h3 class="section">Notify</h3>')
    team = str(held.get("team") or "")
    found: dict[str, Any] = {}
    found["team"] = st.selectbox(
        "Team", list(dict.fromkeys([*filter(None, [team]), *names.teams])), key=f"{key}-team",
        index=0 if team else None, accept_new_options=True, placeholder="none",
        help="The team that owns what is watched",
    )  # fmt: skip
    slots.below("team")
    receivers = [str(one) for one in held.get("receivers", ["default"])]
    found["receivers"] = st.multiselect(
        "Receivers", list(dict.fromkeys([*names.receivers, *receivers])), default=receivers,
        key=f"{key}-receivers", help="Whom to notify",
    )  # fmt: skip
    slots.below("receivers")
    found["escalation_rules"] = _escalation(held.get("escalation_rules") or {}, given)
    slots.below("escalation_rules")
    return found


def _escalation(held: dict[str, Any], given: Given) -> dict[str, Any] | None:
    key, names = given.key, given.names
    chosen, before = held.get("on_call_schedule"), [str(one) for one in held.get("channels") or ()]
    now = NOBODY if not held else SCHEDULE if chosen else RECEIVERS
    # One that begins pages after five minutes; one that is there does as it says.
    begins: dict[str, Any] = held or {"delay_minutes": 5, "channels": ["default"]}
    whole = EscalationRules.model_construct(**begins)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        pages = st.selectbox(
            "Escalation", [NOBODY, SCHEDULE, RECEIVERS], key=f"{key}-escalation",
            index=[NOBODY, SCHEDULE, RECEIVERS].index(now), help="Whom to page while nobody "
            "acknowledges",
        )  # fmt: skip
        if pages == NOBODY:
            return None
        found: dict[str, Any] = {
            "delay_minutes": st.number_input(
                "Minutes", value=float(whole.delay_minutes), key=f"{key}-delay",
                format="%g", step=1.0, width=110, help="Before the first level and between levels",
            ),
            "max_level": st.number_input(
                "Levels", value=int(whole.max_level), step=1, key=f"{key}-levels",
                width=110,
            ),
        }  # fmt: skip
    if pages == SCHEDULE:
        options = list(dict.fromkeys([*filter(None, [chosen]), *names.schedules]))
        found["on_call_schedule"] = st.selectbox(
            "Schedule", options, index=0 if options else None, key=f"{key}-schedule",
            placeholder="There is no schedule yet",
        )  # fmt: skip
    paged = before if pages == SCHEDULE else list(whole.channels)
    found["channels"] = st.multiselect(
        "Page", list(dict.fromkeys([*names.receivers, *paged])), default=paged,
        key=f"{key}-{pages}-pages", help="Receivers that each level pages",
    )  # fmt: skip
    return {name: one for name, one in found.items() if one not in (None, [])}


def _more(held: dict[str, Any], given: Given) -> dict[str, Any]:
    """Show the input of all other fields, as YAML; they replace those that the rule has."""
    rest = {name: one for name, one in held.items() if name not in FIELDS}
    with st.expander("Definition", expanded=bool(rest)):
        text = st.text_area(
            "Fields", in_yaml(rest), key=f"{given.key}-more", height=110,
            placeholder="keep_firing_for: 5m\nannotations:\n  summary: '{labels.mount} is full'",
            help="Any other field of a rule, as in prefect.yaml",
        )  # fmt: skip
        given.slots.below("more")
    try:
        found = read_value(str(text or ""))
    except RuleError as error:
        given.slots.unreadable["more"] = str(error)
        return {}
    if found is None:
        return {}
    if not isinstance(found, dict):
        given.slots.unreadable["more"] = "must be names and values: {a: b}"
        return {}
    twice = sorted(FIELDS & found.keys())  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - YAML
    if twice:
        given.slots.unreadable["more"] = f"{twice[0]}: has an input of its own"
        return {}
    return {str(name): one for name, one in found.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - YAML
