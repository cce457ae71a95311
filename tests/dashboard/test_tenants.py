"""Two tenants at the dashboard: what a confined person reads and does is theirs alone."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.types import Receive, Send

from dashboard import page_tokens
from dashboard.alert_commands import AlertCommand
from dashboard.command_permissions import PERMISSIONS
from dashboard.commands import Commands
from dashboard.configuration import CliResult, Configuration
from dashboard.data import Data
from dashboard.live_api import LiveApi
from dashboard.login_gate import SESSION
from dashboard.reports import Reports
from dashboard.response_cache import ResponseCache
from sentinel.access import EVERYTHING, Principal, Role
from sentinel.access.scope import Reach, Scope
from sentinel.alerts.actions import Acknowledge
from sentinel.clock import FakeClock
from sentinel.engine.dispatcher import notify_due
from sentinel.errors import NotFound, OutOfScope, SentinelError
from sentinel.store import Store
from sentinel.store.access.sessions import FoundSession
from sentinel.store.alerts.audit import ActFilter
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.notifications.matcher_silences import MatcherSilences
from sentinel.store.reports.period_comparison import Span
from tests.api.matrix_scene import furnished
from tests.api.test_access_matrix import everything
from tests.dashboard.form_commands import DAY, FORMS, MOMENT, OF_ALL
from tests.dashboard.gated import ADDRESSES, OWN
from tests.databases import both_databases
from tests.world import World

RED = Scope((Reach(frozenset({"red"})),))
RED_DB = Scope((Reach(frozenset({"red"}), frozenset({"db"})),))


def three_rules(store: Store, clock: FakeClock) -> dict[str, str]:
    """An alert each of two teams of one tenant, and one of another tenant, by title."""
    return {
        name: World(store, clock).raises(
            f"/{name}", name=name, tenant=tenant, team=team, group_wait="0s"
        )[0]
        for name, tenant, team in (
            ("red-db", "red", "db"), ("red-web", "red", "web"), ("blue-db", "blue", "db")
        )
    }  # fmt: skip


@both_databases
@pytest.mark.parametrize(
    ("scope", "names"),
    [
        (EVERYTHING, {"red-db", "red-web", "blue-db"}),
        (RED, {"red-db", "red-web"}),
        (RED_DB, {"red-db"}),
        (Scope(()), set[str]()),
    ],
)
def test_whatever_is_read_is_of_the_scope(
    store: Store, clock: FakeClock, scope: Scope, names: set[str]
):
    ids = three_rules(store, clock)
    notify_due(store, lambda _: store.inbox, by="test")
    store.act(list(ids.values()), Acknowledge(actor="lena"))
    clock.forward(seconds=60)
    data, reports = Data(store, ADDRESSES, lambda: True), Reports(store)
    seen = {ids[name] for name in names}
    now = clock.now()

    assert {one.id for one in data.live(scope).alerts} == seen
    assert data.live(scope).unwatched == (not names)
    assert set(data.live_ids(scope, AlertFilter(), 10)) == seen
    assert set(data.some(scope, list(ids.values()))) == seen
    assert data.now_counts(scope)[1] == data.live(scope).counts
    assert data.live(scope).counts.active == len(names)
    for name, alert in ids.items():
        asks = (data.details, data.why, data.last_change)
        if name in names:
            assert all(ask(scope, alert) for ask in asks)
            continue
        for ask in asks:
            with pytest.raises(NotFound):
                ask(scope, alert)
    assert len(data.inbox(scope).messages) == data.unread(scope) == len(names)

    found = reports.history(scope, AlertFilter(), limit=10, after=None)
    assert ({one.id for one in found.alerts}, found.count) == (seen, len(names))
    assert {one.id for page in reports.all_matching(scope, AlertFilter()) for one in page} == seen
    assert {one.id for one in reports.newest(scope, AlertFilter(), 10)} == seen
    assert reports.count(scope, AlertFilter(), 10) == len(names)
    acts = reports.acts(scope, ActFilter(), limit=10, after=None)
    assert {one.alert_id for one in acts.items} == seen
    assert {one.alert_id for page in reports.every_act(scope, ActFilter()) for one in page} == seen
    assert reports.count_acts(scope, ActFilter()) == len(names)
    span = Span(since=now - DAY, until=now + DAY)
    compared = reports.compare(scope, AlertFilter(), span, span)
    assert {one.rule for one in compared.rules} == names
    assert compared.first.opened == len(names)

    shown = reports.overview(scope, "24h", DAY, timedelta(hours=1))
    assert (shown.counts.active, shown.rules) == (len(names), (len(names), len(names)))
    assert {one.rule for one in shown.trend.noisy} == names
    assert shown.trend.now.opened == sum(one.opened for one in shown.trend.buckets) == len(names)
    assert shown.trend.now.acknowledge is not None or not names
    assert sum(count for _, count in shown.trend.by_team) == len(names)
    lines = Configuration(store, ADDRESSES).rules(scope)
    assert {(one.row.name, one.live) for one in lines} == {(name, 1) for name in names}


def test_a_group_of_several_teams_is_named_to_nobody_of_one_team(store: Store, clock: FakeClock):
    ids = three_rules(store, clock)
    with store.write() as connection:  # as where a route groups by tenant alone
        (kept,) = connection.exec_driver_sql(
            f"SELECT group_id FROM group_member WHERE alert_id = '{ids['red-web']}'"
        ).one()
        connection.exec_driver_sql(
            f"UPDATE group_member SET group_id = '{kept}' WHERE alert_id = '{ids['red-db']}'"
        )
    within = Data(store, ADDRESSES, lambda: True).within
    assert set(within(RED).scoped_alerts.groups(list(ids.values()))) == {
        ids["red-db"], ids["red-web"],
    }  # fmt: skip
    assert within(RED_DB).scoped_alerts.groups(list(ids.values())) == {}


def test_what_belongs_to_all_tenants_is_shown_to_nobody_who_is_confined(store: Store):
    reports, configuration = Reports(store), Configuration(store, ADDRESSES)
    for ask in (
        lambda: reports.log(RED, "", [], limit=1),
        lambda: reports.storage(RED),
        lambda: configuration.receivers(RED),
        lambda: configuration.channels(RED, DAY),
        lambda: configuration.channel_forms(RED),
        lambda: configuration.cli(RED, "rule", "list"),
    ):
        with pytest.raises(OutOfScope):
            ask()


def test_a_similar_alert_of_another_team_is_not_shown(store: Store, clock: FakeClock):
    first, second = (
        World(store, clock).raises("/a", name="disk", tenant="red", team=team)[0]
        for team in ("web", "db")
    )
    assert first != second or store.alerts.get(first).team == "web"
    data = Data(store, ADDRESSES, lambda: True)
    assert data.details(RED, first).similar == []


ACTIONS = ("acknowledge", "unacknowledge", "resolve", "reopen", "suppress", "unsuppress",
           "assign", "comment", "mark_noise", "unmark_noise", "undo")  # fmt: skip
NUMBER = itertools.count()


class NoCli(Configuration):
    """What is configured, where commands that need Prefect only say that they would run."""

    def _cli(self, *arguments: str, actor: str = "") -> CliResult:
        return CliResult(output={"ran": list(arguments)})


class Two:
    """Two tenants, with a person of each role in each, at the door and with the forms."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.places = [furnished(store, clock, f"{one}{next(NUMBER)}") for one in ("red", "blue")]
        for place in self.places:
            MatcherSilences(store).create(
                [f'rule="rule-{place.mark}"'], MOMENT + DAY, actor="ada", tenant=place.tenant,
                silence_id=place.silence,
            )  # fmt: skip
        data = Data(store, ADDRESSES, lambda: True)
        responses = ResponseCache(data)
        self.commands = Commands(data, NoCli(store, ADDRESSES))
        self.ids = itertools.count()
        self.session = FoundSession(
            id="s", principal=self.who(0, Role.VIEWER), display_name="", created_at=clock.now()
        )
        self.door = LiveApi(
            Starlette(),
            path=lambda: "/sentinel",
            responses=lambda: responses,
            commands=lambda: self.commands,
        )

    def who(self, one: int, role: Role) -> Principal:
        tenants = frozenset({self.places[one].tenant})
        return Principal(name=f"{role} {one}", kind="person", role=role, tenants=tenants)

    async def _signed_in(self, scope: Any, receive: Receive, send: Send) -> None:
        """The door, as the login passes a request on."""
        await self.door(scope | {SESSION: self.session}, receive, send)

    async def _asks(self, requests: Sequence[dict[str, Any]]) -> str:
        """What the door answers to these requests, one after the other."""
        token = page_tokens.issue(self.session.principal.name, "s")
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self._signed_in), base_url="http://d/sentinel",
            headers=OWN | {page_tokens.HEADER: token},
        ) as client:  # fmt: skip
            answers = [await client.request(**request) for request in requests]
        assert {answer.status_code for answer in answers} == {200}
        return "".join(answer.text for answer in answers)

    def asks(self, one: int, role: Role, about: int, what: str) -> str:
        """What the door answers."""
        place = self.places[about]
        self.session = msgspec.structs.replace(self.session, principal=self.who(one, role))
        queries = ("", f"tenant:{place.tenant}", f"group:{place.group}", "status:resolved")
        reads = [{"url": "/beat"}, {"url": "/alert", "params": {"id": place.alert}}]
        reads += [{"url": "/rows", "params": {"q": q, "suppressed": "yes"}} for q in queries]
        if what == "read":
            return asyncio.run(self._asks([{"method": "GET", **read} for read in reads]))
        number = next(self.ids)
        items = [[other.alert, version] for other in self.places for version in (1, 2, 3)]
        more = {"minutes": 5, "assignee": "eva", "comment": "noted", "of": f"c{number - 1}"}
        sent = [
            {"id": f"c{number}", "op": what, "items": items, **more},
            {"id": f"d{number}", "op": what, "all": {"q": f"tenant:{place.tenant}"}, **more},
        ]
        body: dict[str, Any] = {"commands": sent, "view": {}}
        return asyncio.run(self._asks([{"method": "POST", "url": "/act", "json": body}]))

    def fills_in(self, one: int, role: Role, about: int, form: int) -> str:
        """What a form of a page says."""
        try:
            command = FORMS[form](self.places[about])
            return str(self.commands.run_form(command, lambda: self.who(one, role)))
        except SentinelError as error:
            return f"refused: {error}"


