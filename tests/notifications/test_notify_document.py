"""Documents of receivers and routes: read from files, and compared with what is stored."""

from __future__ import annotations

import pytest

from sentinel.errors import ConfigurationError
from sentinel.notifications.notify_document import read_notify
from sentinel.notifications.notify_plan import PresentReceiver, differences

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
