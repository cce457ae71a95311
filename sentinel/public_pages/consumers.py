"""The pages of consumers of an API: register, log in, and manage their own keys.

Each tenant has one address. A form says what it does, and carries a mark that only a page which
this browser got has: a hash of a cookie that scripts cannot read and other sites do not send. The
page of a tenant that there is not is that of one where nobody registers.
"""

from __future__ import annotations

import hashlib
import logging
import math
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sentinel.access.client_address import client_address, one_client
from sentinel.api_usage.answers import ConsumerFound
from sentinel.api_usage.matching import Caller, LimitSet
from sentinel.api_usage.self_service import KEYS, REGISTRATIONS
from sentinel.api_usage.text import limit_text
from sentinel.errors import SentinelError, TelemetryError
from sentinel.public_pages.consumer_html import OVERLAPS, AccountNow, account_page, login_page
from sentinel.public_pages.forms import Form, body_of, field_of, form_of
from sentinel.public_pages.html import HEADERS, notice
from sentinel.serving.client_limits import ClientLimits
from sentinel.serving.password_places import NoPlace, PasswordPlaces
from sentinel.settings import Settings
from sentinel.settings.request_log import OWN_SERVICE
from sentinel.store import Store
from sentinel.store.api_usage.consumer_accounts import AccountView, ConsumerAccounts
from sentinel.store.api_usage.consumer_keys import MadeConsumerKey
from sentinel.store.api_usage.consumer_self import SESSION_LENGTH, ConsumerSelf, LoginRefused
from sentinel.store.api_usage.limit_sets import LimitSets
from sentinel.store.api_usage.limit_states import LimitStates
from sentinel.store.telemetry.client import telemetry_client
from sentinel.store.telemetry.usage_answers import UsageAnswers
from sentinel.telemetry.asked import ask
from sentinel.telemetry.query import REQUEST_FIELDS
from sentinel.tenant import TENANT_PATTERN

__all__ = ["ConsumerPages"]

_log = logging.getLogger(__name__)
_TENANT = re.compile(TENANT_PATTERN)
_SESSION, _BEFORE = "sentinel_consumer", "sentinel_consumer_form"
_DAYS = re.compile("[0-9]{1,4}")


class _Refused(Exception):
    """A form that is refused, and why."""

    def __init__(self, why: str, status: int = 400, wait: int = 0) -> None:
        super().__init__(why)
        self.why, self.status, self.wait = why, status, wait


class _Asker(NamedTuple):
    """Who sent a request: the tenant it is about, the address, and the session, if there is one."""

    tenant: str
    address: str
    token: str
    who: AccountView | None


