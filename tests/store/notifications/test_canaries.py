"""Canaries go to their receivers alone, and one that does not arrive is alerted another way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel.clock import FakeClock
from sentinel.engine.canary_health import canary_state
from sentinel.engine.canary_watch import RULE, CanaryWatch
from sentinel.errors import DeliveryError
from sentinel.ingest.canary import send_canaries, send_canaries_now
from sentinel.rules.drill_rule import DRILL_RULE
from sentinel.store import Store
from sentinel.store.notifications.canaries import canary_paths, last_plan
from sentinel.store.notifications.routes import Routes
from tests.world import World

HOOK, MAIL = "sentinel-webhook/ops", "sentinel-mail/desk"
EVERY, WITHIN = timedelta(minutes=15), timedelta(minutes=5)


@pytest.fixture
def paths(store: Store, clock: FakeClock) -> World:
    store.receivers.set("ops", [HOOK])
    store.receivers.set("desk", [MAIL])
    return World(store, clock)


def run(world: World, *receivers: str) -> None:
    send_canaries(world.store, receivers, every=EVERY, within=WITHIN, actor="a run")
    world.clock.forward(seconds=1)
    world.tells()


def states(world: World) -> dict[str, str]:
    return {one.channel: one.state for one in canary_paths(world.store)[1]}


def sent(world: World) -> list[tuple[str, str, str]]:
    """Channel, rule and status of each message, then forget them."""
    found = [(ref, one.alerts[0].rule, one.status) for ref, one in world.recorder.messages]
    world.recorder.messages.clear()
    return sorted(found)


def test_each_canary_goes_to_its_receiver_and_the_next_run_resolves_it(paths: World):
    run(paths, "ops", "desk")
    assert sent(paths) == [(MAIL, DRILL_RULE, "firing"), (HOOK, DRILL_RULE, "firing")]
    assert states(paths) == {HOOK: "delivered", MAIL: "delivered"}
    took = [one.took for one in canary_paths(paths.store)[1]]
    assert took == pytest.approx([1, 1], abs=0.001)
    paths.clock.forward(minutes=15)
    run(paths, "ops", "desk")
    paths.clock.forward(seconds=5)  # the time to undo a resolve is over
    paths.tells()
    assert [status for *_, status in sent(paths)].count("resolved") == 2
    assert [status for _, status in paths.alerts()] == ["resolved"] * 2 + ["open"] * 2


def test_routes_take_no_canary_another_way(paths: World):
    Routes(paths.store).apply("route: {receiver: desk}", actor="ada")
    run(paths, "ops")
    assert sent(paths) == [(HOOK, DRILL_RULE, "firing")]


def test_one_that_does_not_arrive_is_alerted_by_the_other_paths_until_one_does(paths: World):
    watch = CanaryWatch(paths.store)
    paths.recorder.fails[HOOK] = DeliveryError("it answered 500")
    run(paths, "ops", "desk")
    watch.evaluate(paths.clock.now())
    assert states(paths) == {HOOK: "waiting", MAIL: "delivered"}
    assert canary_state(paths.store).state == "ok"
    sent(paths)
    paths.clock.forward(minutes=5)
    watch.evaluate(paths.clock.now())
    paths.clock.forward(seconds=1)
    paths.tells()
    # By the mail desk, and by the inbox in place of the hook, which is all that ops has.
    told = [one for one in sent(paths) if one[1] == RULE]
    assert told == [("inbox", RULE, "firing"), (MAIL, RULE, "firing")]
    broken = canary_state(paths.store)
    assert (broken.state, broken.says) == ("wrong", f"did not arrive in time: ops by {HOOK} (lost)")
    (lost,) = [one for one in canary_paths(paths.store)[1] if one.broken]
    assert (lost.error, lost.arrived_at) == ("it answered 500", None)
    del paths.recorder.fails[HOOK]
    paths.clock.forward(minutes=10)
    send_canaries(paths.store, ["ops", "desk"], every=EVERY, within=WITHIN, actor="a run")
    watch.evaluate(paths.clock.now())
    assert len(live(paths)) == 1  # the next one has time left
    for _ in range(4):
        paths.clock.forward(seconds=60)
        paths.tells()
    watch.evaluate(paths.clock.now())
    assert (states(paths)[HOOK], live(paths)) == ("delivered", [])
    assert canary_state(paths.store).says.startswith("arrived on all 2 paths; no door")


def live(world: World) -> list[str]:
    return [
        one.title for one in world.store.alerts.page(limit=99).items
        if one.rule == RULE and one.status == "open"
    ]  # fmt: skip


def test_where_no_run_follows_every_path_is_lost_until_nobody_expects_one(paths: World):
    watch = CanaryWatch(paths.store)
    run(paths, "ops", "desk")
    paths.clock.forward(minutes=20)
    watch.evaluate(paths.clock.now())
    assert set(states(paths).values()) == {"lost"}
    assert all("none opened" in one for one in live(paths))
    assert len(live(paths)) == 2
    send_canaries_now(paths.store, ["desk"], actor="ada", once=True)
    paths.clock.forward(seconds=1)
    paths.tells()
    paths.clock.forward(days=1)
    watch.evaluate(paths.clock.now())
    assert (states(paths), live(paths)) == ({MAIL: "delivered"}, [])


def test_what_somebody_sends_keeps_the_plan_of_the_deployment(paths: World):
    assert canary_state(paths.store).state == "note"
    run(paths, "ops")
    paths.clock.forward(minutes=1)
    send_canaries_now(paths.store, ["desk"], actor="ada")
    plan = last_plan(paths.store)
    assert plan is not None
    assert (plan.receivers, plan.every, plan.within) == (("ops", "desk"), 900, 300)
