"""Documents of receivers and routes, applied to the database."""

from __future__ import annotations

import pytest

from sentinel.errors import ConfigurationError, Conflict
from sentinel.notifications.notify_document import read_notify
from sentinel.store import Store
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.notifications.notify_documents import apply_document, plan_document
from sentinel.store.notifications.routes import Routes
from sentinel.store.oncall.documents import OnCallDocuments
from tests.databases import both_databases

DOCUMENT = """
receivers:
  - {name: db, channels: [inbox]}
route:
  receiver: default
  routes:
    - {matchers: [team="db"], receiver: db}
"""


@both_databases
def test_a_document_is_applied_at_once_and_only_where_it_differs(store: Store):
    store.receivers.set("by-hand", ["inbox"], actor="ada")
    document = read_notify({"notify.yaml": DOCUMENT})
    plan = plan_document(store, document)
    assert Routes(store).tree() is None
    assert apply_document(store, document, actor="ci", note="first") == plan
    assert [one.sign for one in plan] == ["+", "+", "+"]
    number = store.change_number()
    assert apply_document(store, document, actor="ci") == []
    assert (plan_document(store, document), store.change_number()) == ([], number)
    assert Routes(store).version().note == "first"
    actions = [one.action for one in page(store, AuditFilter()).items]
    assert actions == ["routes.applied", "receiver.set", "receiver.set"]
    # Edited elsewhere, it is a difference again.
    store.receivers.set("db", ["sentinel-slack/db"], actor="eve")
    Routes(store).rollback(0, actor="eve")
    assert [str(one) for one in plan_document(store, document)] == [
        "~ receiver db: +inbox, -sentinel-slack/db, the document owns it from now on",
        "+ route {}: receiver default",
        '+ route {}/{team="db"}: receiver db',
    ]
    apply_document(store, document, actor="ci")
    # All of it or nothing: the receiver is still named when it would be gone.
    broken = read_notify({"n": DOCUMENT.replace("name: db", "name: dba")})
    with pytest.raises(ConfigurationError, match="there is no receiver db"):
        apply_document(store, broken, actor="ci")
    assert set(store.receivers.all()) == {"by-hand", "db", "default"}
    gone = read_notify({"n": "receivers: []\nroute: {receiver: default}"})
    assert [str(one) for one in apply_document(store, gone, actor="ci")] == [
        "- receiver db",
        '- route {}/{team="db"}',
    ]
    assert set(store.receivers.all()) == {"by-hand", "default"}


def test_a_receiver_that_the_on_call_document_names_is_not_removed(store: Store):
    document = read_notify({"n": DOCUMENT.replace('team="db"', 'team="x"')})
    apply_document(store, document, actor="ci")
    on_call = "people: {ann: {notify: [{receiver: db}, {receiver: default}]}}"
    OnCallDocuments(store).apply(on_call, actor="ann")
    gone = read_notify({"n": "receivers: []\nroute: {receiver: default}"})
    with pytest.raises(Conflict, match="the on-call document names the receiver 'db'"):
        apply_document(store, gone, actor="ci")
    with pytest.raises(Conflict):
        store.receivers.remove("db")
    assert plan_document(store, document) == []
    # The default one is there without being stored, too.
    store.receivers.set("default", ["sentinel-webhook/x"])
    store.receivers.remove("default")
    OnCallDocuments(store).apply("", actor="ann")
    apply_document(store, gone, actor="ci")
    assert set(store.receivers.all()) == {"default"}
