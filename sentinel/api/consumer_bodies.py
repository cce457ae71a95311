"""The bodies of the routes about accounts of consumers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from sentinel.api.consumer_keys import ConsumerKeyItem, Length, Word
from sentinel.api.paging import NEXT
from sentinel.api.schemas import NO_NUL
from sentinel.api_usage.registration import AccountStatus, RegistrationRules
from sentinel.store.api_usage.consumer_accounts import AccountView
from sentinel.tenant import TENANT_PATTERN

__all__ = [
    "AccountId", "ConsumerItem", "ConsumerList", "ConsumerLoginBody", "ConsumerPasswordBody",
    "ConsumerRegisterBody", "ConsumerRulesBody", "ConsumerSessionItem", "OwnKeyBody", "OwnKeyList",
    "OwnKeyRotateBody", "account_item", "rules_body",
]  # fmt: skip

AccountId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Id of the account.")]
_Tenant = Annotated[
    str, Field(pattern=f"^({TENANT_PATTERN})$", description="Of the API.", examples=["default"])
]
_Name = Annotated[
    str, Field(min_length=1, max_length=100, pattern=NO_NUL, examples=["ann@shop.example"])
]
_Password = Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL)]


class ConsumerRulesBody(BaseModel):
    """What the consumers of a tenant's API may do for themselves."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"enabled": True, "plans": ["free"], "permissions": ["orders:read"]}]
        },
    )

    enabled: bool = Field(False, description="Whether anybody may register.")
    approval: bool = Field(
        True, description="Whether an editor approves an account before it makes keys."
    )
    plans: list[Word] = Field(
        default_factory=list, max_length=100,
        description="That somebody may choose at registration; the first is the default.",
    )  # fmt: skip
    permissions: list[Word] = Field(
        default_factory=list, max_length=100, description="That keys may have."
    )
    most_keys: int = Field(5, ge=1, le=100, description="Of an account, not counting revoked ones.")
    longest_days: int | None = Field(
        365, ge=1, le=3660, description="For which a key may be valid; null: without an end."
    )


class ConsumerItem(BaseModel):
    """The account of a consumer."""

    id: str
    tenant: str
    name: str
    plan: str
    status: AccountStatus
    created_at: datetime
    login_at: datetime | None = Field(description="Last login; null: never.")
    decided_by: str = Field(description="Who approved, enabled or disabled it last; may be empty.")


class ConsumerList(BaseModel):
    """A page of accounts, the oldest first."""

    items: list[ConsumerItem]
    next_cursor: str | None = Field(None, description=NEXT)


class ConsumerRegisterBody(BaseModel):
    """An account to be made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{
                "tenant": "default", "name": "ann@shop.example",
                "password": "correct horse battery staple",
            }]
        },
    )  # fmt: skip

    tenant: _Tenant = "default"
    name: _Name = Field(description="To log in with: 3 to 50 letters, digits and . _ @ + -.")
    password: _Password = Field(description="12 to 256 characters.")
    plan: Word | None = Field(None, description="Of those that may be chosen; null: the default.")


class ConsumerLoginBody(BaseModel):
    """A login."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "ann@shop.example", "password": "correct horse battery staple"}]
        },
    )

    tenant: _Tenant = "default"
    name: _Name
    password: _Password


class ConsumerPasswordBody(BaseModel):
    """A new password."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"before": "correct horse battery staple", "after": "a better one of it"}]
        },
    )

    before: _Password = Field(description="The password that there is.")
    after: _Password = Field(description="12 to 256 characters.")


class ConsumerSessionItem(BaseModel):
    """A session that began."""

    token: str = Field(description="Send it as Authorization: Bearer TOKEN.")
    ends_at: datetime
    account: ConsumerItem


class OwnKeyBody(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "laptop", "expires_in": "90d"}]}
    )

    name: str = Field(min_length=1, max_length=45, pattern=NO_NUL)
    permissions: list[Word] = Field(default_factory=list, max_length=100)
    expires_in: Length | None = Field(None, description="Null: as long as the rules allow.")


class OwnKeyRotateBody(BaseModel):
    """How a key gets a new secret."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overlap": "1h"}]})

    overlap: Length = Field(
        timedelta(days=1), description="How long the secret before is accepted; 1d by default.",
        json_schema_extra={"default": "1d"},
    )  # fmt: skip


class OwnKeyList(BaseModel):
    """The consumer's own keys that are not revoked, and the rules for further ones."""

    items: list[ConsumerKeyItem]
    rules: ConsumerRulesBody


def account_item(one: AccountView) -> ConsumerItem:
    """Return an account as responses have it."""
    return ConsumerItem(
        id=one.id, tenant=one.tenant, name=one.name, plan=one.plan, status=one.status,
        created_at=one.created_at, login_at=one.login_at, decided_by=one.decided_by,
    )  # fmt: skip


def rules_body(rules: RegistrationRules) -> ConsumerRulesBody:
    """Return rules as responses have them."""
    return ConsumerRulesBody(
        enabled=rules.enabled, approval=rules.approval, plans=list(rules.plans),
        permissions=list(rules.permissions), most_keys=rules.most_keys,
        longest_days=rules.longest_days,
    )  # fmt: skip
