"""The commands of accounts and roles: what `sentinel user` and `sentinel role` do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from sentinel.access import Grant, Role
from sentinel.errors import Conflict
from sentinel.store.access.people import People
from sentinel.store.access.person_views import PersonView

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = [
    "CreateUser",
    "DeleteUser",
    "DisableUser",
    "EnableUser",
    "EndSessions",
    "GrantRole",
    "PutBackRoles",
    "RevokeRole",
    "RoleRow",
    "SetPassword",
    "rows_of",
]

PersonName = Annotated[str, msgspec.Meta(max_length=1000)]
Names = Annotated[list[Annotated[str, msgspec.Meta(max_length=200)]], msgspec.Meta(max_length=50)]
"""Tenants or teams; an empty list means all."""
RoleRow = tuple[str, str, Role]
"""Tenant, team and role; an empty name means all."""


def rows_of(grants: tuple[Grant, ...]) -> list[RoleRow]:
    """Return roles one by one.

    Args:
        grants: of an account

    Returns:
        Tenant, team and role of each, in order.
    """
    return sorted(
        (tenant, team, one.role)
        for one in grants
        for tenant in one.tenants or [""]
        for team in one.teams or [""]
    )


def _people(services: Services) -> People:
    return People(services.within.instance)


class CreateUser(msgspec.Struct, frozen=True, kw_only=True):
    """Make an account with a password and a role. The first one switches the login on.

    Attributes:
        name: what the person logs in with
        password: kept as a hash alone
        role: what the person may do
        display_name: as pages show it; the name where it is empty
        tenants: where the role holds; empty for all
        teams: for whose alerts and rules; empty for all
    """

    name: PersonName
    password: Annotated[str, msgspec.Meta(max_length=5000)]
    role: Role
    display_name: PersonName = ""
    tenants: Names = []
    teams: Names = []

    def __repr__(self) -> str:
        return f"CreateUser(name={self.name!r})"

    def carry_out(self, services: Services, actor: str) -> PersonView:
        """Make the account.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the account

        Raises:
            OutOfScope: less than everything is in scope
            ConfigurationError: the name, the password, a tenant or a team cannot be used
            Conflict: there is an account of that name
        """
        return _people(services).create(
            self.name, self.role, password=self.password, actor=actor,
            display_name=self.display_name, tenants=self.tenants or None, teams=self.teams or None,
        )  # fmt: skip


class SetPassword(msgspec.Struct, frozen=True, kw_only=True):
    """Give an account another password, and end its sessions and its lockout.

    Attributes:
        name: of the person
        password: the new one, kept as a hash alone
    """

    name: PersonName
    password: Annotated[str, msgspec.Meta(max_length=5000)]

    def __repr__(self) -> str:
        return f"SetPassword(name={self.name!r})"

    def carry_out(self, services: Services, actor: str) -> PersonView:
        """Set the password.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the account

        Raises:
            OutOfScope: less than everything is in scope
            ConfigurationError: the password cannot be used
            NotFound: there is no such account
        """
        return _people(services).set_password(self.name, self.password, actor=actor)


class DisableUser(msgspec.Struct, frozen=True, kw_only=True):
    """Lock an account and end its sessions at once."""

    name: PersonName

    def carry_out(self, services: Services, actor: str) -> PersonView:
        """Disable the account.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the account

        Raises:
            OutOfScope: less than everything is in scope
            NotFound: there is no such account
        """
        return _people(services).disable(self.name, actor=actor)


class EnableUser(msgspec.Struct, frozen=True, kw_only=True):
    """Let an account be used again, and end its lockout."""

    name: PersonName

    def carry_out(self, services: Services, actor: str) -> PersonView:
        """Enable the account.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the account

        Raises:
            OutOfScope: less than everything is in scope
            NotFound: there is no such account
        """
        return _people(services).enable(self.name, actor=actor)


class EndSessions(msgspec.Struct, frozen=True, kw_only=True):
    """End all sessions of an account; it may log in again."""

    name: PersonName

    def carry_out(self, services: Services, actor: str) -> PersonView:
        """End the sessions.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the account

        Raises:
            OutOfScope: less than everything is in scope
            NotFound: there is no such account
        """
        return _people(services).end_sessions(self.name, actor=actor)


class DeleteUser(msgspec.Struct, frozen=True, kw_only=True):
    """Remove an account with its roles and sessions; the last one stays.

    Attributes:
        name: of the person
        made: id of the account that is to be as it was made, to take that back; empty for any
        roles: that it was made with
    """

    name: PersonName
    made: Annotated[str, msgspec.Meta(max_length=100)] = ""
    roles: list[RoleRow] = []

    def carry_out(self, services: Services, actor: str) -> PersonView:
        """Remove the account.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the account as it was

        Raises:
            OutOfScope: less than everything is in scope
            NotFound: there is no such account
            Conflict: it is the last one, or was changed or used since it was made
        """

        def check(found: PersonView) -> None:
            same = (
                found.id == self.made and list(found.roles) == sorted(self.roles)
                and found.login_at is None and found.disabled_at is None
                and found.password_at == found.created_at
            )  # fmt: skip
            if self.made and not same:
                raise Conflict(
                    f"the account {found.name} was changed or used since",
                    hint="Delete it in its panel where it is to go all the same.",
                )

        return _people(services).delete(self.name, actor=actor, keeps_one=True, check=check)


class GrantRole(msgspec.Struct, frozen=True, kw_only=True):
    """Give a person a role; it replaces the one that they have in the same tenants and teams.

    Attributes:
        name: of the person
        role: the role
        tenants: where; empty for all
        teams: for whose alerts and rules; empty for all
    """

    name: PersonName
    role: Role
    tenants: Names = []
    teams: Names = []

    def carry_out(self, services: Services, actor: str) -> PersonView:
        """Grant the role.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the account

        Raises:
            OutOfScope: less than everything is in scope
            ConfigurationError: a tenant or a team is not valid
            NotFound: there is no such account
        """
        return _people(services).grant(
            self.name, self.role, actor=actor, tenants=self.tenants or None,
            teams=self.teams or None,
        )  # fmt: skip


class RevokeRole(msgspec.Struct, frozen=True, kw_only=True):
    """Take the role from a person that was granted in exactly these tenants and teams.

    Attributes:
        name: of the person
        tenants: of the role; empty for the one in all tenants
        teams: of the role; empty for the one for all teams
    """

    name: PersonName
    tenants: Names = []
    teams: Names = []

    def carry_out(self, services: Services, actor: str) -> PersonView:
        """Revoke the role.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the account

        Raises:
            OutOfScope: less than everything is in scope
            NotFound: there is no such account, or no such role
        """
        return _people(services).revoke(
            self.name, actor=actor, tenants=self.tenants or None, teams=self.teams or None
        )


class PutBackRoles(msgspec.Struct, frozen=True, kw_only=True):
    """Give a person back the roles from before a change.

    Attributes:
        name: of the person
        roles: that the person had
        now: that the person has since the change
    """

    name: PersonName
    roles: list[RoleRow]
    now: list[RoleRow]

    def carry_out(self, services: Services, actor: str) -> PersonView:
        """Put the roles back.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the account

        Raises:
            OutOfScope: less than everything is in scope
            Conflict: somebody changed the roles since
            NotFound: there is no such account
        """
        expected = sorted(self.now)

        def check(found: PersonView) -> None:
            if list(found.roles) != expected:
                raise Conflict(
                    f"the roles of {found.name} were changed since",
                    hint="Look at them as they are now, and change them.",
                )

        return _people(services).set_roles(self.name, self.roles, actor=actor, check=check)
