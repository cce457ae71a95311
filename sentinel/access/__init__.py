"""Who may do what: roles, permissions, and the principal that a request acts for.

Pure decisions only. Doors find out who asks (`sentinel.api.access`); the store takes the `Scope` of
a principal with every query that reads or changes what belongs to a tenant.
"""

from sentinel.access.principal import Grant, Kind, Principal
from sentinel.access.roles import Permission, Role
from sentinel.access.scope import EVERYTHING, Reach, Scope

__all__ = ["EVERYTHING", "Grant", "Kind", "Permission", "Principal", "Reach", "Role", "Scope"]
