"""Every table of the shared database.

Moments are timezone-aware and in UTC on both sides. The writer makes the ids (32 hex digits that
sort by time), so that the rows of one transaction can refer to each other before any is written.
Hot tables have no foreign keys: every write goes through one transaction of the store, and
checking a key per row would cost a third of the bulk path.
"""

from sentinel.schema.access import AccessGrant, ApiKey, ApiKeySecret
from sentinel.schema.access_reviews import AccessReview
from sentinel.schema.acknowledge_links import AcknowledgeLink, LinkKey
from sentinel.schema.alerts import LIVE, Alert, Suppression, TimelineEntry
from sentinel.schema.answered_requests import AnsweredRequest
from sentinel.schema.api_usage import (
    ApiLimitSet,
    ApiLimitSetVersion,
    ApiLimitState,
    ConsumerAccount,
    ConsumerKey,
    ConsumerKeySecret,
    ConsumerKeySigner,
    ConsumerRules,
    ConsumerSession,
)
from sentinel.schema.approvals import PendingChange, SeparatedTenant
from sentinel.schema.archive import ArchiveFile, ArchiveHold, ArchiveTaken
from sentinel.schema.audit import AuditCheckpoint, AuditHead, AuditPerson, AuditRow
from sentinel.schema.bounces import PostedBounce
from sentinel.schema.calendar_copies import CalendarCopy
from sentinel.schema.calendar_feeds import CalendarFeed
from sentinel.schema.columns import Moment, new_id
from sentinel.schema.component_reports import ComponentReport
from sentinel.schema.conditions import EpisodeEnd, HeldBack, RuleMemory
from sentinel.schema.custom_dashboards import CustomDashboard
from sentinel.schema.digests import DigestRun
from sentinel.schema.door_canaries import DoorCanary
from sentinel.schema.escalations import EscalationPage, EscalationRow
from sentinel.schema.events import EventBlock, EventPack, EventSeen, EventTail, PolicyMemory
from sentinel.schema.groups import AlertGroup, GroupMember
from sentinel.schema.handoffs import HandoffAhead, HandoffNotified
from sentinel.schema.incidents import (
    IncidentActionItem,
    IncidentAlert,
    IncidentEntry,
    IncidentPolicyVersion,
    IncidentRoom,
    IncidentRow,
    IncidentStep,
    PostMortemVersion,
)
from sentinel.schema.inhibition import InhibitionSource
from sentinel.schema.lifecycle_events import (
    EventDestination,
    LifecycleBlock,
    LifecycleTail,
)
from sentinel.schema.log_levels import LogLevelRow
from sentinel.schema.message_limits import MessageLimit, StormRow
from sentinel.schema.message_templates import MessageTemplateRow
from sentinel.schema.metrics import MetricSeries, SampleBlock
from sentinel.schema.notices import Notice, SilenceAnnouncement
from sentinel.schema.notifications import (
    AutomationSwitch,
    Change,
    ChannelHealth,
    Delivery,
    InboxMessage,
    Lease,
    NotificationLogEntry,
    NotificationOutcome,
    OutboxEvent,
    Receiver,
    SystemLog,
    Wake,
)
from sentinel.schema.oncall import OnCallOverride, OnCallVersion
from sentinel.schema.orchestration import (
    IncomingAlert,
    OrchestrationShadow,
    OrchestrationTable,
    OrchestrationTableVersion,
    OrchestrationVersion,
)
from sentinel.schema.people import FailedLogin, LoginAddress, Person, PersonSession
from sentinel.schema.posted_batches import PostedBatch
from sentinel.schema.remediation import RemediationRow
from sentinel.schema.rollups import Rollup, RollupHour, RollupMark, RollupState
from sentinel.schema.route_shadow import RouteShadow, ShadowOutcome
from sentinel.schema.routes import RouteVersion
from sentinel.schema.rules import RuleRow
from sentinel.schema.saved_views import SavedView
from sentinel.schema.services import ServiceEdgeRow, ServiceRow
from sentinel.schema.silences import Silence
from sentinel.schema.slo import SloCount, SloRow, SloVersion
from sentinel.schema.status_pages import (
    StatusDayRow,
    StatusDelivery,
    StatusNewsRow,
    StatusPageRow,
    StatusSubscriber,
)
from sentinel.schema.web_feeds import WebFeed
from sentinel.schema.web_push import PushKey, PushSubscription

__all__ = [
    "LIVE",
    "AccessGrant",
    "AccessReview",
    "AcknowledgeLink",
    "Alert",
    "AlertGroup",
    "AnsweredRequest",
    "ApiKey",
    "ApiKeySecret",
    "ApiLimitSet",
    "ApiLimitSetVersion",
    "ApiLimitState",
    "ArchiveFile",
    "ArchiveHold",
    "ArchiveTaken",
    "AuditCheckpoint",
    "AuditHead",
    "AuditPerson",
    "AuditRow",
    "AutomationSwitch",
    "CalendarCopy",
    "CalendarFeed",
    "Change",
    "ChannelHealth",
    "ComponentReport",
    "ConsumerAccount",
    "ConsumerKey",
    "ConsumerKeySecret",
    "ConsumerKeySigner",
    "ConsumerRules",
    "ConsumerSession",
    "CustomDashboard",
    "Delivery",
    "DigestRun",
    "DoorCanary",
    "EpisodeEnd",
    "EscalationPage",
    "EscalationRow",
    "EventBlock",
    "EventDestination",
    "EventPack",
    "EventSeen",
    "EventTail",
    "FailedLogin",
    "GroupMember",
    "HandoffAhead",
    "HandoffNotified",
    "HeldBack",
    "InboxMessage",
    "IncidentActionItem",
    "IncidentAlert",
    "IncidentEntry",
    "IncidentPolicyVersion",
    "IncidentRoom",
    "IncidentRow",
    "IncidentStep",
    "IncomingAlert",
    "InhibitionSource",
    "Lease",
    "LifecycleBlock",
    "LifecycleTail",
    "LinkKey",
    "LogLevelRow",
    "LoginAddress",
    "MessageLimit",
    "MessageTemplateRow",
    "MetricSeries",
    "Moment",
    "Notice",
    "NotificationLogEntry",
    "NotificationOutcome",
    "OnCallOverride",
    "OnCallVersion",
    "OrchestrationShadow",
    "OrchestrationTable",
    "OrchestrationTableVersion",
    "OrchestrationVersion",
    "OutboxEvent",
    "PendingChange",
    "Person",
    "PersonSession",
    "PolicyMemory",
    "PostMortemVersion",
    "PostedBatch",
    "PostedBounce",
    "PushKey",
    "PushSubscription",
    "Receiver",
    "RemediationRow",
    "Rollup",
    "RollupHour",
    "RollupMark",
    "RollupState",
    "RouteShadow",
    "RouteVersion",
    "RuleMemory",
    "RuleRow",
    "SampleBlock",
    "SavedView",
    "SeparatedTenant",
    "ServiceEdgeRow",
    "ServiceRow",
    "ShadowOutcome",
    "Silence",
    "SilenceAnnouncement",
    "SloCount",
    "SloRow",
    "SloVersion",
    "StatusDayRow",
    "StatusDelivery",
    "StatusNewsRow",
    "StatusPageRow",
    "StatusSubscriber",
    "StormRow",
    "Suppression",
    "SystemLog",
    "TimelineEntry",
    "Wake",
    "WebFeed",
    "new_id",
]