@bounded(
    max_examples=8, derandomize=True, database=None, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(list(Role)),
            st.integers(0, 1),  # who does it
            st.integers(0, 1),  # about whose
            st.one_of(st.sampled_from(("read", *ACTIONS)), st.integers(0, len(FORMS) - 1)),
        ),
        min_size=5,
        max_size=25,
    )
)
def test_whatever_one_tenant_does_the_other_is_as_it_was(
    store: Store, clock: FakeClock, steps: list[tuple[Role, int, int, str | int]]
):
    two = Two(store, clock)
    for role, one, about, what in steps:
        other = two.places[1 - one]
        before = (everything(store, other), store.receivers.all())
        if isinstance(what, int):
            said = two.fills_in(one, role, about, what)
        else:
            said = two.asks(one, role, about, what)
        assert (everything(store, other), store.receivers.all()) == before, (role, one, what)
        # An error names what was asked for, as it was asked for.
        assert said.startswith("refused") or other.mark not in said, (role, one, what, said)


def test_each_form_changes_what_is_of_the_tenant_and_nothing_of_all(store: Store, clock: FakeClock):
    """So that the test above does not pass because everything is refused."""
    two = Two(store, clock)
    kinds: set[type[Any]] = {type(form(two.places[0])) for form in FORMS}
    assert kinds == set(PERMISSIONS) - {AlertCommand}
    assert '"done":1' in two.asks(0, Role.ADMIN, 0, "acknowledge")
    assert two.places[0].mark in two.asks(0, Role.VIEWER, 0, "read")
    for number in range(len(FORMS)):
        said = two.fills_in(0, Role.ADMIN, 0, number)
        assert said.startswith("refused") == (number >= len(FORMS) - OF_ALL), (number, said)
    for number in (0, 1, 2, 3, 7):
        assert "there is no rule" in two.fills_in(0, Role.ADMIN, 1, number) or number == 3
