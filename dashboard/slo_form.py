"""The form of an SLO: its indicator, objectives and alerts; what is wrong stands at each field."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import markup, session, undo_bar
from dashboard.slo_commands import DeleteSlo, SaveSlo
from dashboard.slo_fields import WINDOWS, problems_of, window_of
from dashboard.slo_indicator_inputs import indicator_inputs
from dashboard.slo_inputs import FORM, Slots, key_of, line_of, number_of
from dashboard.slo_view import SLO_TENANT
from sentinel.access import Permission
from sentinel.errors import SentinelError
from sentinel.rules.approval import ChangeWaits
from sentinel.slo.definition import Alerting, SloDefinition
from sentinel.slo.windows import RollingWindow
from sentinel.store.access.known_places import known_places
from sentinel.store.slo.slos import Slos, StoredSlo

__all__ = ["EDIT", "NEW", "PAGE", "close_form", "form", "open_form"]

PAGE = "slos"
EDIT = "edit"
"""The parameter of the address that opens the form: `new`, or the name of the SLO."""
NEW = "new"
_TRIED = "slo-tried"
_MOST_OBJECTIVES = 5
_SEVERITIES = ["critical", "high", "medium", "low", "info"]


def open_form(name: str, tenant: str = "default") -> None:
    """Open the form of an SLO of a tenant, or of a new one, in the callback of a button."""
    st.session_state[FORM] = int(st.session_state.get(FORM, 0)) + 1
    st.session_state[_TRIED] = False
    st.query_params[EDIT] = name
    _keep_tenant(tenant)


def _keep_tenant(tenant: str) -> None:
    if tenant == "default":
        st.query_params.pop(SLO_TENANT, None)
    else:
        st.query_params[SLO_TENANT] = tenant


def close_form() -> None:
    """Close the form, in the callback of a button."""
    st.query_params.pop(EDIT, None)


def _where(found: SloDefinition | None, slots: Slots) -> dict[str, Any]:
    edits = session.data().within(session.scope(Permission.EDIT))
    tenants, teams = known_places(edits)
    with st.container(horizontal=True, gap="small"):
        with st.container(width=300):
            name = line_of(
                "Name",
                "name",
                found.name if found else "",
                disabled=found is not None,
                max_chars=80,
                placeholder="checkout",
                help="Small letters, digits and hyphens; it stays as it is",
            )
            slots.below("name")
        with st.container(width=220):
            known = sorted({*teams, *([found.team] if found and found.team else [])})
            team = st.selectbox(
                "Team", known, index=known.index(found.team) if found and found.team else None,
                key=key_of("team"), accept_new_options=True, placeholder="None",
            )  # fmt: skip
            slots.below("team")
        with st.container(width=220):
            everywhere = session.may_everywhere(Permission.EDIT)
            options = [found.tenant] if found else tenants or ["default"]
            tenant = st.selectbox(
                "Tenant", options, key=key_of("tenant"), disabled=found is not None,
                index=options.index("default") if "default" in options else 0,
                accept_new_options=everywhere and found is None,
            )  # fmt: skip
            slots.below("tenant")
        with st.container(width=220):
            service = line_of("Service", "service", found.service if found else "", max_chars=300)
            slots.below("service")
    about = st.text_area("Description", found.description if found else "", height=68,
                         key=key_of("description"), max_chars=2000)  # fmt: skip
    slots.below("description")
    return {"name": name, "team": team or "", "tenant": str(tenant), "service": service,
            "description": about or ""}  # fmt: skip


def _objectives(found: SloDefinition | None, slots: Slots) -> list[dict[str, Any]]:
    st.html('<h2 class="section">Objectives</h2>')
    rows: list[int] = st.session_state.setdefault(
        key_of("rows"), list(range(len(found.objectives) if found else 1))
    )
    given: list[dict[str, Any]] = []
    for place, row in enumerate(rows):
        there = found.objectives[row] if found and row < len(found.objectives) else None
        window: Any = there.window if there else RollingWindow(kind="rolling")
        rolling = isinstance(window, RollingWindow)
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom",
                          key=f"slo-objective-{row}"):  # fmt: skip
            target = number_of(
                "Target in percent",
                f"target-{row}",
                there.target if there else 99.9,
                format="%.10g",
                width=150,
                step=0.1,
            )
            kind = str(st.selectbox(
                "Window", list(WINDOWS), key=key_of(f"window-{row}"), width=180,
                index=0 if rolling else list(WINDOWS).index(window.period),
                format_func=lambda one: WINDOWS.get(str(one), str(one)),
            ))  # fmt: skip
            days, zone = 30.0, ""
            if kind == "rolling":
                days = number_of(
                    "Days", f"days-{row}", window.days if rolling else 30, width=110, step=1
                )
            else:
                zone = line_of("Time zone", f"zone-{row}",
                             "UTC" if rolling else window.timezone, width=200)  # fmt: skip
            st.button("Remove", key=f"slo-remove-{row}", icon=":material/delete:",
                      disabled=len(rows) == 1, on_click=rows.remove, args=(row,),
                      help=f"Remove objective {place + 1}")  # fmt: skip
        slots.below(f"objectives.{place}")
        given.append({"target": target, "window": window_of(kind, int(days or 0), zone)})
    slots.below("objectives")
    st.button("Add an objective", key="slo-add", icon=":material/add:",
              disabled=len(rows) >= _MOST_OBJECTIVES, on_click=rows.append,
              args=(max(rows) + 1,))  # fmt: skip
    return given


def _alerting(found: SloDefinition | None, kind: str, slots: Slots) -> dict[str, Any]:
    st.html('<h2 class="section">Alerts</h2>')
    there = found.alerting if found else Alerting()
    chosen: dict[str, Any] = {}
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        for name, words in (("page", "Page where the budget burns fast"),
                            ("ticket", "Ticket where it burns steadily")):  # fmt: skip
            with st.container(width=300):
                chosen[name] = st.checkbox(words, getattr(there, name), key=key_of(name))
                severity = getattr(there, f"{name}_severity")
                chosen[f"{name}_severity"] = st.selectbox(
                    f"Severity of the {name}", _SEVERITIES, key=key_of(f"{name}-severity"),
                    index=_SEVERITIES.index(severity), width=200,
                )  # fmt: skip
        with st.container(width=260):
            usual = 1 if kind == "prefect_runs" else 10
            least = number_of("Minimum events", f"least-{kind}",
                            found.minimum_events if found and found.indicator.kind == kind
                            else usual, step=1,
                            help="With fewer events a window says nothing")  # fmt: skip
            slots.below("minimum_events")
    return {"alerting": chosen, "minimum_events": int(least or 0)}


def _save(given: dict[str, Any], there: StoredSlo | None) -> None:
    st.session_state[_TRIED] = True
    if problems_of(given):
        return
    version = there.version if there else 0
    try:
        saved = session.run(SaveSlo(definition=given, version=version))
    except ChangeWaits as waits:
        undo_bar.offer(PAGE, f"{waits.message.capitalize()}. Save again once it is approved", None)
        return
    except SentinelError as error:
        st.session_state["slo-refused"] = str(error)
        return
    name = saved.slo.name
    if saved.before is None:
        back: Any = DeleteSlo(name=name, version=saved.slo.version,
                              tenant=saved.slo.definition.tenant)  # fmt: skip
        undo_bar.offer(PAGE, f"Created the SLO {name}", back)
    elif saved.slo.version == version:
        undo_bar.offer(PAGE, f"Nothing of the SLO {name} was changed", None)
    else:
        before = saved.before.model_dump(mode="json")
        back = SaveSlo(definition=before, version=saved.slo.version)
        undo_bar.offer(PAGE, f"Changed the SLO {name}", back)
    close_form()
    st.query_params["slo"] = name
    _keep_tenant(saved.slo.definition.tenant)


def form(name: str, tenant: str) -> None:
    """Show the form.

    Args:
        name: of the SLO to edit; `NEW` for a new one
        tenant: of the SLO to edit
    """
    there: StoredSlo | None = None
    if name != NEW:
        within = session.data().within(session.scope(Permission.EDIT))
        there = Slos(within.store, within.scope).get(name, tenant=tenant)
    found = there.definition if there else None
    title = f"Edit {name}" if there else "New SLO"
    st.html(markup.page_head(title))
    refused = st.session_state.pop("slo-refused", None)
    if refused is not None:
        st.html(markup.note("warn", "Not saved.", str(refused)))
    undo_bar.show(PAGE)
    slots = Slots()
    given = _where(found, slots)
    indicator = indicator_inputs(found, slots)
    objectives = _objectives(found, slots)
    given |= {"indicator": indicator, "objectives": objectives,
              **_alerting(found, indicator["kind"], slots)}  # fmt: skip
    problems = problems_of(given) if st.session_state.get(_TRIED) else {}
    slots.show(problems)
    if problems:
        many = f"{len(problems)} fields are" if len(problems) > 1 else "1 field is"
        st.html(f'<p class="field-error">{many} wrong; each says what to do.</p>')
    sure = True
    if found and not problems_of(given) and _indicator_differs(found, given):
        st.html(markup.note("warn", "The events that were counted are deleted.",
                            "Those of another indicator are other events."))  # fmt: skip
        sure = st.checkbox("Delete the events", key=key_of("sure"))
    with st.container(horizontal=True, gap="small"):
        st.button("Save", key="slo-save", type="primary", icon=":material/save:", disabled=not sure,
                  on_click=_save, args=(given, there))  # fmt: skip
        st.button("Cancel", key="slo-cancel", on_click=close_form)


def _indicator_differs(found: SloDefinition, given: dict[str, Any]) -> bool:
    return SloDefinition.model_validate(given).indicator != found.indicator
