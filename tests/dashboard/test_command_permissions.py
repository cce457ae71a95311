"""Each command of the dashboard needs a permission; one that is not listed, the highest."""

from __future__ import annotations

from typing import Any

from dashboard import (
    access_commands,
    alert_commands,
    approval_commands,
    board_commands,
    configuration_commands,
    consumer_key_commands,
    document_commands,
    incident_commands,
    key_commands,
    limit_commands,
    message_limit_commands,
    noise_commands,
    oncall_commands,
    prefect_addresses,
    remediation_commands,
    rollout_commands,
    rule_commands,
    rule_trial,
    shadow_commands,
    silence_commands,
    slo_commands,
    template_commands,
)
from dashboard.command_permissions import PERMISSIONS, check_permission
from sentinel.access import Principal, Role
from sentinel.errors import ConfigurationError


def test_each_command_needs_a_permission_and_an_unknown_one_needs_the_highest():
    modules = (
        access_commands, alert_commands, approval_commands, board_commands,
        configuration_commands, consumer_key_commands,
        document_commands, incident_commands, key_commands, limit_commands, message_limit_commands,
        noise_commands,
        oncall_commands, prefect_addresses, remediation_commands,
        rollout_commands, rule_commands, rule_trial,
        shadow_commands, silence_commands, slo_commands, template_commands,
    )  # fmt: skip
    commands = {
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and hasattr(found, "carry_out")
    }
    assert commands == set(PERMISSIONS)
    viewer = Principal(name="vera", kind="person", role=Role.VIEWER)
    editor = Principal(name="eva", kind="person", role=Role.EDITOR)
    allowed = {kind.__name__ for kind in commands if _may(kind, viewer)}
    assert allowed == {"SaveView", "RemoveView", "SaveBoard", "RemoveBoard"}
    assert not _may(prefect_addresses.SavePrefectAddresses, editor)
    assert not _may(int, editor)
    assert _may(configuration_commands.SetReceiver, editor)


def _may(kind: type[Any], who: Principal) -> bool:
    try:
        check_permission(kind, who)
    except ConfigurationError:
        return False
    return True
