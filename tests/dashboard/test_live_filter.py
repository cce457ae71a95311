"""The view of the live page, and what is typed to find alerts."""

from __future__ import annotations

import pytest

from dashboard.history_query import HistoryQuery
from dashboard.live_filter import View
from sentinel.errors import ConfigurationError
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.search_syntax import read_search


def test_a_view_survives_its_own_address():
    view = View(q='rule:cpu "a b"', severity=("critical", "low"), mine=True, suppressed=True,
                sort="age-down", group="label:host", limit=1000)  # fmt: skip
    assert View.read(view.parameters()) == view


def test_a_plain_view_has_a_plain_address():
    assert View().parameters() == {}


@pytest.mark.parametrize(
    "given",
    [{"severity": "worst"}, {"sort": "secret-up"}, {"sort": "age"}, {"group": "x"},
     {"limit": "many"}, {"mine": "perhaps"}, {"nothing": "known"}],
)  # fmt: skip
def test_what_means_nothing_in_an_address_is_not_there(given: dict[str, str]):
    assert View.read(given) == View()


def test_somebody_cannot_ask_for_everything_at_once():
    assert View.read({"limit": "1000000"}).limit == 5000


def test_suppressed_alerts_are_shown_on_request():
    assert "suppressed" not in View().filter("maria").status
    assert "suppressed" in View(suppressed=True).filter("maria").status


def test_mine_is_what_is_assigned_to_me():
    assert View(mine=True).filter("maria").assignee == "maria"
    assert View(q="assignee:me").filter("maria").assignee == "maria"


def test_words_fields_and_labels_are_told_apart():
    asked = read_search('full "file system" rule:disk severity:high,low host:web-1 http://x/y')
    assert asked.words == ("full", "file system", "http://x/y")
    assert (asked.rule, asked.severity, asked.labels) == (
        "disk",
        ("high", "low"),
        (("host", "web-1"),),
    )


def test_a_search_is_read_whole_or_refused():
    with pytest.raises(ConfigurationError, match="at most 12 terms"):
        read_search("x " * 13)
    with pytest.raises(ConfigurationError, match="at most 300 characters"):
        View.read({"q": "x" * 301}).filter("maria")
    assert read_search('"" : :: a:"" \x00').words


@pytest.mark.parametrize("strange", [5, True, {"a": 1}, [["x"], None, 7], "\x00", "x" * 9000, -1.5])
@pytest.mark.parametrize(
    "name", ["q", "severity", "mine", "suppressed", "sort", "group", "limit", "nothing"]
)
def test_whatever_a_browser_sends_is_a_view(name: str, strange: object):
    view = View.read({name: strange})
    assert View.read(view.parameters()) == view
    if len(view.q) <= 300:
        assert view.filter("maria").status


GROUP = "01a22796b16b7ebd94f7f052a118dbd1"


def test_the_link_of_a_message_finds_the_whole_group():
    view = View.read({"group": GROUP})
    assert view.parameters() == {"q": f"group:{GROUP}"}
    asked = view.filter("maria")
    assert (asked.group, {"suppressed", "resolved"} - set(asked.status)) == (GROUP, set())


def test_a_label_named_group_is_still_a_label():
    asked = read_search("group:web")
    assert (asked.group, asked.labels) == ("", (("group", "web"),))


def test_each_alternative_of_or_says_which_alerts_it_means():
    asked = View.read({"q": f"status:suppressed OR rule:disk OR group:{GROUP}"}).filter("maria")
    suppressed, disk, group = asked.any_of
    assert suppressed.status == ("suppressed",)
    assert disk.status == ("open", "escalated", "acknowledged")
    assert "resolved" in group.status
    assert set(asked.status) >= {*suppressed.status, *disk.status, *group.status}


def test_what_is_typed_narrows_what_is_pressed():
    view = View(q="severity:critical assignee:bob disk", severity=("high",), mine=True)
    asked = view.filter("maria")
    assert (asked.severity, asked.assignee, asked.words) == (("high",), "maria", ("disk",))
    assert asked.all_of == (AlertFilter(severity=("critical",), assignee="bob"),)
    query = HistoryQuery(
        q="severity:critical status:open", severity=("high",), status=("resolved",)
    )
    asked = query.filter("maria")
    assert (asked.severity, asked.status) == (("high",), ("resolved",))
    assert asked.all_of == (AlertFilter(severity=("critical",), status=("open",)),)
