"""An `alertmanager.yml` becomes a document of ours, and routes as amtool says."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import yaml

from sentinel.errors import ConfigurationError
from sentinel.ingest.alertmanager_import import Imported, imported
from sentinel.notifications.notify_document import read_notify
from sentinel.notifications.route_trial import tried
from sentinel.notifications.routing import RouteTree
from tests.notifications.test_routes_against_amtool import ANSWERS, ours

SECRET = "s3cret"
CONFIG = f"""
global:
  smtp_smarthost: localhost:25
  smtp_auth_password: {SECRET}
  slack_api_url: https://hooks.slack.example/{SECRET}
  resolve_timeout: 5m
templates: [/etc/alertmanager/template/*.tmpl]
route:
  group_by: [alertname, cluster, service]
  repeat_interval: 1y
  receiver: Shop mails
  labels: {{reason: x}}
  routes:
    - matchers: ['service=~"cart|till|stock"']
      receiver: Shop mails
      routes:
        - {{matchers: [severity="critical"], receiver: shop_pager}}
    - match: {{service: files}}
      receiver: files-chat
      active_time_intervals: [office]
    - match_re: {{service: data.*}}
      receiver: dba
      group_by: [alertname, database]
      routes:
        - {{matchers: [owner="shop"], receiver: shop_pager, continue: true}}
        - {{matchers: ['owner=~"files|web"'], receiver: files-chat}}
    - {{matchers: [quiet="yes"], receiver: 'null'}}
inhibit_rules:
  - source_matchers: [severity="critical"]
    target_match: {{severity: warning}}
    equal: [alertname, cluster]
  - {{source_match_re: {{a: 'b|c'}}}}
receivers:
  - name: Shop mails
    email_configs:
      - {{to: 'shop@example.org, night@example.org', html: '{{{{ template "x" . }}}}'}}
  - name: shop_pager
    email_configs: [{{to: shop@example.org, send_resolved: true}}]
    pagerduty_configs:
      - {{service_key: {SECRET}, severity: '{{{{ .CommonLabels.severity }}}}'}}
      - {{routing_key: {SECRET}}}
  - name: files-chat
    slack_configs: [{{channel: '#files', send_resolved: true}}]
    telegram_configs: [{{bot_token: {SECRET}, chat_id: -1001}}]
    jira_configs: [{{project: OPS}}]
  - name: dba
    webhook_configs: [{{url: 'http://10.0.0.1/{SECRET}', max_alerts: 5}}]
    pushover_configs: [{{user_key: {SECRET}, token: {SECRET}, priority: 1}}]
  - name: 'null'
time_intervals:
  - name: office
    time_intervals:
      - {{times: [{{start_time: "09:00", end_time: "17:00"}}], weekdays: ['monday:friday']}}
"""


@pytest.fixture(scope="module")
def found() -> Imported:
    return imported(CONFIG)


def test_receivers_become_channels_and_secrets_stay_where_they_are(found: Imported):
    document = yaml.safe_load(found.text)
    assert {one["name"]: one["channels"] for one in document["receivers"]} == {
        "shop-mails": ["sentinel-email/shop-mails"],
        "shop-pager": [
            "sentinel-email/shop-pager", "sentinel-pagerduty/shop-pager",
            "sentinel-pagerduty/shop-pager-2",
        ],
        "files-chat": ["slack-incoming-webhook/files-chat", "sentinel-telegram/files-chat"],
        "dba": ["sentinel-webhook/dba", "sentinel-apprise/dba"],
        "null": ["inbox"],
    }  # fmt: skip
    assert SECRET not in found.text + "".join(map(str, found.notes))
    assert found.receivers["Shop mails"] == "shop-mails"


def test_what_alertmanager_does_where_nothing_is_said_is_written_out(found: Imported):
    route = yaml.safe_load(found.text)["route"]
    assert {name: route[name] for name in ("group_wait", "group_interval", "repeat_interval")} == {
        "group_wait": "30s", "group_interval": "5m", "repeat_interval": "365d"
    }  # fmt: skip
    plain = imported("route: {receiver: a}\nreceivers: [{name: a}]")
    assert yaml.safe_load(plain.text)["route"] == {
        "receiver": "a", "group_by": [], "group_wait": "30s", "group_interval": "5m",
        "repeat_interval": "4h",
    }  # fmt: skip
    document = read_notify({"n": found.text}).routes
    assert document is not None
    assert [one.name for one in document.time_intervals] == ["office"]
    (rule,) = document.inhibit_rules
    assert (rule.source_matchers, rule.target_matchers, rule.equal) == (
        ['severity="critical"'], ['severity="warning"'], ["alertname", "cluster"]
    )  # fmt: skip


def test_the_report_says_what_to_make_what_is_left_out_and_what_differs(found: Imported):
    lines = [str(one) for one in found.notes]
    for line in (
        "make: receivers.Shop mails.email_configs[0]: sentinel channel add email shop-mails "
        "--to shop@example.org --to night@example.org; it asks for secrets",
        "make: receivers.files-chat.telegram_configs[0]: sentinel channel add telegram files-chat "
        "--set chat_id=-1001; it asks for secrets",
        "differs: receivers.Shop mails: is called shop-mails",
        "differs: receivers.Shop mails.email_configs[0]: the end of alerts is sent, too, which "
        "Alertmanager did not",
        "differs: receivers.null: notifies nobody in Alertmanager, and the inbox here",
        "differs: receivers.dba.pushover_configs[0]: goes through Apprise: its address begins with "
        "pover://",
        "left out: receivers.Shop mails.email_configs[0]: html: texts in Go's template language",
        "left out: receivers.shop_pager.pagerduty_configs[0]: severity: texts in Go's template "
        "language",
        "left out: receivers.files-chat.slack_configs[0]: channel",
        "left out: receivers.files-chat.jira_configs[0]: Sentinel has no such channel",
        "left out: receivers.dba.webhook_configs[0]: max_alerts",
        "left out: route: labels",
        "left out: inhibit_rules[1]: has no target_matchers",
    ):
        assert line in lines
    ended = "the end of alerts is sent, too"
    assert not [one for one in lines if ended in one and ("shop_pager" in one or "chat" in one)]


def test_an_empty_group_by_below_the_first_route_is_that_of_the_route_above():
    # Alertmanager makes its list of an empty one to nothing (`config.Route.UnmarshalYAML`).
    below = "routes: [{matchers: [a=b], group_by: []}, {matchers: [a=c], group_by: [x]}]"
    text = f"route: {{receiver: a, group_by: [y], {below}}}\nreceivers: [{{name: a}}]"
    route = yaml.safe_load(imported(text).text)["route"]
    assert (route["group_by"], route["routes"]) == (
        ["y"], [{"matchers": ["a=b"]}, {"matchers": ["a=c"], "group_by": ["x"]}]
    )  # fmt: skip
    everything = imported(text.replace("[y]", "[]")).text
    assert yaml.safe_load(everything)["route"]["group_by"] == []


@pytest.mark.parametrize(
    ("address", "printed"),
    [
        ("https://events.eu.pagerduty.com/v2/enqueue", True),
        ("http://10.0.0.1:8080", True),
        (f"https://u:{SECRET}@pager.example/v2", False),
        (f"u:{SECRET}@pager.example", False),
        (f"https://pager.example/v2?token={SECRET}", False),
        (f"https://pager.example/v2#{SECRET}", False),
        (f"https://[{SECRET}", False),
    ],
)
@pytest.mark.parametrize(("kind", "field"), [("pagerduty", "url"), ("opsgenie", "api_url")])
def test_an_address_that_may_hold_a_secret_is_not_printed(
    address: str, printed: bool, kind: str, field: str
):
    one = {"name": "a", f"{kind}_configs": [{field: address}]}
    found = imported(yaml.safe_dump({"route": {"receiver": "a"}, "receivers": [one]}))
    lines = [str(note) for note in found.notes]
    assert SECRET not in found.text + "".join(lines)
    place = f"receivers.a.{kind}_configs[0]"
    (made,) = (one for one in lines if one.startswith("make: "))
    assert (f"--set url={address}" in made) == printed
    said = (
        f"differs: {place}: its {field} is not printed, as it may hold a secret: add it to the "
        "command as --set url=…"
    )
    assert (said in lines) != printed


# What amtool 0.25 says: `amtool config routes test --config.file=alertmanager.yml LABELS`.
@pytest.mark.parametrize(
    ("labels", "answer"),
    [
        ("service=cart severity=critical", "shop_pager"),
        ("service=cart severity=warning", "Shop mails"),
        ("service=cartoon", "Shop mails"),
        ("service=files", "files-chat"),
        ("service=database", "dba"),
        ("service=database owner=shop", "shop_pager"),
        ("service=database owner=web", "files-chat"),
        ("quiet=yes", "null"),
        ("service=files quiet=yes", "files-chat"),
    ],
)
def test_the_imported_tree_routes_as_amtool_says(found: Imported, labels: str, answer: str):
    document = read_notify({"n": found.text}).routes
    assert document is not None
    given = dict(one.split("=") for one in labels.split())
    ways = tried(RouteTree(document), None, given, datetime(2026, 1, 1, tzinfo=UTC), 1).ways
    assert [name for one in ways for name in one.receivers] == [found.receivers[answer]]


def test_random_trees_route_as_amtool_once_said():
    for text, answers in json.loads(ANSWERS.read_text("utf-8")).items():
        names = sorted(set(text.split()) & {f"r{number}" for number in range(100)})
        config = text + yaml.safe_dump({"receivers": [{"name": name} for name in names]})
        routes = yaml.safe_load(imported(config).text)
        tree = yaml.safe_dump({"route": routes["route"]}, allow_unicode=True)
        assert [ours(tree, labels) for labels, _ in answers] == [answer for _, answer in answers]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("receivers: []", "no configuration of an Alertmanager"),
        ("route: {receiver: a}\nreceivers: []", "route: the file has no receiver a"),
        ("route: {}\nreceivers: []", "has no receiver"),
        (
            "route: {receiver: a, routes: [{receiver: b}]}\nreceivers: [{name: a}]",
            "route.routes[0]: the file has no receiver b",
        ),
        ("route: {receiver: a}\nreceivers: [{name: a}, {name: a}]", "the receiver a twice"),
        (f"route: {{}}\nslack: '{SECRET}\n  x", "no YAML: found unexpected end of stream, line"),
    ],
)
def test_what_is_no_configuration_is_refused_without_quoting_it(text: str, names: str):
    with pytest.raises(ConfigurationError) as error:
        imported(text)
    assert names in str(error.value)
    assert SECRET not in str(error.value)
