"""Saved views: filters of a page that a person named."""

from __future__ import annotations

import pytest

from sentinel.errors import ConfigurationError, NotFound
from sentinel.store import Store
from sentinel.store.saved_views import MOST_VIEWS


def test_a_view_is_its_owners_and_its_pages(store: Store):
    assert store.views.save("maria", "live", "mine, bad", "severity=critical&mine=yes")
    assert store.views.save("maria", "history", "mine, bad", "find=disk")
    assert store.views.save("lena", "live", "all", "")
    found = [(one.page, one.name, one.query) for one in store.views.of("maria")]
    assert found == [
        ("history", "mine, bad", "find=disk"),
        ("live", "mine, bad", "severity=critical&mine=yes"),
    ]


def test_saving_under_a_known_name_replaces_it(store: Store):
    store.views.save("maria", "live", "bad", "q=a")
    assert not store.views.save("maria", "live", " bad ", "q=b")
    assert [one.query for one in store.views.of("maria")] == ["q=b"]


def test_removing_a_view_returns_its_query(store: Store):
    store.views.save("maria", "live", "bad", "q=a")
    assert store.views.remove("maria", "live", "bad") == "q=a"
    assert store.views.of("maria") == []
    with pytest.raises(NotFound, match="no saved view 'bad'"):
        store.views.remove("maria", "live", "bad")


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\0b"])
def test_an_invalid_name_is_refused(store: Store, name: str):
    with pytest.raises(ConfigurationError, match="no name for a view"):
        store.views.save("maria", "live", name, "")


def test_one_person_has_a_limited_number_of_views(store: Store):
    for number in range(MOST_VIEWS):
        store.views.save("maria", "live", f"view {number}", "")
    with pytest.raises(ConfigurationError, match="100 saved views"):
        store.views.save("maria", "live", "one more", "")
    assert not store.views.save("maria", "live", "view 3", "q=x")
    assert store.views.save("lena", "live", "one more", "")
