"""The same requests to Debian's Alertmanager and to Sentinel; the answers must be the same.

`alertmanager_answers.json` holds the answers of Alertmanager 0.25 for where it is not installed;
run `python -m tests.api.alertmanager.test_against_alertmanager` to write them anew. Moments are
compared as seconds from the begin, ids by the order in which they come up, and of what Go's parser
says only that it refuses.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from functools import cache, partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.notifications.routes import Routes
from tests.api.alertmanager.sides import ALERTMANAGER, ROUTES, Side, as_json, real_alertmanager
from tests.databases import both_databases

ANSWERS = Path(__file__).with_name("alertmanager_answers.json")
Scenario = Callable[[Side, str], list[Any]]


def labels(name: str, **more: str) -> dict[str, str]:
    return {"alertname": name, **more}


def an_alert_without_moments_begins_now_and_lasts_for_the_resolve_timeout(side: Side, name: str):
    posted = {
        "labels": labels(name, instance="x", empty=""), "annotations": {"summary": "t"},
        "generatorURL": "http://p:9090/graph?g0.expr=up",
    }  # fmt: skip
    return [side.post(posted), side.alerts(name)]


def what_cannot_be_an_alert_is_refused(side: Side, name: str):
    bad: list[Any] = [
        [], [{}], {}, [{"labels": {}}], [{"labels": {"alertname": 1}}],
        [{"labels": labels(name), "startsAt": "soon"}],
        [{"labels": labels(name), "generatorURL": "::bad"}],
        [{"labels": labels(name), "startsAt": side.at(60), "endsAt": side.at(30)}],
        [{"labels": {"": "x"}}],
    ]  # fmt: skip
    kinds = {"content-type": "application/json"}, {"content-type": "text/plain"}
    return [
        *(side.ask("POST", "alerts", one) for one in bad),
        *(side.ask("POST", "alerts", content=b"nope", headers=one) for one in kinds),
        side.alerts(name),
    ]


def valid_alerts_are_taken_although_others_of_the_request_are_not(side: Side, name: str):
    return [side.post({"labels": labels(name)}, {"labels": {}}), side.alerts(name)]


def the_start_of_the_year_one_is_now(side: Side, name: str):
    zero = "0001-01-01T00:00:00.000Z"
    return [
        side.post({"labels": labels(name), "startsAt": zero, "endsAt": zero}),
        side.alerts(name),
    ]


def an_end_in_the_past_resolves(side: Side, name: str):
    first = side.post({"labels": labels(name), "startsAt": side.at(-600)})
    shown = side.alerts(name)
    over = side.post({"labels": labels(name), "startsAt": side.at(-600), "endsAt": side.at(-1)})
    return [first, shown, over, side.alerts(name)]


def an_alert_is_over_at_its_end(side: Side, name: str):
    posted = side.post({"labels": labels(name), "endsAt": side.at(1)})
    side.later(1.5)
    return [posted, side.alerts(name)]


def the_earliest_start_counts(side: Side, name: str):
    return [
        side.post({"labels": labels(name), "startsAt": side.at(start), "endsAt": side.at(600)})
        for start in (-100, -300, -200)
    ] + [side.alerts(name)]


def the_latest_announced_end_counts(side: Side, name: str):
    found: list[Any] = []
    for end in (600, 1200, 900):
        side.post({"labels": labels(name), "startsAt": side.at(-60), "endsAt": side.at(end)})
        found.append(side.alerts(name))
    return found


def a_post_without_an_end_does_not_shorten_an_announced_one(side: Side, name: str):
    side.post({"labels": labels(name), "startsAt": side.at(-60), "endsAt": side.at(1200)})
    side.post({"labels": labels(name), "startsAt": side.at(-60)})
    return [side.alerts(name)]


def an_announced_end_replaces_the_resolve_timeout(side: Side, name: str):
    side.post({"labels": labels(name), "startsAt": side.at(-60)})
    side.post({"labels": labels(name), "startsAt": side.at(-60), "endsAt": side.at(100)})
    return [side.alerts(name)]


def new_texts_replace_the_old_ones(side: Side, name: str):
    for text in ("one", "two"):
        side.post({"labels": labels(name), "startsAt": side.at(-60), "annotations": {"a": text}})
    return [side.alerts(name)]


def alerts_are_filtered_by_matchers(side: Side, name: str):
    for one in ("a", "b", "ab"):
        side.post({"labels": labels(name, host=one)})
    filters = (
        'host="a"', 'host!="a"', 'host=~"a.*"', 'host=~"b"', 'host!~"a.*"', "host=a", 'other=""',
        'other!=""', 'host=~"a|b"',
    )  # fmt: skip
    shown = [side.alerts(name, f"&filter={one}") for one in filters]
    return [
        *([one["labels"]["host"] for one in some] for some in shown),
        side.ask("GET", "alerts?filter=bad%20filter"),
        side.ask("GET", "alerts/groups?filter=bad%20filter"),
    ]


def alerts_are_filtered_by_receiver(side: Side, name: str):
    side.post({"labels": labels(name, team="db")}, {"labels": labels(name)})
    some = [side.alerts(name, f"&receiver={one}") for one in ("dbas", "db", ".*", "default")]
    return [some, side.ask("GET", "alerts?receiver=%5B")[0]]


def what_is_silenced_is_suppressed_until_the_silence_is_expired(side: Side, name: str):
    side.post({"labels": labels(name, host="a")}, {"labels": labels(name, host="b")})
    made = side.raw("POST", "silences", silence(side, name, ("host", "a")))[1]["silenceID"]
    flags = ("&active=false", "&silenced=false", "&inhibited=false", "&active=maybe",
             "&silenced=1&active=0", "&unprocessed=false")  # fmt: skip
    found = [side.alerts(name), *(side.alerts(name, one) for one in flags)]
    return [
        *found, side.ask("GET", f'silences?filter=alertname="{name}"'),
        side.ask("DELETE", f"silence/{made}"), side.ask("DELETE", f"silence/{made}"),
        side.ask("GET", f"silence/{made}"), side.alerts(name),
        side.ask("GET", f'silences?filter=alertname="{name}"'),
        side.ask("GET", f'silences?filter=alertname="{name}"&filter=host="b"'),
        side.ask("GET", "silences?filter=bad%20filter"),
    ]  # fmt: skip


def what_is_inhibited_names_the_alert_that_inhibits_it(side: Side, name: str):
    both = {"inhibits": name}
    side.post({"labels": labels(name, severity="warning", **both)})
    alone = side.alerts(name)
    side.post({"labels": labels(f"{name}Cause", severity="critical", **both)})
    return [
        alone, side.alerts(name), side.alerts(name, "&inhibited=false"),
        side.alerts(name, "&active=false"),
    ]  # fmt: skip


def groups_have_the_labels_of_their_route_and_a_receiver(side: Side, name: str):
    side.post({"labels": labels(name, host="a")}, {"labels": labels(name, host="b")},
              {"labels": labels(name, team="db")})  # fmt: skip
    found = [
        side.ask("GET", f'alerts/groups?filter=alertname="{name}"{more}')[1]
        for more in ("", "&receiver=dbas", "&active=false", '&filter=host="a"')
    ]
    for groups in found:
        for group in groups:  # in no order there
            group["alerts"] = sorted(group["alerts"], key=itemgetter("fingerprint"))
    return found


def silence(side: Side, name: str, *more: tuple[str, str], **fields: Any) -> dict[str, Any]:
    return {
        "matchers": [
            {"name": label, "value": text, "isRegex": False, "isEqual": True}
            for label, text in (("alertname", name), *more)
        ],
        "startsAt": side.at(-5), "endsAt": side.at(3600), "createdBy": "ann", "comment": "work",
        **fields,
    }  # fmt: skip


def a_silence_keeps_its_id_while_its_matchers_and_its_start_are_the_same(side: Side, name: str):
    def put(**fields: Any) -> tuple[int, Any]:
        return side.ask("POST", "silences", silence(side, name, **fields))

    first = side.raw("POST", "silences", silence(side, name))[1]["silenceID"]
    start = side.raw("GET", f"silence/{first}")[1]["startsAt"]
    other = silence(side, f"{name}Other")["matchers"]
    ahead = side.raw("POST", "silences", silence(side, name, startsAt=side.at(100)))[1]["silenceID"]
    return [
        side.ask("GET", f"silence/{first}"),
        put(id=first, startsAt=start, endsAt=side.at(60), comment="longer"),
        side.ask("GET", f"silence/{first}"),
        put(id=first),  # it begins anew
        side.ask("GET", f"silence/{first}"),
        put(id=first, startsAt=start),  # which is over
        put(id=ahead, startsAt=side.at(200), endsAt=side.at(300)),
        side.ask("GET", f"silence/{ahead}"),
        put(id=ahead, startsAt=side.at(200), matchers=other),
        put(id="00000000-0000-0000-0000-000000000000"),
        put(id="zzz"),
        *(
            sorted(side.ask("GET", f"silences?filter=alertname{one}")[1], key=itemgetter("id"))
            for one in (f'="{name}"', f'="{name}Other"', f'=~"{name}"', f'!="{name}"')
        ),
    ]


def what_cannot_be_a_silence_is_refused(side: Side, name: str):
    def matcher(**fields: Any) -> list[dict[str, Any]]:
        return [{"name": "a", "value": "b", "isRegex": False, **fields}]

    bad: list[dict[str, Any]] = [
        {"matchers": []}, {"matchers": matcher(value="")},
        {"matchers": matcher(value=".*", isRegex=True)}, {"matchers": [{"name": "a"}]},
        {"comment": None}, {"createdBy": None},
        {"endsAt": None}, {"startsAt": None}, {"startsAt": side.at(60), "endsAt": side.at(30)},
        {"startsAt": side.at(-60), "endsAt": side.at(-30)},
    ]  # fmt: skip
    regex = silence(side, name, matchers=matcher(value="[", isRegex=True))
    return [
        *(side.ask("POST", "silences", silence(side, name, **one)) for one in bad),
        side.ask("POST", "silences", regex)[0],
        side.ask("POST", "silences", content=b"nope", headers={"content-type": "application/json"}),
        side.ask("GET", "silence/zzz"), side.ask("DELETE", "silence/zzz"),
        side.ask("GET", "silence/00000000-0000-0000-0000-000000000000"),
    ]  # fmt: skip


def the_status_has_what_pages_ask_of_it(side: Side, name: str):
    _, said = side.raw("GET", "status")
    shape: dict[str, list[str]] = {
        one: sorted(said[one]) for one in ("cluster", "config", "versionInfo")
    }
    shape["cluster"] = [one for one in shape["cluster"] if one != "name"]  # as there is none
    return [sorted(said), shape, said["cluster"]["status"], said["versionInfo"]["version"]]


def the_receivers_are_listed(side: Side, name: str):
    _, said = side.raw("GET", "receivers")
    return sorted(one["name"] for one in said)


def it_says_that_it_is_healthy_and_ready(side: Side, name: str):
    found = [side.client.get(f"-/{one}") for one in ("healthy", "ready")]
    return [(one.status_code, one.text.strip()) for one in found]


SCENARIOS: dict[str, Scenario] = {
    one.__name__: one
    for one in (
        an_alert_without_moments_begins_now_and_lasts_for_the_resolve_timeout,
        what_cannot_be_an_alert_is_refused,
        valid_alerts_are_taken_although_others_of_the_request_are_not,
        the_start_of_the_year_one_is_now,
        an_end_in_the_past_resolves,
        an_alert_is_over_at_its_end,
        the_earliest_start_counts,
        the_latest_announced_end_counts,
        a_post_without_an_end_does_not_shorten_an_announced_one,
        an_announced_end_replaces_the_resolve_timeout,
        new_texts_replace_the_old_ones,
        alerts_are_filtered_by_matchers,
        alerts_are_filtered_by_receiver,
        what_is_silenced_is_suppressed_until_the_silence_is_expired,
        what_is_inhibited_names_the_alert_that_inhibits_it,
        groups_have_the_labels_of_their_route_and_a_receiver,
        a_silence_keeps_its_id_while_its_matchers_and_its_start_are_the_same,
        what_cannot_be_a_silence_is_refused,
        the_status_has_what_pages_ask_of_it,
        the_receivers_are_listed,
        it_says_that_it_is_healthy_and_ready,
    )
}


def answered(side: Side, scenario: str) -> Any:
    """What a side answers, with the ids of this scenario alone."""
    one = Side(side.client, side.now, side.later)
    return as_json(SCENARIOS[scenario](one, f"Alert{list(SCENARIOS).index(scenario)}x"))


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Generator[Callable[[str], Any]]:
    """The answers of Alertmanager, or those that are kept of it."""
    if ALERTMANAGER is None:
        kept = json.loads(ANSWERS.read_text())
        yield kept.__getitem__
        return
    with real_alertmanager(tmp_path_factory.mktemp("alertmanager")) as side:
        yield cache(partial(answered, side))  # for both databases


@pytest.fixture
def ours(client: httpx.Client, store: Store, clock: FakeClock) -> Side:
    """Sentinel, whose clock is that of the machine at first and then moves when told."""
    clock.set(datetime.now(UTC))
    store.receivers.set("dbas", ["inbox"])
    Routes(store).apply(ROUTES, actor="ann")
    client.base_url = client.base_url.join("/alertmanager/")

    def later(seconds: float) -> None:
        clock.forward(seconds=seconds)
        store.sweep()

    return Side(client, clock.now, later)


@both_databases
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_sentinel_answers_as_alertmanager_does(
    ours: Side, theirs: Callable[[str], Any], scenario: str
):
    assert answered(ours, scenario) == theirs(scenario)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as given, real_alertmanager(Path(given)) as real:
        found = {scenario: answered(real, scenario) for scenario in SCENARIOS}
    ANSWERS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
