"""Documents of receivers and routes: read from files, and compared with what is stored."""

from __future__ import annotations

import pytest

from sentinel.errors import ConfigurationError
from sentinel.notifications.notify_document import read_notify
from sentinel.notifications.notify_plan import PresentReceiver, differences
from sentinel.notifications.route_document import RouteDocument, read_routes

RECEIVERS = """
receivers:
  - {name: db, channels: [inbox, sentinel-slack/db], description: the db team}
  - {name: web, channels: [inbox]}
"""
ROUTES = """
route:
  receiver: default
  routes:
    - matchers: [team="db"]
      receiver: db
      routes:
        - {matchers: ['severity="critical"'], receiver: [db, web]}
    - {matchers: [team="web"], receiver: web, mute_time_intervals: [nights]}
defaults:
  owner: {ada: db}
inhibit_rules:
  - {source_matchers: [severity="critical"], target_matchers: [severity="low"], equal: [host]}
time_intervals:
  - name: nights
    time_intervals: [{times: [{start_time: "00:00", end_time: "06:00"}]}]
tests:
  - {name: db, labels: {team: db}, receivers: db}
"""
STORED = {
    "db": PresentReceiver(
        channels=["inbox", "sentinel-slack/db"], description="the db team", source="file"
    ),
    "web": PresentReceiver(channels=["inbox"], description="", source="file"),
    "by-hand": PresentReceiver(channels=["inbox"], description="", source="ui"),
}


def planned(before: str, after: str) -> list[str]:
    active = read_notify({"before": before}).routes
    return [str(one) for one in differences(read_notify({"after": after}), STORED, active)]


def test_what_is_stored_already_is_no_difference_however_it_is_written():
    assert planned(ROUTES, RECEIVERS + ROUTES.replace('[team="web"]', "['team = \"web\"']")) == [
        "~ route: the same, written otherwise"
    ]
    assert planned(ROUTES, RECEIVERS + ROUTES + "# a comment\n") == []
    assert planned(ROUTES, RECEIVERS) == []
    assert planned(ROUTES, ROUTES) == []


def test_each_part_that_differs_is_one_line():
    after = RECEIVERS + ROUTES
    for old, new in (
        ("sentinel-slack/db", "sentinel-email/db"),
        ("name: web", "name: www"),
        ("receiver: [db, web]", "receiver: [db, www], continue: true, repeat_interval: 1h"),
        ('team="web"', 'team="www"'),
        ("{ada: db}", "{bob: db}"),
        ("06:00", "07:00"),
        ("[host]", "[cluster]"),
        ("name: db, labels", "name: dba, labels"),
    ):
        assert old in after
        after = after.replace(old, new)
    assert planned(ROUTES, after) == [
        "~ receiver db: +sentinel-email/db, -sentinel-slack/db",
        "+ receiver www: inbox",
        "- receiver web",
        '~ route {}/{team="db"}/{severity="critical"}: continue nothing -> true; '
        "receiver db, web -> db, www; repeat_interval nothing -> 1h",
        '+ route {}/{team="www"}: receiver web; mute_time_intervals nights',
        '- route {}/{team="web"}',
        "+ default owner bob: receiver db",
        "- default owner ada",
        '~ time interval nights: time_intervals {"times":[{"start_time":0,"end_time":360}],'
        '"location":"UTC"} -> {"times":[{"start_time":0,"end_time":420}],"location":"UTC"}',
        '~ inhibit rule severity="critical" mutes severity="low": equal host -> cluster',
        '+ test dba: labels {"team":"db"}; receivers db',
        "- test db",
    ]


EVERY_PART = {
    "route": "{receiver: default, routes: [{matchers: [a=b], receiver: db}]}",
    "owners": "'disk-* infra'",
    "defaults": "{team: {x: db}}",
    "time_intervals": "[{name: n, time_intervals: [{weekdays: [monday]}]}]",
    "inhibit_rules": "[{source_matchers: [a=b], target_matchers: [a=c]}]",
    "dependencies": "[{upstream: {service: db}, downstream: [{service: web}, {deployment: f/d}]}]",
    "tests": "[{labels: {a: b}, receivers: db}]",
}
GONE = {
    "route": '- route {}/{a="b"}',
    "owners": "- owner disk-*",
    "defaults": "- default team x",
    "time_intervals": "- time interval n",
    "inhibit_rules": "- inhibit rule a=b mutes a=c",
    "dependencies": '- dependency service="db"',
    "tests": "- test 1",
}


