"""The typed client, and commands over HTTP on a machine without a database."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentinel.access import Role
from sentinel.client import (
    AsyncClient,
    Client,
    access,
    alert_routes,
    channels,
    exports,
    heartbeats,
    metric_samples,
    pending_changes,
    policies,
    providers,
    resources,
    rule_trials,
)
from sentinel.client.calls import error_of
from sentinel.engine.dispatcher import notify_due
from sentinel.errors import (
    ConfigurationError,
    Conflict,
    DatabaseUnreachable,
    NotFound,
    TooManyRequests,
)
from sentinel.store.access.keys import Keys
from sentinel.store.oncall.documents import OnCallDocuments
from tests.api.served import TOKEN
from tests.client.running import Run
from tests.world import World

DIGEST = """
people: {bea: {notify: [{receiver: default}]}}
teams: {db: {people: [bea], digest: {at: "00:00", receivers: [default]}}}
"""


def test_channels_and_what_was_sent_over_them_are_requests_of_either_client(world: World, url: str):
    world.store.receivers.set("night", ["inbox", "sentinel-webhook/ops"], actor="ada")
    with Client(url, TOKEN) as client:
        found = client.do(channels.channels())
        assert [one.channel for one in found.items] == ["inbox", "sentinel-webhook/ops"]
        page = client.do(channels.channels(limit=1))
        assert client.do(channels.channels(cursor=page.next_cursor)).items == found.items[1:]
        assert client.do(channels.test("inbox")).success
        assert client.do(channels.deliveries(channel="inbox")).items == []
        assert client.do(channels.delivery_figures(hours=1)).hours == 1
        assert client.do(resources.receiver("night")).channels == ["inbox", "sentinel-webhook/ops"]
        assert client.do(pending_changes.pending()).items == []
        with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:9"):  # Prefect has them
            client.do(providers.providers())
        with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:9"):
            client.do(policies.policies(enabled=True))

    async def listed() -> list[str]:
        async with AsyncClient(url, TOKEN) as client:
            return [one.channel for one in (await client.do(channels.channels())).items]

    assert asyncio.run(listed()) == ["inbox", "sentinel-webhook/ops"]


def test_the_further_resources_are_requests_of_either_client(world: World, url: str):
    one, two = world.raises("/data", "/home")
    with Client(url, TOKEN, user="maria") as client:
        shown = client.do(resources.act_on_many("resolve", matching={}, dry_run=True))
        assert (shown.matched, shown.changed) == (2, 0)
        taken = client.do(resources.act_on_many("acknowledge", ids=[one, two], note="mine"))
        assert [each.outcome for each in taken.outcomes] == ["changed", "changed"]
        assert client.do(resources.undo(taken.undo[0])).changed == 2
        silence = client.do(resources.silence_rule("disk", minutes=5, reason="work"))
        assert [each.id for each in client.do(resources.silences()).items] == [silence.id]
        assert client.do(resources.end_silence(silence.id)).ended_by == "maria"
        wanted = ['mount="/data", rule="disk"']
        assert client.do(resources.preview_silence(wanted)).count == 1
        silence = client.do(resources.silence_matching(wanted, minutes=5, reason="work"))
        assert (silence.silenced, silence.matchers) == (1, wanted)
        extended = client.do(resources.extend_silence(silence.id, minutes=60))
        assert extended.until > silence.until
        assert client.do(resources.end_silence(silence.id)).state == "ended"
        client.do(resources.save_view("live", "a/b ü", "q=a"))
        assert [each.name for each in client.do(resources.views()).items] == ["a/b ü"]
        assert client.do(resources.remove_view("live", "a/b ü")).query == "q=a"
        assert client.do(resources.inbox(q="nothing", unread=True)).items == []
        assert client.do(resources.mark_read(None)).marked == 0
        assert client.do(heartbeats.last("nightly")).last is None
        assert client.do(heartbeats.beat("nightly", status="fail")).status == "fail"
        assert client.do(heartbeats.last("nightly")).status == "fail"
        assert "heartbeat" in client.do(metric_samples.names()).names
        (series,) = client.do(metric_samples.samples("heartbeat", match=["job=nightly"])).series
        assert (series.labels, series.values) == ({"job": "nightly"}, [0.0])
        rule = {"name": "queue", "metric": "depth", "threshold_value": 500}
        tried = client.do(rule_trials.test(rule, [{"value": 412}, {"value": 731}]))
        assert (tried.evaluations, tried.bad, len(tried.alerts)) == (2, 1, 1)
        with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:9"):  # Prefect has it
            client.do(rule_trials.backtest("disk"))
        with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:9"):
            next(client.download(exports.rule("disk")))
        made = client.do(access.make_key("grafana", "viewer"))
        assert client.do(access.key(made.key.id)).name == "grafana"

    async def accounts() -> None:
        async with AsyncClient(url, TOKEN) as client:
            password = "seven green bicycles"
            await client.do(resources.make_user("ada", "viewer", password, tenants=["acme"]))
            await client.do(resources.grant_role("ada", "editor"))
            left = await client.do(resources.revoke_role("ada", tenants=["acme"]))
            assert [each["role"] for each in left.grants] == ["editor"]
            assert (await client.do(resources.switch_user("ada", on=False))).state == "disabled"
            assert (await client.do(resources.end_sessions("ada"))).sessions == 0
            assert [each.name for each in (await client.do(resources.users())).items] == ["ada"]

    asyncio.run(accounts())


def test_alerts_are_listed_read_and_acted_on(world: World, url: str):
    one, _ = world.raises("/data", "/home")
    with Client(url, TOKEN, user="maria") as client:
        page = client.alerts(severity=["medium"], limit=1)
        assert (len(page.items), page.next_cursor is None) == (1, False)
        more = client.alerts(cursor=page.next_cursor)
        assert {page.items[0].id, *(item.id for item in more.items)} >= {one}
        done = client.act(one, "acknowledge", note="looking into it")
        assert (done.alert.status, done.alert.acknowledged_by) == ("acknowledged", "maria")
        assert client.act(one, "assign", assignee="").reason == "unchanged"
        assert [item.id for item in client.alerts(status=["acknowledged"]).items] == [one]
        detail = client.alert(one)
        assert detail.timeline[-1].comment == "looking into it"
        assert client.statistics(hours=1).total_active_alerts == 2
        assert client.health().components["prefect"].status == "down"
        assert [rule.name for rule in client.rules().items] == ["disk"]
        assert client.rule("disk").spec["when"] == {"above": 90}


def test_a_rule_has_the_version_that_a_change_of_it_wants(world: World, url: str):
    world.raises("/data")
    with Client(url, TOKEN) as client, Client(url, TOKEN) as other:
        read = client.rule("disk")
        assert read.version.startswith('"')
        assert other.change_rule("disk", {"enabled": False}, version=read.version).version
        with pytest.raises(Conflict, match="changed it meanwhile"):
            client.change_rule("disk", {"enabled": True}, version=read.version)
        now = client.rule("disk")
        assert (now.enabled, now.version == read.version) == (False, False)
        assert client.change_rule("disk", {"enabled": True}, version=now.version).enabled


def test_a_plan_has_the_version_that_applying_it_wants(world: World, url: str):
    files = {"notify.yaml": "receivers: [{name: db, channels: [inbox]}]"}
    with Client(url, TOKEN) as client:
        planned = client.do(alert_routes.plan(files))
        world.store.receivers.set("web", ["inbox"])
        with pytest.raises(Conflict):
            client.do(alert_routes.apply_files(files, version=planned.version))
        version = client.do(alert_routes.plan(files)).version
        assert client.do(alert_routes.apply_files(files, version=version)).differences


def test_what_a_program_sends_is_stored_once(url: str):
    with Client(url, TOKEN) as client:
        alert = {"alert_name": "slow", "service_name": "shop"}
        first = client.create_alert(idempotency_key="k", **alert)
        assert client.create_alert(idempotency_key="k", **alert) == first
        assert client.send_metrics([{"name": "depth", "value": 4.0}]) == 1
        assert client.send_events([{"id": "1", "a": 1}, {"id": "1", "a": 1}]) == 1


def test_the_coroutines_are_the_same(world: World, url: str):
    (one,) = world.raises("/data")

    async def work() -> str:
        async with AsyncClient(url, TOKEN) as client:
            assert [item.id for item in (await client.alerts()).items] == [one]
            assert (await client.why(one)).groups[0].channels[0].reason == "group_wait"
            return (await client.act(one, "resolve")).alert.status

    assert asyncio.run(work()) == "resolved"
    named = {name for name in vars(Client) if not name.startswith("_")}
    assert named == {name for name in vars(AsyncClient) if not name.startswith("_")}


def test_errors_are_those_of_the_product_with_the_servers_words(world: World, url: str):
    (one,) = world.raises("/data")
    with Client(url, TOKEN) as client:
        with pytest.raises(NotFound, match="there is no alert"):
            client.alert("0" * 32)
        with pytest.raises(Conflict, match="version"):
            client.act(one, "resolve", expected_version=99)
        with pytest.raises(ConfigurationError, match="alert_name"):
            client.create_alert(title="x")
        with pytest.raises(DatabaseUnreachable):  # Prefect is not there
            client.create_rule({"name": "cpu", "threshold_value": 1})
    with Client(url, "wrong") as client, pytest.raises(ConfigurationError, match="token"):
        client.alerts()
    with Client("http://127.0.0.1:9") as client, pytest.raises(DatabaseUnreachable):
        client.alerts()
    with pytest.raises(ConfigurationError, match="no address"):
        Client("sentinel.example")


@pytest.mark.parametrize(
    ("status", "kind"), [(408, TooManyRequests), (429, TooManyRequests), (413, ConfigurationError)]
)
def test_what_may_be_sent_again_is_told_from_what_may_not(status: int, kind: type[Exception]):
    """`sentinel requests tail` goes on after the first, and ends with the second."""
    answer = httpx.Response(status, request=httpx.Request("POST", "http://x"))
    assert type(error_of(answer)) is kind


def test_an_answer_that_is_not_sentinels_is_an_error_and_no_traceback():
    html = httpx.MockTransport(lambda _: httpx.Response(404, text="<html>"))
    answered = pytest.raises(NotFound, match=r"x\.example answered 404")
    with Client("http://x.example", transport=html) as client, answered:
        client.alerts()


def test_commands_work_from_a_laptop_without_a_database(world: World, url: str, sentinel: Run):
    one, other = world.raises("/data", "/home")
    code, out, err = sentinel("--url", url, "alert", "list", "--json")
    assert code == 0, err
    assert {item["id"] for item in json.loads(out)["items"]} == {one, other}
    code, out, _ = sentinel("--url", url, "alert", "list", "--search", "mount:/home")
    assert (code, "/home" in out, "/data" in out) == (0, True, False)
    code, out, err = sentinel("--url", url, "alert", "ack", one, "-m", "mine")
    assert (code, "acknowledged" in out) == (0, True), err
    code, out, _ = sentinel("--url", url, "alert", "show", one, "--json")
    assert json.loads(out)["timeline"][-1]["comment"] == "mine"
    code, out, _ = sentinel("--url", url, "alert", "show", one)
    assert (code, "mine" in out) == (0, True)
    code, out, _ = sentinel("--url", url, "alert", "resolve", one, other, "--json")
    assert [item["status"] for item in json.loads(out)["items"]] == ["resolved", "resolved"]


def test_what_is_listed_and_switched_here_is_listed_and_switched_over_http(
    world: World, url: str, sentinel: Run, tmp_path: Path
):
    """Each command prints over HTTP what it prints on the machine of the server."""
    world.raises("/data", group_wait="0s")
    notify_due(world.store, lambda _: world.store.inbox, by="test")
    Keys(world.store).create("grafana", Role.VIEWER, actor="ada", tenants=["acme"])

    def far(*arguments: str) -> str:
        code, out, err = sentinel("--url", url, *arguments)
        assert code == 0, (arguments, err)
        return out

    def items(*arguments: str) -> list[dict[str, Any]]:
        return json.loads(far(*arguments, "--json"))["items"]

    (rule,) = items("rule", "list")
    assert (rule["name"], rule["live_alerts"], rule["health"]) == ("disk", 1, "firing")
    assert "1 of 1" in far("rule", "list")
    assert "above: 90" in far("rule", "show", "disk").replace("{'above'", "above").replace(" '", "")
    assert "Silenced disk for 2h; live alerts: 1." in far("silence", "add", "disk", "--for", "2h")
    assert [one["rule"] for one in items("silence", "list")] == ["disk"]
    assert "in 1h" in far("silence", "list") or "in 2h" in far("silence", "list")
    assert "Ended the silence of disk." in far("silence", "end", "disk")
    assert sentinel("--url", url, "silence", "end", "disk")[0] == 3
    matching = ("--matcher", 'mount="/data"')
    assert "1 alert" in far("silence", "preview", *matching)
    assert "alerts that match: 1" in far("silence", "add", *matching, "--for", "1h", "-m", "work")
    (one,) = items("silence", "list")
    assert one["matchers"] == ['mount="/data"']
    assert "Moved the end" in far("silence", "extend", one["id"], "--for", "3h")
    assert "Ended the silence" in far("silence", "end", one["id"])
    assert "disk is disabled" in far("rule", "disable", "disk", "-m", "moving house")
    row = world.store.rules.get("disk")
    assert (row.enabled, row.switch_reason) == (False, "moving house")
    assert "disk is enabled" in far("rule", "enable", "disk")
    routes = tmp_path / "routes.yaml"
    routes.write_text("route: {receiver: default, routes: [{matchers: [a=b]}]}")
    assert "none would go another way" in far("route", "diff", str(routes))
    assert far("route", "apply", str(routes), "-m", "first", "--expect", "0").startswith(
        "Version 1"
    )
    assert sentinel("--url", url, "route", "apply", str(routes), "--expect", "0")[0] == 4
    assert "default is sent at most 7 messages" in far("receiver", "limit", "default", "7")
    assert [one["messages_per_minute"] for one in items("receiver", "list")] == [7]
    assert "at most 100 messages" in far("receiver", "limit", "default", "default")
    assert "inbox is sent at most 9 messages" in far("channel", "limit", "inbox", "9")
    OnCallDocuments(world.store).apply(DIGEST, actor="ada")
    at = ("--at", "2026-01-07T12:00+01:00")
    assert "[digest] db: 0 alerts, 0 still open" in far("digest", "show", "db", *at)
    assert "to Wed 2026-01-07 00:00 (UTC)" in far("digest", "show", "db", *at)
    assert json.loads(far("digest", "show", "db", *at, "--json"))["team"] == "db"
    assert sentinel("--url", url, "digest", "show", "web")[0] == 3
    assert (items("user", "list"), items("role", "list")) == ([], [])
    assert far("log", "list") == "Every component logs as configured.\n"
    assert far("escalation", "list") == "No escalation runs.\n"
    assert json.loads(far("escalation", "list", "--json")) == {"items": []}
    assert far("escalation", "statistics") == "No escalation began in the last 24 hours.\n"
    assert json.loads(far("escalation", "statistics", "--team", "db", "--json"))["policies"] == []
    assert "every silence" in far("receiver", "announce", "default", "all")
    assert "The draft runs since" in far("route", "shadow", "start", str(routes))
    assert "0 alerts opened" in far("route", "shadow", "report", "--since", "1d")
    assert far("route", "shadow", "stop") == "The draft is stopped.\n"
    assert 'matches  {a="b"}' in far("route", "test", "a=b", "rule=disk")
    assert far("route", "show").strip() == routes.read_text()
    routes.write_text("route: {receiver: default}")
    assert '- route {}/{a="b"}' in far("notify", "apply", str(routes))
    assert far("notify", "plan", str(routes)) == "Nothing would change.\n"
    assert [one["rule"] for one in items("owner", "list", "--unowned")] == ["disk"]
    assert "Version 3" in far("route", "rollback", "0")
    assert [one["number"] for one in items("route", "history")] == [3, 2, 1]
    assert items("receiver", "list") == [
        {"name": "default", "channels": ["inbox"], "messages_per_minute": 100,
         "limit_source": "default", "announce_silences": True, "source": "ui"}
    ]  # fmt: skip
    assert "default" in far("receiver", "list")
    assert [one["name"] for one in items("key", "list")] == ["grafana"]
    assert "viewer in acme" in far("key", "list")
    rows = items("audit", "list", "--action", "rule.")
    assert [one["action"] for one in rows[:2]] == ["rule.enabled", "rule.disabled"]
    assert "moving house" in far("audit", "list")
    assert "moving house" in far("audit", "show", rows[1]["id"])
    exported = json.loads(far("person", "export", "ada"))
    assert (exported["name"], exported["api_key"][0]["name"]) == ("ada", "grafana")
    assert "ada is erased-" in far("person", "erase", "ada", "--yes")
    assert sentinel("--url", url, "person", "export", "ada")[0] == 3
    assert [one["status"] for one in items("inbox")] == ["firing"]
    assert "disk" in far("inbox")
    figures = json.loads(far("statistics", "--json"))
    assert (figures["active"], figures["alerts_generated"], figures["notifications_sent"]) == (
        0,
        1,
        1,
    )
    assert "alerts generated" in far("statistics")


def test_a_command_that_needs_the_database_says_so_instead_of_using_another(
    url: str, sentinel: Run
):
    for command in (("db", "status"), ("rule", "pending")):
        code, _, err = sentinel("--url", url, *command)
        assert (code, "works on the machine of the server, and not over" in err) == (2, True), (
            command
        )
        assert "Run it on the machine of the server" in err
    code, _, err = sentinel("--url", "http://127.0.0.1:9", "alert", "list")
    assert (code, "does not answer" in err) == (5, True)
    code, _, err = sentinel("--url", url, "alert", "show", "f" * 32)
    assert code == 3


def test_a_confined_key_lists_and_changes_over_http_what_is_of_its_tenant(
    world: World, url: str, sentinel: Run, monkeypatch: pytest.MonkeyPatch
):
    for tenant in ("acme", "blue"):
        world.raises(f"/{tenant}", name=f"rule-of-{tenant}", tenant=tenant, group_wait="0s")
    notify_due(world.store, lambda _: world.store.inbox, by="test")
    key = Keys(world.store).create("omar", Role.ADMIN, actor="ada", tenants=["acme"])
    monkeypatch.setenv("SENTINEL_TOKEN", key.secret.text)
    for command in (("alert", "list"), ("rule", "list"), ("inbox",), ("audit", "list")):
        code, out, err = sentinel("--url", url, *command)
        assert (code, "blue" in out) == (0, False), (command, out, err)
        assert "acme" in out or command[0] == "audit", (command, out)
    code, out, _ = sentinel("--url", url, "statistics", "--json")
    assert (code, json.loads(out)["active"]) == (0, 1)
    for command in (("rule", "show"), ("rule", "disable"), ("silence", "add")):
        code, _, err = sentinel("--url", url, *command, "rule-of-blue", "--tenant", "blue")
        assert (code, "there is no rule 'rule-of-blue'" in err) == (3, True), (command, err)
    code, out, err = sentinel("--url", url, "rule", "disable", "rule-of-acme", "--tenant", "acme")
    assert (code, "is disabled" in out) == (0, True), err
    assert sentinel("--url", url, "receiver", "list")[0] == 2
    assert [row.enabled for row in world.store.rules.list()] == [False, True]
