"""The page on which a consumer of an API logs in, and sees and changes their keys. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape

import msgspec

from sentinel.api_usage.answers import ConsumerFound
from sentinel.api_usage.registration import AccountStatus, RegistrationRules
from sentinel.public_pages.html import shown, time_in_words, whole_page
from sentinel.store.api_usage.consumer_accounts import AccountView
from sentinel.store.api_usage.consumer_keys import ConsumerKeyView, MadeConsumerKey

__all__ = ["OVERLAPS", "AccountNow", "account_page", "login_page"]

OVERLAPS = {
    "0h": ("at once", timedelta()),
    "1h": ("in 1 hour", timedelta(hours=1)),
    "1d": ("in 1 day", timedelta(days=1)),
    "7d": ("in 7 days", timedelta(days=7)),
}
"""How long the secret before remains valid after a rotation."""
_MASKED = 'type="password" required maxlength="256"'


class AccountNow(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page of an account shows.

    Attributes:
        limits: of the API for the plan of the account, in the words of a limit set
        usage: of the last day; None where it is not recorded, or cannot be read now
        why: there is no usage; empty where there is
        mark: that forms carry, so that no other site can send them
    """

    who: AccountView
    rules: RegistrationRules
    keys: Sequence[ConsumerKeyView]
    limits: Sequence[str]
    usage: ConsumerFound | None
    why: str
    at: datetime
    mark: str


def login_page(tenant: str, rules: RegistrationRules, mark: str, *, said: str = "") -> str:
    """Return the page of who is not logged in; the same for a tenant that there is not.

    Args:
        tenant: of the API
        rules: of its registration
        mark: that forms carry
        said: what was wrong with the form before; empty for nothing

    Returns:
        HTML.
    """
    title = "Keys of the API"
    parts = [f"<h1>{title}</h1>", f'<p class="soft">{shown(tenant)}</p>', _alert(said)]
    parts.append(
        f"<h2>Log in</h2>{_form('login', mark)}"
        '<label for="name">Name</label><input id="name" name="name" required maxlength="50" '
        'autocomplete="username"><label for="password">Password</label>'
        f'<input id="password" name="password" {_MASKED} autocomplete="current-password">'
        "<button>Log in</button></form>"
    )
    if rules.enabled:
        waits = " It waits for an approval before it makes keys." if rules.approval else ""
        parts.append(
            f'<h2>Register</h2><p class="soft">An account makes its own keys.{waits}</p>'
            f"{_form('register', mark)}"
            '<label for="new-name">Name: 3 to 50 small letters, digits and . _ @ + -</label>'
            '<input id="new-name" name="name" required maxlength="50" autocomplete="username">'
            '<label for="new-password">Password: 12 characters or more</label>'
            f'<input id="new-password" name="password" {_MASKED} minlength="12" '
            f'autocomplete="new-password">{_plans(rules)}'
            '<button class="second">Register</button></form>'
        )
    return whole_page(title, parts)


def account_page(
    now: AccountNow, *, said: str = "", made: MadeConsumerKey | None = None, again: bool = False
) -> str:
    """Return the page of an account.

    Args:
        now: what it shows
        said: why the form before was refused; empty for nothing
        made: a key whose secret is shown, this once
        again: whether that is a rotated one

    Returns:
        HTML.
    """
    who = now.who
    plan = f", plan {shown(who.plan)}" if who.plan else ""
    parts = [f"<h1>Keys of {shown(who.name)}</h1>",
             f'<p class="soft">{shown(who.tenant)}{plan}</p>', _alert(said)]  # fmt: skip
    if made is not None:
        parts.append(
            f'<p class="ok" role="status">{"Rotated" if again else "Created"} '
            f"{_name(who, made.key)}. Copy its secret now: it is shown this once.</p>"
            f"<code>{escape(made.secret.text)}</code>"
        )
    parts.append("<h2>Keys</h2>")
    rows = "".join(_key(one, now) for one in now.keys)
    parts.append(f"<ul>{rows}</ul>" if rows else "<p>You have no keys.</p>")
    parts.append(_new_key(now))
    parts += ["<h2>Usage of the last day</h2>", _usage(now), "<h2>Limits</h2>"]
    listed = "".join(f"<li>{shown(one)}</li>" for one in now.limits)
    parts.append(f"<ul>{listed}</ul>" if listed else "<p>No limits are listed for you.</p>")
    parts.append(f'{_form("logout", now.mark)}<button class="second">Log out</button></form>')
    return whole_page(f"Keys of {who.name}", parts)


