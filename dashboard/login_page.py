"""The login page: one form, in the colours of the dashboard, without a script."""

from __future__ import annotations

import math
from datetime import timedelta
from html import escape
from pathlib import Path
from urllib.parse import quote

from sentinel.printable import counted

__all__ = ["local_target", "login_page", "stopped_page"]

_LOGO = (Path(__file__).parent / "theme" / "icon.svg").read_text(encoding="utf-8")
_STYLE = (Path(__file__).parent / "theme" / "login.css").read_text(encoding="utf-8")
WRONG = "The name or the password is wrong."


def login_page(
    path: str,
    *,
    target: str = "/",
    name: str = "",
    wrong: bool = False,
    wait: timedelta = timedelta(0),
    note: str = "",
    provider: str = "",
) -> bytes:
    """Return the page.

    Args:
        path: folder of the login's addresses, as `/sentinel`
        target: the page that is opened after the login
        name: as it was typed before
        wrong: whether the login before failed
        wait: how long the name must wait
        note: another sentence about what happened
        provider: name of an OIDC provider that signs people in; empty for none

    Returns:
        HTML.
    """
    seconds = math.ceil(wait.total_seconds())
    said = note
    if wrong:
        said = WRONG + (f" Try again in {_length(seconds)}." if seconds else "")
    elif seconds:
        said = f"Too many logins failed. Try again in {_length(seconds)}."
    alert = f'<p class="said" role="alert">{escape(said)}</p>' if said else ""
    of_target = f"?next={quote(target, safe='')}"
    outside = (
        f'<a class="button other" href="{escape(path)}/oidc{of_target}">Log in with '
        f'{escape(provider)}</a><p class="or"><span>or</span></p>'
        if provider
        else ""
    )
    focus_name, focus_password = ("", " autofocus") if name else (" autofocus", "")
    return _page(
        f"""<h1>Log in</h1>{alert}{outside}
<form method="post" action="{escape(path)}/login">
<input type="hidden" name="next" value="{escape(target)}">
<label for="name">Name</label>
<input id="name" name="name" value="{escape(name)}" autocomplete="username" autocapitalize="none"
 spellcheck="false" maxlength="100" required{focus_name}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password"
 maxlength="256" required{focus_password}>
<button class="button main" type="submit">Log in</button>
</form>
<p class="small">Forgotten? An admin sets a new password: <code>sentinel user password</code></p>"""
    )


def stopped_page(path: str, title: str, words: str, *, signed_in: bool = True) -> bytes:
    """Return a page for somebody who cannot see the dashboard now.

    Args:
        path: folder of the login's addresses
        title: heading
        words: a sentence or two
        signed_in: whether there is a login that they can end

    Returns:
        HTML.
    """
    sign_out = (
        f'''<form method="post" action="{escape(path)}/logout">
<button class="button main" type="submit">Sign out</button></form>'''
        if signed_in
        else ""
    )
    return _page(f'<h1>{escape(title)}</h1><p class="said">{escape(words)}</p>{sign_out}')


def local_target(given: str, base: str) -> str:
    """Return where a login leads: a page of this dashboard, whatever an address says.

    Args:
        given: the page that was asked for, as a path with its query
        base: the dashboard's base path, without slashes around it

    Returns:
        The path; the first page for anything else.
    """
    home = f"/{base}/" if base else "/"
    inside = given.startswith(home) and not given.startswith(("//", "/\\"))
    plain = given.isprintable() and "\\" not in given and len(given) <= 4000
    return given if inside and plain else home


def _length(seconds: int) -> str:
    if seconds < 120:
        return counted(seconds, "second")
    return f"{math.ceil(seconds / 60)} minutes"


def _page(body: str) -> bytes:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">
<title>Log in · Sentinel</title><style>{_STYLE}</style></head>
<body><main><div class="logo" aria-hidden="true">{_LOGO}</div>{body}</main></body>
</html>""".encode()
