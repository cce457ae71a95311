"""Every command of a form of the dashboard, about what is of a place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from dashboard import configuration_commands as commands
from dashboard.access_commands import (
    CreateUser,
    DeleteUser,
    DisableUser,
    EnableUser,
    EndSessions,
    GrantRole,
    PutBackRoles,
    RevokeRole,
    SetPassword,
)
from dashboard.approval_commands import CertifyAccess, DecideChange
from dashboard.board_commands import RemoveBoard, SaveBoard
from dashboard.consumer_key_commands import (
    CreateConsumerKey,
    RevokeConsumerKey,
    RotateConsumerKey,
)
from dashboard.document_commands import ApplyDocument, RollBackDocument
from dashboard.incident_commands import (
    ActOnStep,
    AddActionItem,
    AssignIncident,
    EditActionItem,
    EditIncident,
    MoveIncident,
    OpenIncident,
    PostUpdate,
    SavePostMortem,
    SetRootCause,
    TakeOutAlert,
)
from dashboard.key_commands import CreateKey, RevokeKey, RotateKey
from dashboard.limit_commands import RemoveLimits, SaveLimits
from dashboard.message_limit_commands import AnnounceSilences, LimitChannel, LimitReceiver
from dashboard.noise_commands import ApplyAdvice
from dashboard.oncall_commands import AddOverride, RemoveOverride, SwapShifts
from dashboard.prefect_addresses import SavePrefectAddresses
from dashboard.remediation_commands import DecideRemediation
from dashboard.rollout_commands import ImportRules, InstallPack, PlanRules, RemovePack
from dashboard.rule_commands import DeleteRule, SaveRule
from dashboard.rule_trial import BacktestRule, TryRule
from dashboard.shadow_commands import StartShadow, StopShadow
from dashboard.silence_commands import CreateSilence, ExpireSilence, ExtendSilence
from dashboard.slo_commands import DeleteSlo, SaveSlo
from dashboard.template_commands import SetTemplate
from sentinel.access import Role
from sentinel.incidents.state import Status
from sentinel.rollout.rule_draft import Draft
from tests.api.matrix_entries import Place

__all__ = ["DAY", "FORMS", "MOMENT", "OF_ALL"]

DAY = timedelta(days=1)
MOMENT = datetime(2026, 1, 5, tzinfo=UTC)
SLO: dict[str, Any] = {"name": "new", "objectives": [{"target": 99.0}]}
DRAFT = Draft(trigger="cpu_usage", rule={"name": "new"})
_OF_PLACES: tuple[Callable[[Place], Any], ...] = (
    lambda place: commands.SwitchRule(name=f"rule-{place.mark}", tenant=place.tenant, on=False),
    lambda place: commands.SwitchRule(name=f"rule-{place.mark}", tenant=place.tenant, on=True),
    lambda place: commands.SilenceRule(rule=f"rule-{place.mark}", tenant=place.tenant, minutes=5),
    lambda place: commands.EndSilence(rule=f"rule-{place.mark}", tenant=place.tenant),
    lambda place: commands.MarkRead(ids=[place.mark]),
    lambda _: commands.MarkRead(ids=None),
    lambda place: commands.AcknowledgeGroup(group=place.group),
    lambda place: commands.RunRule(name=f"rule-{place.mark}", tenant=place.tenant),
    lambda place: commands.SaveView(page="live", name=place.tenant, query=""),
    lambda place: commands.RemoveView(page="live", name=place.tenant),
    lambda place: DecideChange(change=place.pending, decision="approve"),
    lambda place: CreateSilence(
        matchers=[f'rule="rule-{place.mark}"'], tenant=place.tenant, until=MOMENT + DAY
    ),
    lambda place: ExtendSilence(id=place.silence, until=MOMENT),
    lambda place: ExpireSilence(id=place.silence),
    lambda place: SaveBoard(name="wall", tenant=place.tenant),
    lambda place: RemoveBoard(name="wall", tenant=place.tenant),
    lambda place: SaveLimits(tenant=place.tenant, name="shop", text="3/minute by key"),
    lambda place: CreateConsumerKey(tenant=place.tenant, name="laptop", consumer="user-7"),
    lambda place: OpenIncident(title="slow", tenant=place.tenant, alerts=[place.alert]),
)
_OF_ALL: tuple[Callable[[Place], Any], ...] = (
    lambda _: commands.SetReceiver(name="night", channels=["inbox"]),
    lambda _: commands.RemoveReceiver(name="default"),
    lambda _: commands.SendTestMessage(channel="inbox"),
    lambda _: commands.SaveChannel(kind="slack-webhook", name="x", values={}),
    lambda _: commands.RemoveChannel(channel="slack-webhook/x"),
    lambda _: AddOverride(schedule="s", start=MOMENT, end=MOMENT + DAY, people=["ann"]),
    lambda _: SwapShifts(schedule="s", first=MOMENT, second=MOMENT + DAY),
    lambda _: RemoveOverride(id="0" * 32),
    lambda _: ApplyDocument(area="oncall", document="", expected=0),
    lambda _: RollBackDocument(area="routes", number=1, expected=0),
    lambda place: ApplyAdvice(rule=f"rule-{place.mark}", tenant=place.tenant, kind="delete"),
    lambda _: SaveRule(draft=DRAFT),
    # Of an incident that there is not.
    lambda _: MoveIncident(id="0" * 32, status=Status.RESOLVED),
    lambda _: PostUpdate(id="0" * 32, text="news"),
    lambda _: PostUpdate(id="0" * 32, text="news", public=True, public_title="Slow"),
    lambda _: AssignIncident(id="0" * 32, person="ann"),
    lambda _: SetRootCause(id="0" * 32, text="a cable", before=""),
    lambda _: EditIncident(id="0" * 32, version=1, fields={"title": "slower"}),
    lambda place: TakeOutAlert(id="0" * 32, alert=place.alert),
    lambda place: DecideRemediation(alert=place.alert, approve=True),
    lambda _: ActOnStep(id="0" * 32, number=1, act="done"),
    lambda _: AddActionItem(id="0" * 32, title="mend"),
    lambda _: EditActionItem(id="0" * 32, item="0" * 32, done=True),
    lambda _: SavePostMortem(id="0" * 32, document="# What", version=0),
    # Of a key that there is not.
    lambda _: RotateConsumerKey(key="0" * 32),
    lambda _: RevokeConsumerKey(key="0" * 32),
    # Of a limit set that there is not.
    lambda place: RemoveLimits(tenant=place.tenant, name="none", tag=""),
    # Their rule is a deployment, and no Prefect answers there.
    lambda place: SaveSlo(definition={**SLO, "tenant": place.tenant}),
    lambda _: DeleteSlo(name="new", version=1),
    lambda _: TryRule(draft=DRAFT),
    lambda _: BacktestRule(draft=DRAFT, hours=1),
    lambda place: DeleteRule(name=f"rule-{place.mark}", tenant=place.tenant),
    lambda _: SetTemplate(receiver="default", channel="", title="{title}!"),
    lambda _: LimitReceiver(receiver="default", per_minute=7),
    lambda _: LimitChannel(channel="inbox", per_minute=7),
    lambda _: SavePrefectAddresses(prefect_api_url="", prefect_ui_url=""),
    lambda _: CertifyAccess(comment="seen"),
    lambda _: PlanRules(document="deployments: []"),
    lambda _: ImportRules(document="deployments: []", version=""),
    lambda _: InstallPack(pack="machine"),
    lambda _: RemovePack(pack="machine"),
    lambda _: StartShadow(document=""),
    lambda _: StopShadow(),
    lambda _: AnnounceSilences(receiver="default", all=True),
    lambda _: CreateUser(name="new", password="seven green bicycles", role=Role.VIEWER),
    lambda _: SetPassword(name="ada", password="seven green bicycles"),
    lambda _: DisableUser(name="ada"),
    lambda _: EnableUser(name="ada"),
    lambda _: EndSessions(name="ada"),
    lambda _: DeleteUser(name="ada"),
    lambda _: GrantRole(name="ada", role=Role.ADMIN),
    lambda _: RevokeRole(name="ada"),
    lambda _: PutBackRoles(name="ada", roles=[], now=[]),
    lambda _: CreateKey(name="new", role=Role.VIEWER),
    lambda _: RotateKey(key="0" * 32),
    lambda _: RevokeKey(key="0" * 32),
)
FORMS = (*_OF_PLACES, *_OF_ALL)
"""Every command of a form, about what is of a place."""
OF_ALL = len(_OF_ALL)
"""So many of them, the last ones, change what belongs to all tenants."""
