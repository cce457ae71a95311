"""The permission that each command needs, wherever it comes from."""

from __future__ import annotations

from typing import Any

from dashboard import configuration_commands as configuration
from dashboard.alert_commands import AlertCommand
from dashboard.prefect_addresses import SavePrefectAddresses
from sentinel.access import EVERYTHING, Permission, Principal
from sentinel.errors import ConfigurationError

__all__ = ["PERMISSIONS", "check_everywhere", "check_permission"]

PERMISSIONS: dict[type[Any], Permission] = {
    AlertCommand: Permission.RESPOND,
    configuration.AcknowledgeGroup: Permission.RESPOND,
    configuration.MarkRead: Permission.RESPOND,
    configuration.SilenceRule: Permission.RESPOND,
    configuration.EndSilence: Permission.RESPOND,
    configuration.SwitchRule: Permission.EDIT,
    configuration.RunRule: Permission.EDIT,
    configuration.SetReceiver: Permission.EDIT,
    configuration.RemoveReceiver: Permission.EDIT,
    configuration.SendTestMessage: Permission.EDIT,
    configuration.SaveChannel: Permission.EDIT,
    configuration.RemoveChannel: Permission.EDIT,
    SavePrefectAddresses: Permission.ADMINISTER,
    # Views are each person's own.
    configuration.SaveView: Permission.READ,
    configuration.RemoveView: Permission.READ,
}


def check_permission(kind: type[Any], who: Principal) -> None:
    """Refuse a command to whoever lacks the permission for it in all tenants and teams.

    Args:
        kind: of the command; one that is not listed needs the highest permission
        who: sent it

    Raises:
        ConfigurationError: it is not allowed; nothing may be done
    """
    check_everywhere(PERMISSIONS.get(kind, Permission.ADMINISTER), who)


def check_everywhere(wanted: Permission, who: Principal) -> None:
    """Refuse what acts in, or shows, all tenants and teams to whoever may not do so in all.

    Args:
        wanted: what it needs
        who: asks for it

    Raises:
        ConfigurationError: it is not allowed; nothing may be done or shown
    """
    if who.scope(wanted) == EVERYTHING:
        return
    if who.may(wanted):
        raise ConfigurationError(
            f"{who.name} may {wanted} only in some tenants or teams",
            hint="The dashboard acts in all of them; use the API.",
        )
    raise ConfigurationError(
        f"{who.name} may not {wanted}: the role is {who.role}",
        hint=f"This needs the role {wanted.role} or a higher one.",
    )