def written(parts: dict[str, str]) -> str:
    return "".join(f"{part}: {value}\n" for part, value in parts.items())


def test_whatever_routes_may_say_is_part_of_a_document_and_of_a_plan():
    assert EVERY_PART.keys() == RouteDocument.model_fields.keys()
    whole = written(EVERY_PART)
    document = read_notify({"n": whole})
    assert document.routes == read_routes(whole) == read_routes(document.text)
    without = {**EVERY_PART, "route": "{receiver: default}"}
    for part in EVERY_PART:
        left = {name: value for name, value in EVERY_PART.items() if name != part}
        if part == "route":
            left = {**without, "tests": "[]"}
        assert GONE[part] in planned(whole, written(left))
        assert planned(written(left), written(left)) == []
    # A list may lie in several files, whichever it is.
    parts = {part: f"{part}: {value}" for part, value in EVERY_PART.items()}
    more = read_notify({**parts, "more": f"dependencies: {EVERY_PART['dependencies']}"}).routes
    assert more is not None
    assert len(more.dependencies) == 2
    changed = EVERY_PART["dependencies"].replace("web", "till")
    assert planned(whole, written({**EVERY_PART, "dependencies": changed})) == [
        '~ dependency service="db": downstream service="web", deployment="f/d" -> '
        'service="till", deployment="f/d"'
    ]


def test_the_order_of_owners_and_what_is_there_twice_are_differences():
    def owners(*lines: str) -> str:
        return "route: {receiver: default}\nowners: |\n" + "".join(f"  {one}\n" for one in lines)

    disk, all_of_it = "disk-* infra", "* platform"
    assert planned(owners(disk, all_of_it), owners(all_of_it, disk)) == [
        "~ owner: the order of the owners"
    ]
    assert planned(owners(all_of_it, disk), owners(disk, all_of_it, "disk-* web")) == [
        "+ owner disk-* (2): owner web",
        "~ owner: the order of the owners",
    ]
    assert planned(owners(disk, "disk-* web"), owners(disk)) == ["- owner disk-* (2)"]

    def rules(*more: str) -> str:
        rule = "source_matchers: [a=b], target_matchers: [a=c]"
        listed = ", ".join(f"{{{rule}, {one}}}" for one in more)
        return f"route: {{receiver: default}}\ninhibit_rules: [{listed}]"

    assert planned(rules("equal: [x]"), rules("equal: [x]", "equal: [y]")) == [
        "+ inhibit rule a=b mutes a=c (2): source_matchers a=b; target_matchers a=c; equal y"
    ]
    assert planned(rules("name: n", "name: n, equal: [y]"), rules("name: n")) == [
        "- inhibit rule n (2)"
    ]
    test = "{name: t, labels: {a: b}, receivers: default}"
    tests = "route: {{receiver: default}}\ntests: [{}]"
    assert planned(tests.format(test), tests.format(f"{test}, {test}")) == [
        '+ test t (2): labels {"a":"b"}; receivers default'
    ]


def test_one_group_of_everything_is_not_what_the_route_above_groups_by():
    above = "route: {{receiver: default, group_by: [a], routes: [{{matchers: [a=b]{}}}]}}"
    assert planned(above.format(""), above.format(", group_by: []")) == [
        '~ route {}/{a="b"}: group_by nothing -> []'
    ]


def test_the_order_of_routes_is_a_difference():
    turned = """
route:
  receiver: default
  routes:
    - {matchers: [team="web"], receiver: web}
    - {matchers: [team="db"], receiver: db}
"""
    plain = """
route:
  receiver: default
  routes:
    - {matchers: [team="db"], receiver: db}
    - {matchers: [team="web"], receiver: web}
"""
    assert planned(plain, turned) == ["~ route: the order of the routes"]