def _alert(said: str) -> str:
    return f'<p class="critical" role="alert">{shown(said)}</p>' if said else ""


def _form(does: str, mark: str) -> str:
    return (
        f'<form method="post"><input type="hidden" name="do" value="{does}">'
        f'<input type="hidden" name="mark" value="{escape(mark)}">'
    )


def _plans(rules: RegistrationRules) -> str:
    if not rules.plans:
        return ""
    options = "".join(f"<option>{shown(one)}</option>" for one in rules.plans)
    return f'<label for="plan">Plan</label><select id="plan" name="plan">{options}</select>'


def _name(who: AccountView, key: ConsumerKeyView) -> str:
    return shown(key.name.removeprefix(f"{who.name}: "))


def _key(one: ConsumerKeyView, now: AccountNow) -> str:
    name = _name(now.who, one)
    prefix, end = one.prefixes[0]
    facts = [f"{shown(prefix)}…, {one.state(now.at).value}"]
    if one.permissions:
        facts.append("may " + shown(", ".join(one.permissions)))
    facts.append(f"valid until {time_in_words(end)}" if end else "valid without an end")
    facts.append(f"used {time_in_words(one.used_at)}" if one.used_at else "never used")
    options = "".join(
        f'<option value="{key}">{said}</option>' for key, (said, _) in OVERLAPS.items()
    )
    hidden = f'<input type="hidden" name="key" value="{escape(one.id)}">'
    field = f"overlap-{escape(one.id)}"
    return (
        f'<li><b>{name}</b><p class="soft">{"; ".join(facts)}</p>'
        f'{_form("rotate", now.mark)}{hidden}<label for="{field}">The secret before ends</label>'
        f'<select id="{field}" name="overlap">{options}</select>'
        f'<button class="second">Rotate {name}</button></form>'
        f'{_form("revoke", now.mark)}{hidden}<button class="second">Revoke {name} for good'
        "</button></form></li>"
    )


def _new_key(now: AccountNow) -> str:
    rules = now.rules
    if now.who.status is not AccountStatus.ACTIVE:
        return "<p>Your account waits for an approval. Then you can create keys.</p>"
    if len(now.keys) >= rules.most_keys:
        return f"<p>You have {rules.most_keys} keys, the most there may be. Revoke one first.</p>"
    picks = "".join(
        f'<label class="pick"><input type="checkbox" name="permission" value="{escape(one)}">'
        f"{shown(one)}</label>"
        for one in rules.permissions
    )
    if picks:
        picks = f'<p class="soft">What it may do:</p>{picks}'
    longest = f' max="{rules.longest_days}"' if rules.longest_days else ""
    most = f"{rules.longest_days} at most" if rules.longest_days else "empty for no end"
    return (
        f'<h2>New key</h2>{_form("create", now.mark)}<label for="key-name">Name</label>'
        '<input id="key-name" name="name" required maxlength="45" autocomplete="off">'
        f'{picks}<label for="days">Days that it is valid ({most})</label>'
        f'<input id="days" name="days" type="number" min="1"{longest} inputmode="numeric">'
        "<button>Create the key</button></form>"
    )


def _usage(now: AccountNow) -> str:
    if now.usage is None:
        return f"<p>{shown(now.why)}</p>"
    total = now.usage.total
    lines = [
        f"<b>{total.requests:,} requests</b>{total.errors:,} failed, {total.client_errors:,} with "
        f"an error of the client, {total.refused:,} refused by a limit",
        f"<b>{total.p50_ms:,.0f} ms</b>median; {total.p95_ms:,.0f} ms for 95 of 100",
        *(f"<b>{shown(one.value)}</b>{one.requests:,} requests" for one in now.usage.endpoints[:5]),
    ]
    return f"<ul>{''.join(f'<li>{one}</li>' for one in lines)}</ul>"
