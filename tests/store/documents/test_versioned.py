"""Versions of a document are the same for every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.documents.versioned import Applied, VersionedDocuments
from sentinel.store.notifications.routes import Routes
from sentinel.store.oncall.documents import OnCallDocuments

KINDS: dict[str, tuple[Callable[[Store], VersionedDocuments[Any]], str, str]] = {
    "routes": (Routes, "route: {receiver: default}", "route: {receiver: default, group_wait: 1s}"),
    "oncall": (
        OnCallDocuments,
        "people: {ann: {notify: [{receiver: default}]}}",
        "people: {ben: {notify: [{receiver: default}]}}",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_versions_are_kept_paged_expected_and_rolled_back(store: Store, kind: str):
    of_store, first, second = KINDS[kind]
    documents = of_store(store)
    with pytest.raises(NotFound, match=r"there (are|is) no "):
        documents.version()
    assert documents.rollback(0, actor="ann") == Applied(number=0, changed=False)
    assert documents.apply(first, actor="ann", note="one").number == 1
    assert documents.apply(first, actor="ben") == Applied(number=1, changed=False)
    assert documents.apply(second, actor="ben", check=documents.expecting(1)).number == 2
    stale = documents.expecting(1)
    with pytest.raises(Conflict, match=r"version 2 of .* is active, not 1"):
        documents.apply(first, actor="cem", check=stale)
    with pytest.raises(Conflict, match=r"version 2 of .* is active, not 1"):
        documents.rollback(1, actor="cem", check=stale)
    for empty in ("", " \n", "# people: {}"):
        with pytest.raises(ConfigurationError, match=r": no YAML with names and values"):
            documents.apply(empty, actor="cem")
    assert documents.version().number == 2
    assert documents.rollback(1, actor="cem", check=documents.expecting(None)).number == 3
    assert documents.rollback(0, actor="cem").number == 4
    assert [documents.version(number).document for number in (None, 3, 2)] == ["", first, second]
    newest = documents.history(2)
    assert [(one.number, one.document, one.rolled_back_to) for one in newest] == [
        (4, "", 0), (3, "", 1)
    ]  # fmt: skip
    assert [one.note for one in documents.history(before=3)] == ["", "one"]
    with pytest.raises(NotFound, match="there is no version 9 of "):
        documents.rollback(9, actor="cem")
    rows = page(store, AuditFilter(actions=(f"{kind}.applied",))).items
    assert [(one.object_id, one.actor) for one in rows] == [
        ("4", "cem"), ("3", "cem"), ("2", "ben"), ("1", "ann")
    ]  # fmt: skip