class ConsumerPages:
    """The pages of one instance.

    Args:
        settings: of the process
        store: the shared database
        trusted: proxies whose word on the client's address counts
        secure: whether the pages are reached by https, so that cookies are sent by it alone
        path: of the public address, below which the pages are
        posts: how often one client may send a form
    """

    def __init__(
        self, settings: Settings, store: Store, trusted: Sequence[IPv4Network | IPv6Network], *,
        secure: bool, path: str, posts: ClientLimits | None = None,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._store = store
        self._accounts, self._consumers = ConsumerAccounts(store), ConsumerSelf(store)
        self._trusted = list(trusted)
        self._secure, self._path = secure, path
        self._posts = posts or ClientLimits()
        self._places = PasswordPlaces()

    async def page(self, request: Request) -> Response:
        """Show the page of a tenant's consumers, or do what a form says."""
        tenant: str = request.path_params["tenant"]
        if not _TENANT.fullmatch(tenant):
            return HTMLResponse(notice("There is no such page", "Check its address."), 404, HEADERS)
        asker = await run_in_threadpool(self._asker, request, tenant)
        if request.method != "POST":
            return await run_in_threadpool(self._shown, request, asker)
        if wait := self._posts.wait(one_client(asker.address)):
            page = notice("Too many requests", "Wait a moment, then try again.")
            return HTMLResponse(page, 429, {**HEADERS, "Retry-After": str(math.ceil(wait))})
        form = form_of(await body_of(request))
        if form is None or not _is_ours(request, form):
            page = notice("Not understood", "Open the page again, and use its form.")
            return HTMLResponse(page, 403 if form else 400, HEADERS)
        return await run_in_threadpool(self._answered, request, asker, form)

    def _asker(self, request: Request, tenant: str) -> _Asker:
        peer = "" if request.client is None else request.client.host
        address = client_address(peer, request.headers.getlist("x-forwarded-for"), self._trusted)
        token = request.cookies.get(_SESSION, "")
        who = self._consumers.account_of(token) if token else None
        if who is None or who.tenant != tenant:
            return _Asker(tenant, address, "", None)
        return _Asker(tenant, address, token, who)

    def _answered(self, request: Request, asker: _Asker, form: Form) -> Response:
        does = field_of(form, "do")
        try:
            if asker.who is None:
                before: dict[str, Callable[[_Asker, Form], Response]] = {
                    "login": self._log_in, "register": self._register,
                }  # fmt: skip
                if does not in before:
                    raise _Refused("Log in first: the session has ended.", 401)
                with self._places.taken(one_client(asker.address)):
                    return before[does](asker, form)
            return self._changed(asker, asker.who, does, form)
        except NoPlace:
            refused = _Refused("Too many logins at once. Try again in a few seconds.", 429, 5)
        except _Refused as error:
            refused = error
        except SentinelError as error:
            refused = _Refused(" ".join(filter(None, (f"{error.message}.", error.hint or ""))), 400)
        return self._shown(request, asker, refused)

    def _log_in(self, asker: _Asker, form: Form) -> Response:
        name, password = field_of(form, "name"), field_of(form, "password")
        begun = self._consumers.log_in(asker.tenant, name, password, asker.address)
        if isinstance(begun, LoginRefused):
            seconds = math.ceil(begun.wait.total_seconds())
            after = f" Try again in {seconds} seconds." if seconds else ""
            if begun.verified:
                raise _Refused(f"The name or the password is wrong.{after}", 401)
            raise _Refused(f"Too many logins failed.{after}", 429, seconds)
        answer = self._back(asker.tenant)
        self._set(answer, asker.tenant, _SESSION, begun.token)
        answer.delete_cookie(_BEFORE, path=self._place(asker.tenant))
        return answer

    def _register(self, asker: _Asker, form: Form) -> Response:
        if self._accounts.rules(asker.tenant).enabled:
            client = one_client(asker.address)
            self._slowly(REGISTRATIONS, Caller(address=client), "registrations")
        self._accounts.register(
            asker.tenant, field_of(form, "name"), field_of(form, "password"),
            plan=field_of(form, "plan") or None,
        )  # fmt: skip
        return self._log_in(asker, form)

    def _changed(self, asker: _Asker, who: AccountView, does: str, form: Form) -> Response:
        if does == "logout":
            self._consumers.log_out(asker.token)
            answer = self._back(asker.tenant)
            answer.delete_cookie(_SESSION, path=self._place(asker.tenant))
            return answer
        if does == "revoke":
            self._consumers.revoke_key(who, field_of(form, "key"))
            return self._back(asker.tenant)
        if does not in ("create", "rotate"):
            raise _Refused("This form is not known.")
        self._slowly(KEYS, Caller(user=who.id), "new keys and secrets")
        if does == "create":
            made = self._consumers.create_key(
                who, field_of(form, "name"),
                permissions=[text for name, text in form if name == "permission"],
                expires_in=_days(field_of(form, "days").strip()),
            )  # fmt: skip
        else:
            overlap = OVERLAPS.get(field_of(form, "overlap"))
            if overlap is None:
                raise _Refused("Choose when the secret before ends.")
            made = self._consumers.rotate_key(who, field_of(form, "key"), overlap[1])
        return self._account(asker, who, made=made, again=does == "rotate")

    def _shown(self, request: Request, asker: _Asker, refused: _Refused | None = None) -> Response:
        if asker.who is not None:
            return self._account(asker, asker.who, refused)
        nonce = request.cookies.get(_BEFORE, "") or secrets.token_urlsafe(24)
        rules = self._accounts.rules(asker.tenant)
        said = refused.why if refused else ""
        page = login_page(asker.tenant, rules, _mark(nonce), said=said)
        answer = _refusing(page, refused)
        self._set(answer, asker.tenant, _BEFORE, nonce)
        return answer

    def _account(
        self, asker: _Asker, who: AccountView, refused: _Refused | None = None, *,
        made: MadeConsumerKey | None = None, again: bool = False,
    ) -> Response:  # fmt: skip
        usage, why = self._usage(who)
        now = AccountNow(
            who=who, rules=self._accounts.rules(who.tenant), keys=self._consumers.keys(who),
            limits=self._limits(who), usage=usage, why=why, at=self._store.now(),
            mark=_mark(asker.token),
        )  # fmt: skip
        page = account_page(now, said=refused.why if refused else "", made=made, again=again)
        return _refusing(page, refused)

    def _limits(self, who: AccountView) -> list[str]:
        """Return the limits of the tenant that can apply to an account, as text."""
        return [
            f"{one.name}: {limit_text(limit)}"
            for one in LimitSets(self._store).list(tenant=who.tenant)
            for limit in one.limits
            if not limit.dry_run and (not limit.plans or who.plan in limit.plans)
        ]

    def _usage(self, who: AccountView) -> tuple[ConsumerFound | None, str]:
        if not self._settings.telemetry_url.get_secret_value():
            return None, "Requests are not recorded here."
        # Its consumers are people and their keys, whose names somebody may register.
        query = f"-service:{OWN_SERVICE}" if self._settings.own_requests == who.tenant else ""
        asked = ask(query, REQUEST_FIELDS, self._store.now(), since="1d")
        try:
            client = telemetry_client(self._settings)
            return UsageAnswers(client, who.tenant).consumer(who.name, asked, 1), ""
        except TelemetryError as error:
            _log.warning("the usage of a consumer cannot be read: %s", error.message)
            return None, "Usage cannot be read now. Try again in a minute."

    def _slowly(self, limits: LimitSet, caller: Caller, what: str) -> None:
        decision = LimitStates(self._store).decide(limits.asks(caller))
        if not decision.allowed:
            wait = decision.retry_after or 1
            raise _Refused(f"Too many {what}. Try again in {wait} seconds.", 429, wait)

    def _place(self, tenant: str) -> str:
        return f"{self._path}/consumers/{tenant}"

    def _back(self, tenant: str) -> Response:
        return Response(status_code=303, headers={**HEADERS, "Location": self._place(tenant)})

    def _set(self, answer: Response, tenant: str, name: str, value: str) -> None:
        answer.set_cookie(
            name, value, max_age=int(SESSION_LENGTH.total_seconds()), path=self._place(tenant),
            secure=self._secure, httponly=True, samesite="strict",
        )  # fmt: skip


def _is_ours(request: Request, form: Form) -> bool:
    """Return whether a form is of a page that this browser got from here."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    given = field_of(form, "mark")
    cookies = (request.cookies.get(name, "") for name in (_SESSION, _BEFORE))
    return any(
        one and secrets.compare_digest(_mark(one).encode(), given.encode()) for one in cookies
    )


def _mark(secret: str) -> str:
    return hashlib.blake2b(secret.encode(), digest_size=24, person=b"consumer form").hexdigest()


def _days(given: str) -> timedelta | None:
    if not given:
        return None
    if not _DAYS.fullmatch(given) or not int(given):
        raise _Refused("The days that a key is valid are a number from 1.")
    return timedelta(days=int(given))


def _refusing(page: str, refused: _Refused | None) -> HTMLResponse:
    if refused is None:
        return HTMLResponse(page, headers=HEADERS)
    more = {"Retry-After": str(refused.wait)} if refused.wait else {}
    return HTMLResponse(page, refused.status, {**HEADERS, **more})