def test_a_receiver_made_by_hand_is_left_or_taken_over():
    mine = "receivers: [{name: by-hand, channels: [inbox]}]"
    assert planned(ROUTES, mine) == [
        "~ receiver by-hand: the document owns it from now on",
        "- receiver db",
        "- receiver web",
    ]


def test_files_are_one_document():
    whole = read_notify({"one": RECEIVERS + ROUTES})
    parts = read_notify({"a": RECEIVERS, "b": ROUTES, "c": "defaults: {team: {x: db}}\ntests: []"})
    assert parts.receivers == whole.receivers
    assert parts.routes is not None
    assert whole.routes is not None
    assert parts.routes.route == whole.routes.route
    assert parts.routes.defaults.team == {"x": ["db"]}
    assert parts.routes.defaults.owner == {"ada": ["db"]}


SECRET = "https://hooks.slack.example/T0/B0/s3cret"


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"a": RECEIVERS, "b": RECEIVERS}, "receivers db is in a and in b"),
        ({"a": ROUTES, "b": "route: {receiver: x}"}, "the part route is in a and in b"),
        ({"a": ROUTES, "b": "defaults: {owner: {ada: web}}"}, "defaults.owner ada is in a and"),
        ({"a": "receivers: [{name: x, channels: [inbox]}, {name: x}]"}, "x is twice in a"),
        ({"a": "global: {}"}, "a: global is no part of a document"),
        ({"a": "defaults: {team: {a: b}}"}, "a: defaults without route:"),
        ({"a": "receivers: {}"}, "a: receivers must be a list"),
        (
            {"a": ROUTES.replace("receivers: db}", "receivers: x}")},
            "a: test 'db': notifies db, not",
        ),
        ({"a": f"receivers: [{{name: x, channels: ['{SECRET}']}}]"}, "secrets stay in the block"),
        ({"a": "receivers: [{name: X, channels: [inbox]}]"}, "receivers.0.name"),
        ({"a": "receivers: [{name: x, channels: [inbox], url: y}]"}, "receivers.0.url"),
    ],
)
def test_what_is_wrong_is_named_with_its_file_and_without_secrets(
    files: dict[str, str], names: str
):
    with pytest.raises(ConfigurationError) as error:
        read_notify(files)
    assert names in error.value.message
    assert "s3cret" not in str(error.value)


def test_limits_and_templates_that_cannot_be_are_refused_with_their_place():
    of = "receivers: [{name: a, channels: [inbox], WRONG}]"
    for wrong, said in (
        ("per_minute: -1", "receivers.0.per_minute"),
        ("per_minute: 100001", "receivers.0.per_minute"),
        ("per_minute: true", "receivers.0.per_minute"),
        ("per_minute: none", "receivers.0.per_minute"),
        ("templates: {all: {}}", "receivers.0.templates.all: .*the template is empty"),
        ("templates: {all: {title: '{nothing}'}}", r"line 1, column 2: \{nothing\} is unknown"),
        ("templates: {https://x.example/b: {nothing: x}}", "templates: is no channel"),
        ("templates: {slack-webhook/b: {title: x}}", "all or a channel of a, not 'slack-webhook/b"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            read_notify({"n": of.replace("WRONG", wrong)})
    for wrong, said in (
        ("[inbox]", "channel_limits"),
        ("{https://x.example/secret: 1}", "is no channel"),
        ("{5: 1}", "is no channel"),
        ("{all: 1}", "is no channel"),
        ("{inbox: 1.5}", "channel_limits.inbox"),
    ):
        with pytest.raises(ConfigurationError, match=said) as refused:
            read_notify({"n": f"channel_limits: {wrong}"})
        assert "x.example" not in refused.value.message
    one, two = "channel_limits: {inbox: 1}", "channel_limits: {inbox: 2}"
    with pytest.raises(ConfigurationError, match="channel_limits inbox is in one and in two"):
        read_notify({"one": one, "two": two})
