"""All changes on the audit page: who, by which door, and what differs before and after."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.reports import Reports
from dashboard.sign_in import SignIn
from sentinel.access import Principal, Role
from sentinel.alerts.actions import Acknowledge
from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError
from sentinel.settings import settings
from sentinel.store.access.people import People
from sentinel.store.access.sessions import Begun
from sentinel.store.audit.chaining import chain
from sentinel.store.audit.queries import AuditFilter
from tests.dashboard.scene import Scene, shown

PASSWORD = "seven green bicycles"


def opened(page: AppTest) -> AppTest:
    page.run().switch_page("audit.py").run()
    page.session_state["audit-view"] = "All changes"
    page.run()
    shown(page)
    return page


def column(page: AppTest, name: str) -> list[str]:
    return list(page.dataframe[0].value[name])


def test_changes_of_all_kinds_are_listed_with_who_and_by_which_door(scene: Scene, page: AppTest):
    assert "No changes yet" in shown(opened(page))
    alert = scene.raises("disk")
    scene.store.act([alert], Acknowledge(actor="lena", comment="on it"))
    scene.store.receivers.set("ops", ["inbox"], actor="omar")
    page.run()
    assert column(page, "Actor") == ["omar", "lena"]
    assert column(page, "Action") == ["set the channels of the receiver", "acknowledged"]
    assert column(page, "Object") == ["ops", "disk"]
    assert column(page, "Details") == ["channels", "status"]


def test_changes_are_narrowed_by_actor_object_kind_and_words(scene: Scene, page: AppTest):
    scene.store.receivers.set("ops", ["inbox"], actor="omar")
    scene.store.receivers.set("dba", ["inbox"], actor="lena")
    scene.store.views.save("lena", "live", "mine", "q=1")
    opened(page)
    page.text_input(key="audit-actor").set_value("lena").run()
    assert column(page, "Object") == ["mine", "dba"]
    page.button_group(key="audit-objects").set_value(["receiver"]).run()
    assert column(page, "Object") == ["dba"]
    page.text_input(key="audit-actor").set_value("").run()
    page.text_input(key="audit-object").set_value("ops").run()
    assert column(page, "Actor") == ["omar"]
    page.text_input(key="q").set_value("nothing").run()
    assert "No change matches" in shown(page)


@pytest.mark.usefixtures("scene")
def test_what_differs_is_shown_before_and_after_and_escaped(scene: Scene, page: AppTest):
    scene.store.receivers.set("ops", ["inbox"], actor="omar")
    scene.store.receivers.set("ops", ["sentinel-webhook/a"], actor="<b>eve</b>")
    opened(page)
    from sentinel.store.audit.queries import page as rows

    page.session_state["audit-change"] = rows(scene.store).items[0].id
    text = shown(page.run())
    assert '<del>["inbox"]</del> → <ins>["sentinel-webhook/a"]</ins>' in text.replace("&quot;", '"')
    assert "&lt;b&gt;eve&lt;/b&gt; set the channels of the receiver ops" in text
    assert "waits to be chained" in text


def test_older_changes_are_on_further_pages(scene: Scene, page: AppTest):
    for number in range(60):
        scene.store.receivers.set(f"r{number}", ["inbox"], actor="omar")
    opened(page)
    assert len(column(page, "Object")) == 50
    page.button(key="changes-older").click().run()
    assert column(page, "Object") == [f"r{number}" for number in range(9, -1, -1)]
    page.button(key="changes-newer").click().run()
    assert column(page, "Object")[0] == "r59"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR, Role.ADMIN])
def test_only_who_may_administer_is_shown_all_changes(
    scene: Scene, page: AppTest, monkeypatch: pytest.MonkeyPatch, role: Role
):
    People(scene.store).create("vera", role, password=PASSWORD, actor="ada")
    begun = SignIn(scene.store, settings()).log_in("vera", PASSWORD)
    assert isinstance(begun, Begun)
    monkeypatch.setattr("dashboard.session._cookie", lambda: begun.secret)
    scene.store.receivers.set("ops", ["inbox"], actor="omar")
    text = shown(opened(page))
    if role is Role.ADMIN:
        assert "set the channels of the receiver" in column(page, "Action")
    else:
        assert "No actions yet" in text
        assert not page.dataframe
        offered = [option for group in page.button_group for option in group.options]
        assert "All changes" not in offered


def test_the_report_itself_refuses_who_may_not_administer(scene: Scene):
    eva = Principal(name="eva", kind="person", role=Role.EDITOR)
    with pytest.raises(ConfigurationError, match="eva may not administer"):
        Reports(scene.store).changes(eva, AuditFilter(), 50, None)


def test_an_admin_of_a_tenant_reads_the_changes_of_that_tenant(scene: Scene):
    scene.store.receivers.set("ops", ["inbox"], actor="omar")
    changes = [
        Change(action="rule.enabled", object_kind="rule", object_name=name, tenant=name)
        for name in ("acme", "blue")
    ]
    scene.store.audit.write(changes, actor="omar")
    eva = Principal(name="eva", kind="person", role=Role.ADMIN, tenants=frozenset({"acme"}))
    found = Reports(scene.store).changes(eva, AuditFilter(), 50, None)
    assert [one.object_name for one in found.items] == ["acme"]


def test_the_chain_is_proven_on_the_page_and_an_altered_row_is_found(scene: Scene, page: AppTest):
    scene.store.receivers.set("ops", ["inbox"], actor="omar")
    scene.store.receivers.set("dba", ["inbox"], actor="lena")
    chain(scene.store)
    opened(page)
    page.button(key="audit-verify").click().run()
    assert "The chain is whole" in shown(page)
    assert "2 rows verified" in shown(page)
    (end,) = (one.value for one in page.code)
    page.text_input(key="audit-head").set_value("1:" + "0" * 64)
    page.button(key="audit-verify").click().run()
    assert "The chain is broken" in shown(page)
    page.text_input(key="audit-head").set_value(end)
    page.button(key="audit-verify").click().run()
    assert "The chain is whole" in shown(page)
    with scene.store.write() as connection:
        for (name,) in connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
        ).all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("UPDATE audit SET object_name = 'x' WHERE seq = 1")
    page.button(key="audit-verify").click().run()
    assert "The chain is broken" in shown(page)
