"""Who acts: whom a login proxy names, else the configured user, else this machine's login.

Nothing of Streamlit is used here: the pages and the live API both ask this module, so that a
command is carried out as the person that its page names.
"""

from __future__ import annotations

import getpass
from collections.abc import Sequence

from starlette.datastructures import Headers

from sentinel.access import Principal, Role
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings, settings

__all__ = ["acting", "named", "proxy_user", "unconfined"]

LONGEST = 200


def unconfined(name: str, *, proxied: bool = False) -> Principal:
    """Return who acts where the dashboard has no login of its own: an admin of all tenants.

    Args:
        name: who acts
        proxied: whether a login proxy named them

    Returns:
        The principal.
    """
    return Principal(name=name, kind="person" if proxied else "local", role=Role.ADMIN)


def acting(chosen: Settings, given: Sequence[str]) -> str:
    """Return who acts.

    Args:
        chosen: the settings
        given: the values of the configured header; ignored where no header is configured

    Returns:
        the name; `dashboard` where the machine has no name for its user

    Raises:
        ConfigurationError: a header is configured, and it does not name one person
    """
    if chosen.dashboard_user_header:
        return named(chosen.dashboard_user_header, given)
    if name := chosen.user.strip():
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "dashboard"


def named(header: str, given: Sequence[str]) -> str:
    """Return whom a login proxy names.

    Two values are refused: one of them may come from the browser itself.

    Args:
        header: its name, for the message
        given: its values, as they came

    Returns:
        the name, without surrounding blanks

    Raises:
        ConfigurationError: the header does not name one person
    """
    hint = (
        "Open the dashboard through the login proxy. The proxy must set the header and remove one "
        "that a browser sends; SENTINEL_DASHBOARD_USER_HEADER names it."
    )
    if len(given) != 1:
        came = "is missing" if not given else f"came {len(given)} times"
        raise ConfigurationError(f"You are not signed in: the header {header} {came}", hint=hint)
    try:  # HTTP passes bytes on as Latin-1; people's names are UTF-8
        name = given[0].encode("latin-1").decode()
    except UnicodeError:
        name = given[0]
    name = name.strip()
    if not name or len(name) > LONGEST or not name.isprintable():
        raise ConfigurationError(
            f"You are not signed in: the header {header} names nobody", hint=hint
        )
    return name


def proxy_user(headers: Headers) -> str | None:
    """Return whom a login proxy names in a request to the live API.

    Args:
        headers: of the request

    Returns:
        the person; None where no proxy is configured

    Raises:
        ConfigurationError: a proxy should name them, and does not
    """
    header = settings().dashboard_user_header
    return named(header, headers.getlist(header)) if header else None
