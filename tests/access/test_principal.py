"""Roles are ordered, and hold within tenants and teams."""

from __future__ import annotations

import itertools

import pytest

from sentinel.access import EVERYTHING, Grant, Permission, Principal, Reach, Role, Scope
from sentinel.access.areas import AREAS

RED = frozenset({"red"})


def who(role: Role = Role.ADMIN, **more: object) -> Principal:
    return Principal(name="ada", kind="key", role=role, **more)  # pyright: ignore[reportArgumentType] - fields as each test gives them


def test_roles_are_ordered_from_viewer_to_admin():
    assert Role.VIEWER < Role.RESPONDER < Role.EDITOR < Role.ADMIN
    assert Role.ADMIN >= Role.EDITOR > Role.RESPONDER
    assert max(Role.EDITOR, Role.VIEWER) is Role.EDITOR


def test_a_role_has_its_permission_and_those_of_the_roles_below():
    has = {role: [one for one in Permission if role.allows(one)] for role in Role}
    assert has[Role.VIEWER] == [Permission.READ]
    assert has[Role.RESPONDER] == [Permission.READ, Permission.RESPOND]
    assert has[Role.EDITOR] == [Permission.READ, Permission.RESPOND, Permission.EDIT]
    assert has[Role.ADMIN] == list(Permission)


def test_an_admin_of_all_tenants_may_do_everything_everywhere():
    for permission, tenant in itertools.product(Permission, ("red", "blue")):
        assert who().allows(permission, tenant)
    assert who().scope(Permission.ADMINISTER) is EVERYTHING


def test_a_role_holds_in_its_tenants_alone():
    red = who(Role.EDITOR, tenants=RED)
    assert red.allows(Permission.EDIT, "red")
    assert not red.allows(Permission.READ, "blue")
    assert not red.allows(Permission.ADMINISTER, "red")
    assert red.scope(Permission.READ) == Scope((Reach(RED),))
    assert red.scope(Permission.ADMINISTER) == Scope(())


def test_whoever_is_confined_to_teams_has_nothing_of_what_belongs_to_the_whole_tenant():
    team = who(Role.RESPONDER, tenants=RED, teams=frozenset({"db"}))
    assert team.allows(Permission.RESPOND, "red", "db")
    assert not team.allows(Permission.RESPOND, "red", "web")
    assert not team.allows(Permission.READ, "red")
    assert team.scope(Permission.READ).whole_tenants == frozenset()


def test_roles_may_differ_from_tenant_to_tenant():
    both = who(Role.VIEWER, further=(Grant(Role.EDITOR, RED),))
    assert both.allows(Permission.READ, "blue")
    assert both.allows(Permission.EDIT, "red")
    assert not both.allows(Permission.EDIT, "blue")
    assert both.scope(Permission.READ) is EVERYTHING
    assert both.scope(Permission.EDIT).whole_tenants == RED


def test_a_role_that_allows_nothing_anywhere_may_not():
    assert not who(Role.VIEWER).may(Permission.RESPOND)
    assert who(Role.VIEWER, further=(Grant(Role.RESPONDER, RED),)).may(Permission.RESPOND)


@pytest.mark.parametrize(
    ("scope", "permission", "area", "may"),
    [
        ("metrics", Permission.RESPOND, "metrics", True),
        ("metrics", Permission.READ, "alerts", False),
        ("alerts:read", Permission.READ, "alerts", True),
        ("alerts:read", Permission.RESPOND, "alerts", False),
        ("alerts:respond", Permission.READ, "alerts", True),
    ],
)
def test_scopes_confine_to_areas(scope: str, permission: Permission, area: str, may: bool):
    assert who(scopes=frozenset({scope})).may(permission, area) is may


@pytest.mark.parametrize(
    ("own", "scopes", "covered"),
    [
        (None, (), True),
        (None, ("metrics",), True),
        ({"keys"}, (), False),
        ({"keys"}, ("keys",), True),
        ({"keys"}, ("keys:read",), True),
        ({"keys"}, ("keys", "alerts:read"), False),
        ({"keys", "alerts:edit"}, ("alerts:read", "alerts:edit"), True),
        ({"keys", "alerts:edit"}, ("alerts",), False),
        ({"keys", "alerts:edit"}, ("alerts:administer",), False),
        ({"alerts:administer"}, ("alerts",), True),
        (set(AREAS), (), True),
    ],
)
def test_scopes_cover_those_that_allow_no_more(
    own: set[str] | None, scopes: tuple[str, ...], covered: bool
):
    assert who(scopes=None if own is None else frozenset(own)).covers_scopes(scopes) is covered


def test_a_scope_of_nothing_holds_nothing():
    assert not Scope(()).holds("red")
    assert not Scope(()).is_everything
    assert EVERYTHING.holds("red", "db")
    assert EVERYTHING.whole_tenants is None
