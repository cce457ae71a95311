"""Roles, which are ordered, and the permissions that each of them has."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Permission", "Role"]


class Permission(StrEnum):
    """What a route or a command needs.

    `read` sees; `respond` acts on alerts, and sends alerts, events, samples and heartbeats;
    `edit` changes rules, receivers and the like; `administer` changes who may do what.
    """

    READ = "read"
    RESPOND = "respond"
    EDIT = "edit"
    ADMINISTER = "administer"

    @property
    def role(self) -> Role:
        """The lowest role that has this permission."""
        return _LOWEST[self]


class Role(StrEnum):
    """What somebody may do; each role may do all that the ones before it may."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    EDITOR = "editor"
    ADMIN = "admin"

    @property
    def level(self) -> int:
        """Its place among the roles: 0 for the viewer, 3 for the admin."""
        return _LEVELS[self]

    def allows(self, permission: Permission) -> bool:
        """Return whether this role has `permission`."""
        return self.level >= permission.role.level

    # StrEnum would compare the words.
    def __lt__(self, other: str) -> bool:
        return self.level < Role(other).level

    def __le__(self, other: str) -> bool:
        return self.level <= Role(other).level

    def __gt__(self, other: str) -> bool:
        return self.level > Role(other).level

    def __ge__(self, other: str) -> bool:
        return self.level >= Role(other).level


_LEVELS = {role: level for level, role in enumerate(Role)}
_LOWEST = dict(zip(Permission, Role, strict=True))
