"""Accounts of consumers over HTTP, as editors see them, and the rules of registration."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from sentinel.access import Permission, Principal
from sentinel.api.access import Acting
from sentinel.api.bodies import Tenant
from sentinel.api.consumer_bodies import (
    AccountId,
    ConsumerItem,
    ConsumerList,
    ConsumerRulesBody,
    account_item,
    rules_body,
)
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.shown_rules import store_of
from sentinel.api.whole_tenant import whole_tenant
from sentinel.api_usage.registration import AccountStatus, RegistrationRules
from sentinel.store.api_usage.consumer_accounts import ConsumerAccounts

__all__ = ["router"]

router = APIRouter(prefix="/consumers", tags=["Consumers"])


def _accounts(request: Request, who: Principal, permission: Permission) -> ConsumerAccounts:
    return ConsumerAccounts(store_of(request), who.scope(permission))


@router.get("", summary="List accounts of consumers", responses=responses())
@needs(Permission.READ, "usage", confined=True)
def list_consumers(
    request: Request,
    who: Acting,
    tenant: Tenant | None = None,
    status: Annotated[
        AccountStatus | None, Query(description="Only those with this status.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Accounts of a page.")] = 100,
    cursor: Annotated[
        str | None,
        Query(pattern="^[0-9a-f]{32}$", description="next_cursor of the previous page."),
    ] = None,
) -> ConsumerList:
    """List the accounts of consumers, the oldest first."""
    found = _accounts(request, who, Permission.READ).list(
        tenant=tenant, status=status, limit=limit + 1, after=cursor
    )
    items = [account_item(one) for one in found[:limit]]
    return ConsumerList(items=items, next_cursor=items[-1].id if len(found) > limit else None)


@router.get("/rules", summary="Rules of registration", responses=responses(403))
@needs(Permission.READ, "usage", confined=True)
def get_rules(request: Request, who: Acting, tenant: Tenant | None = None) -> ConsumerRulesBody:
    """Return what the consumers of a tenant may do for themselves. By default nobody registers."""
    of = whole_tenant(who, Permission.READ, tenant)
    return rules_body(_accounts(request, who, Permission.READ).rules(of))


@router.put("/rules", summary="Save the rules of registration", responses=responses(400, 403, 413))
@needs(Permission.ADMINISTER, "usage", confined=True)
def save_rules(
    request: Request, asked: ConsumerRulesBody, who: Acting, tenant: Tenant | None = None
) -> ConsumerRulesBody:
    """Say what the consumers of a tenant may do for themselves.

    Accounts and keys that there are stay as they are.

    Returns:
        The rules.
    """
    of = whole_tenant(who, Permission.ADMINISTER, tenant)
    rules = RegistrationRules(
        enabled=asked.enabled, approval=asked.approval, plans=tuple(asked.plans),
        permissions=tuple(asked.permissions), most_keys=asked.most_keys,
        longest_days=asked.longest_days,
    )  # fmt: skip
    accounts = _accounts(request, who, Permission.ADMINISTER)
    return rules_body(accounts.save_rules(of, rules, actor=who.name))


@router.get("/{account_id}", summary="One account of a consumer", responses=responses(404))
@needs(Permission.READ, "usage", confined=True)
def get_consumer(request: Request, account_id: AccountId, who: Acting) -> ConsumerItem:
    """Return one account of a consumer."""
    return account_item(_accounts(request, who, Permission.READ).get(account_id))


@router.post(
    "/{account_id}/approve", summary="Approve an account of a consumer", responses=responses(404)
)
@needs(Permission.EDIT, "usage", confined=True)
def approve_consumer(request: Request, account_id: AccountId, who: Acting) -> ConsumerItem:
    """Let an account make keys, whether it waits or was disabled."""
    accounts = _accounts(request, who, Permission.EDIT)
    return account_item(accounts.decide(account_id, AccountStatus.ACTIVE, actor=who.name))


@router.post(
    "/{account_id}/disable", summary="Disable an account of a consumer", responses=responses(404)
)
@needs(Permission.EDIT, "usage", confined=True)
def disable_consumer(request: Request, account_id: AccountId, who: Acting) -> ConsumerItem:
    """End the sessions of an account, revoke its keys, and let it log in when it is approved."""
    accounts = _accounts(request, who, Permission.EDIT)
    return account_item(accounts.decide(account_id, AccountStatus.DISABLED, actor=who.name))


@router.delete("/{account_id}", summary="Remove an account of a consumer", responses=responses(404))
@needs(Permission.EDIT, "usage", confined=True)
def remove_consumer(request: Request, account_id: AccountId, who: Acting) -> ConsumerItem:
    """Remove an account with its sessions, and revoke its keys.

    Returns:
        The account as it was.
    """
    accounts = _accounts(request, who, Permission.EDIT)
    return account_item(accounts.remove(account_id, actor=who.name))
