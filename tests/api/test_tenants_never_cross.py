"""Two tenants, several keys, and requests in any order: nothing of one reaches the other."""

from __future__ import annotations

import itertools

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.api.access_matrix import entry_of
from tests.api.matrix_scene import furnished
from tests.api.test_access_matrix import ROUTES, asked, everything

NUMBER = itertools.count()
STEPS = st.tuples(
    st.sampled_from([(method, path) for method, path, _ in ROUTES]),
    st.sampled_from(list(Role)),
    st.booleans(),  # who asks
    st.booleans(),  # about whose
    st.booleans(),  # time passes
)


@pytest.mark.slow
@bounded(
    max_examples=25,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=5, max_size=25))
def test_whatever_one_tenant_does_the_other_is_as_it_was(
    client: httpx.Client,
    store: Store,
    clock: FakeClock,
    steps: list[tuple[tuple[str, str], Role, bool, bool, bool]],
):
    number = next(NUMBER)
    places = [furnished(store, clock, f"{name}{number}") for name in ("red", "blue")]
    keys = {
        (place.tenant, role): Keys(store)
        .create(f"{role} {place.tenant}", role, actor="ada", tenants=[place.tenant])
        .secret.text
        for place in places
        for role in Role
    }
    for (method, path), role, asks, about, passes in steps:
        actor, other = places[asks], places[not asks]
        before = everything(store, other)
        if passes:
            clock.forward(seconds=61)
        entry = entry_of(method, path)
        assert entry is not None
        target = places[about]
        answer = asked(client, method, path, entry, target, keys[actor.tenant, role])
        assert everything(store, other) == before, (role, actor.tenant, answer.request.url)
        # An error names what was asked for, as it was asked for.
        said = answer.text
        if answer.is_error:
            for name in (f"'rule-{target.mark}'", f"'{target.mark}'"):
                said = said.replace(name, "")
        # A view or a dashboard is each person's own, whatever name they gave it.
        own = "/views" in path or "/dashboards" in path
        assert own or other.mark not in said, (role, actor.tenant, answer.request.url)
        elsewhere = entry.elsewhere or entry.own == 503
        assert answer.status_code < 500 or (elsewhere and answer.status_code == 503)
