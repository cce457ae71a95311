"""An import is planned, applied all at once, and changes nothing the second time."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml

from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError, Conflict
from sentinel.ingest.oncall_import.imported import ImportedOnCall, Known
from sentinel.ingest.oncall_import.opsgenie import read_opsgenie
from sentinel.ingest.oncall_import.opsgenie_answers import OpsgenieAnswers
from sentinel.ingest.oncall_import.planning import PlannedImport, apply_planned, plan_import
from sentinel.store import Store
from sentinel.store.audit.queries import page
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides
from tests.databases import both_databases
from tests.ingest.oncall_import.opsgenie_sample import NOW, sample

BY_HAND = """
# ours
people:
  zoe: {email: zoe@example.org, notify: [{receiver: pager}]}
  ann: {email: ann@example.org, notify: [{receiver: pager}]}
schedules:
  nights:
    layers: [{rotation: {people: [zoe, ann], handoff: 2026-01-05T09:00}}]
"""


def read(known: Known) -> ImportedOnCall:
    return read_opsgenie(OpsgenieAnswers(**sample()), known, NOW)


def planned(store: Store, *replace: str) -> PlannedImport:
    return plan_import(store, read, replace=replace, seed=7)


def said(plan: PlannedImport) -> list[str]:
    return [str(one) for one in (*plan.differences, *plan.notes)]


def test_an_import_is_applied_at_once_and_twice_without_change(store: Store, clock: FakeClock):
    clock.set(NOW)
    store.receivers.set("pager", ["sentinel-webhook/pager"])
    store.receivers.set("cem-email", ["sentinel-webhook/cem"])
    documents = OnCallDocuments(store)
    documents.apply(BY_HAND, actor="zoe")

    plan = planned(store)
    lines = said(plan)
    for line in (
        "+ receiver ben-email: sentinel-email/ben-email",
        "+ team db: people ann, ben; schedule primary; escalation db_escalation",
        "+ override primary: cem instead of ben from 2026-10-07 10:00 to 2026-10-08 10:00 "
        "(Opsgenie override o1)",
        "conflict: person:ann: kept as it is here (name nothing -> Ann; email ann@example.org -> "
        "Ann@example.org; timezone nothing -> Europe/Berlin; notify "
        '[{"receiver":"pager"}] -> [{"receiver":"ann-email"},{"receiver":"ann-sms","after":"5m"},'
        '{"receiver":"ann-voice","after":"10m"}]); take theirs: --replace \'person:ann\'',
        "conflict: receiver:cem-email: kept with sentinel-webhook/cem, where the import has "
        "sentinel-email/cem-email",
        "conflict: the document: it is written anew: comments in it are kept in its earlier "
        "version only",
        "make: receiver ben-email: sentinel channel add email ben-email --to ben@example.org; it "
        "asks for secrets",
    ):
        assert line in lines
    assert not [one for one in lines if one.startswith("+ receiver ann")]
    assert documents.version().number == 1
    (one,) = plan.comparisons
    assert (len(one.instants), one.differing) == (100, [])

    assert apply_planned(store, plan, actor="zoe") == 2
    version = documents.version()
    assert (version.note, version.applied_by) == ("import from Opsgenie", "zoe")
    active = documents.active()
    assert sorted(active.people) == ["ann", "ben", "cem", "zoe"]
    assert [one.receiver for one in active.people["ann"].notify] == ["pager"]
    assert sorted(active.schedules) == ["nights", "primary"]
    assert yaml.safe_load(version.document)["schedules"]["primary"]["layers"][0]["rotation"] == {
        "people": [["ann"], ["ben"]], "handoff": "2026-01-05T09:00", "every": "weekly"
    }  # fmt: skip
    assert store.receivers.all()["cem-email"] == ["sentinel-webhook/cem"]
    made = OnCallOverrides(store).rows()
    assert [one.reason for one in made] == [
        "Opsgenie override o1", "Opsgenie forwarding holiday"
    ]  # fmt: skip
    codes = [one.action for one in page(store).items]
    assert codes.count("oncall.overridden") == 2
    assert "oncall.applied" in codes

    again = planned(store)
    assert (list(again.differences), apply_planned(store, again, actor="zoe")) == ([], 2)
    assert again.comparisons == plan.comparisons

    # What somebody took back or ended here stays so, and is named.
    clock.set(NOW + timedelta(days=6))
    OnCallOverrides(store).remove(made[0].id, actor="zoe")
    third = planned(store)
    assert list(third.differences) == []
    kept = "kept as it is here: it was changed there, or changed or taken back here"
    assert f"conflict: override:Opsgenie override o1: {kept}" in said(third)
    assert [len(one.differing) > 0 for one in third.comparisons] == [True]

    taken = planned(store, "person:ann")
    assert [str(one).partition(" name")[0] for one in taken.differences] == [
        "+ receiver ann-email: sentinel-email/ann-email",
        "+ receiver ann-sms: sentinel-twilio-sms/ann-sms",
        "+ receiver ann-voice: sentinel-twilio-voice/ann-voice",
        "~ person ann:",
    ]
    with pytest.raises(ConfigurationError, match="person:nobody is not in the import"):
        planned(store, "person:nobody")
    documents.apply(version.document + "\n", actor="zoe")
    with pytest.raises(Conflict, match="of the on-call document is active, not 2"):
        apply_planned(store, taken, actor="zoe")
    assert "ann-sms" not in store.receivers.all()
    assert set(planned(store, "all").merge.receivers) == set(taken.merge.receivers)


@both_databases
def test_two_imports_at_once_make_an_override_once_and_keep_a_receiver(
    store: Store, clock: FakeClock
):
    clock.set(NOW)
    given = sample()
    given["overrides"]["s1"] = []
    first = plan_import(
        store, lambda known: read_opsgenie(OpsgenieAnswers(**given), known, NOW), seed=7
    )
    store.receivers.set("ben-email", ["inbox"])  # between the plan and its apply
    assert apply_planned(store, first, actor="zoe") == 1
    assert store.receivers.all()["ben-email"] == ["inbox"]
    plans = [planned(store), planned(store)]  # Opsgenie has one more override now
    assert [one.kind for one in plans[0].differences] == ["override"]
    for plan in plans:
        assert apply_planned(store, plan, actor="zoe") == 1
    reasons = [one.reason for one in OnCallOverrides(store).rows()]
    assert reasons == ["Opsgenie forwarding holiday", "Opsgenie override o1"]


def test_the_overrides_of_a_schedule_that_is_kept_are_left_out(store: Store, clock: FakeClock):
    clock.set(NOW)
    store.receivers.set("pager", ["inbox"])
    OnCallDocuments(store).apply(BY_HAND.replace("nights", "primary"), actor="zoe")
    plan = planned(store)
    assert plan.merge.overrides == []
    assert (
        "conflict: override:Opsgenie override o1: left out, since the schedule primary is kept"
        in ("\n".join(said(plan)))
    )
    (one,) = plan.comparisons
    assert one.differing
    replaced = planned(store, "schedule:primary")
    assert len(replaced.merge.overrides) == 2
    assert [one.differing for one in replaced.comparisons] == [[]]
