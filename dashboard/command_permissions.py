"""The permission that each command needs, wherever it comes from."""

from __future__ import annotations

from typing import Any

from dashboard import (
    access_commands,
    approval_commands,
    board_commands,
    consumer_key_commands,
    document_commands,
    incident_commands,
    key_commands,
    limit_commands,
    message_limit_commands,
    noise_commands,
    oncall_commands,
    remediation_commands,
    rollout_commands,
    rule_commands,
    rule_trial,
    shadow_commands,
    silence_commands,
    slo_commands,
    template_commands,
)
from dashboard import configuration_commands as configuration
from dashboard.alert_commands import AlertCommand
from dashboard.prefect_addresses import SavePrefectAddresses
from sentinel.access import Permission, Principal, Scope
from sentinel.errors import ConfigurationError

__all__ = ["PERMISSIONS", "check_anywhere", "check_permission"]

PERMISSIONS: dict[type[Any], Permission] = {
    AlertCommand: Permission.RESPOND,
    configuration.AcknowledgeGroup: Permission.RESPOND,
    configuration.MarkRead: Permission.RESPOND,
    configuration.SilenceRule: Permission.RESPOND,
    configuration.EndSilence: Permission.RESPOND,
    configuration.SwitchRule: Permission.EDIT,
    configuration.RunRule: Permission.EDIT,
    noise_commands.ApplyAdvice: Permission.EDIT,
    rule_commands.SaveRule: Permission.EDIT,
    rule_commands.DeleteRule: Permission.EDIT,
    rule_trial.TryRule: Permission.EDIT,
    rollout_commands.PlanRules: Permission.EDIT,
    rollout_commands.ImportRules: Permission.EDIT,
    rollout_commands.InstallPack: Permission.EDIT,
    rollout_commands.RemovePack: Permission.EDIT,
    rule_trial.BacktestRule: Permission.EDIT,
    approval_commands.DecideChange: Permission.EDIT,
    approval_commands.CertifyAccess: Permission.ADMINISTER,
    configuration.SetReceiver: Permission.EDIT,
    configuration.RemoveReceiver: Permission.EDIT,
    configuration.SendTestMessage: Permission.EDIT,
    configuration.SaveChannel: Permission.EDIT,
    configuration.RemoveChannel: Permission.EDIT,
    silence_commands.CreateSilence: Permission.RESPOND,
    silence_commands.ExtendSilence: Permission.RESPOND,
    silence_commands.ExpireSilence: Permission.RESPOND,
    incident_commands.OpenIncident: Permission.RESPOND,
    incident_commands.MoveIncident: Permission.RESPOND,
    incident_commands.PostUpdate: Permission.RESPOND,
    incident_commands.AssignIncident: Permission.RESPOND,
    incident_commands.SetRootCause: Permission.RESPOND,
    incident_commands.EditIncident: Permission.RESPOND,
    incident_commands.TakeOutAlert: Permission.RESPOND,
    incident_commands.ActOnStep: Permission.RESPOND,
    incident_commands.AddActionItem: Permission.RESPOND,
    incident_commands.EditActionItem: Permission.RESPOND,
    incident_commands.SavePostMortem: Permission.RESPOND,
    consumer_key_commands.CreateConsumerKey: Permission.EDIT,
    consumer_key_commands.RotateConsumerKey: Permission.EDIT,
    consumer_key_commands.RevokeConsumerKey: Permission.EDIT,
    limit_commands.SaveLimits: Permission.EDIT,
    limit_commands.RemoveLimits: Permission.EDIT,
    remediation_commands.DecideRemediation: Permission.RESPOND,
    slo_commands.SaveSlo: Permission.EDIT,
    slo_commands.DeleteSlo: Permission.EDIT,
    oncall_commands.AddOverride: Permission.RESPOND,
    oncall_commands.SwapShifts: Permission.RESPOND,
    oncall_commands.RemoveOverride: Permission.RESPOND,
    document_commands.ApplyDocument: Permission.EDIT,
    document_commands.RollBackDocument: Permission.EDIT,
    shadow_commands.StartShadow: Permission.EDIT,
    shadow_commands.StopShadow: Permission.EDIT,
    template_commands.SetTemplate: Permission.EDIT,
    message_limit_commands.LimitReceiver: Permission.EDIT,
    message_limit_commands.LimitChannel: Permission.EDIT,
    message_limit_commands.AnnounceSilences: Permission.EDIT,
    access_commands.CreateUser: Permission.ADMINISTER,
    access_commands.SetPassword: Permission.ADMINISTER,
    access_commands.DisableUser: Permission.ADMINISTER,
    access_commands.EnableUser: Permission.ADMINISTER,
    access_commands.EndSessions: Permission.ADMINISTER,
    access_commands.DeleteUser: Permission.ADMINISTER,
    access_commands.GrantRole: Permission.ADMINISTER,
    access_commands.RevokeRole: Permission.ADMINISTER,
    access_commands.PutBackRoles: Permission.ADMINISTER,
    key_commands.CreateKey: Permission.ADMINISTER,
    key_commands.RotateKey: Permission.ADMINISTER,
    key_commands.RevokeKey: Permission.ADMINISTER,
    SavePrefectAddresses: Permission.ADMINISTER,
    # Views are each person's own; the store checks whose a dashboard is.
    board_commands.SaveBoard: Permission.READ,
    board_commands.RemoveBoard: Permission.READ,
    configuration.SaveView: Permission.READ,
    configuration.RemoveView: Permission.READ,
}


def check_permission(kind: type[Any], who: Principal) -> Scope:
    """Refuse a command to whoever lacks the permission for it everywhere.

    Args:
        kind: of the command; one that is not listed needs the highest permission
        who: sent it

    Returns:
        Where the person has the permission; the command acts within it.

    Raises:
        ConfigurationError: it is not allowed; nothing may be done
    """
    wanted = PERMISSIONS.get(kind, Permission.ADMINISTER)
    check_anywhere(wanted, who)
    return who.scope(wanted)


def check_anywhere(wanted: Permission, who: Principal) -> None:
    """Refuse what needs a permission to whoever has it in no tenant and no team.

    Args:
        wanted: what it needs
        who: asks for it

    Raises:
        ConfigurationError: it is not allowed; nothing may be done or shown
    """
    if not who.may(wanted):
        raise ConfigurationError(
            f"{who.name} may not {wanted}: the role is {who.role}",
            hint=f"This needs the role {wanted.role} or a higher one.",
        )
