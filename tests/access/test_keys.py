"""An API key is found by its prefix and recognized by a hash."""

from __future__ import annotations

import pytest

from sentinel.access import Grant, Principal, Role
from sentinel.access.areas import checked_scopes
from sentinel.access.keys import hash_of, matches, new_secret, prefix_of
from sentinel.access.principal import merged
from sentinel.errors import ConfigurationError

RED, BLUE = frozenset({"red"}), frozenset({"blue"})


def test_a_key_shows_its_prefix_and_hides_its_secret():
    secret = new_secret()
    assert secret.text.startswith(f"snt_{secret.prefix}_")
    assert prefix_of(secret.text) == secret.prefix
    assert len(secret.text) == len("snt_12345678_") + 43  # 256 bits
    assert secret.text not in repr(secret)
    assert secret.hash not in repr(secret)


def test_a_thousand_keys_differ():
    made = [new_secret() for _ in range(1000)]
    assert len({one.text for one in made}) == len({one.prefix for one in made}) == 1000


def test_a_key_matches_its_own_hash_alone():
    one, other = new_secret(), new_secret()
    assert matches(one.text, one.hash)
    assert not matches(one.text, other.hash)
    assert one.hash == hash_of(one.text)


@pytest.mark.parametrize("given", ["", "snt_", "snt_abcdefgh_short", "SNT_" + "a" * 52, "é", "a b"])
def test_what_has_another_form_is_no_key(given: str):
    assert prefix_of(given) is None


def test_single_roles_become_few_grants():
    rows = [("red", "", Role.EDITOR), ("blue", "", Role.EDITOR), ("blue", "db", Role.VIEWER)]
    assert merged(rows) == (
        Grant(Role.EDITOR, RED | BLUE),
        Grant(Role.VIEWER, BLUE, frozenset({"db"})),
    )
    assert merged([("", "", Role.ADMIN)]) == (Grant(Role.ADMIN),)
    assert merged([("", "db", Role.VIEWER), ("", "web", Role.VIEWER)]) == (
        Grant(Role.VIEWER, None, frozenset({"db", "web"})),
    )


def test_only_an_admin_of_all_that_a_role_holds_for_may_give_it():
    red = Principal(name="a", kind="key", role=Role.ADMIN, tenants=RED)
    assert red.covers(Grant(Role.ADMIN, RED))
    assert red.covers(Grant(Role.VIEWER, RED, frozenset({"db"})))
    assert not red.covers(Grant(Role.VIEWER, RED | BLUE))
    assert not red.covers(Grant(Role.VIEWER))
    editor = Principal(name="a", kind="key", role=Role.EDITOR)
    assert not editor.covers(Grant(Role.VIEWER, RED))
    team = Principal(name="a", kind="key", role=Role.ADMIN, teams=frozenset({"db"}))
    assert not team.covers(Grant(Role.VIEWER, RED))


def test_a_scope_that_is_unknown_is_refused_by_name():
    assert checked_scopes(["metrics", "alerts:read"]) == {"metrics", "alerts:read"}
    with pytest.raises(ConfigurationError, match=r"'metric' names no area.*alerts"):
        checked_scopes(["metric"])
    with pytest.raises(ConfigurationError, match=r"'alerts:write' names no permission.*respond"):
        checked_scopes(["alerts:write"])
