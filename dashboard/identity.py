"""Who acts: whom a proxy with a login names, else the user that is set, else this machine's login.

It knows nothing of Streamlit: the pages and the door beside them both ask it, so that what is
handed in at the door is done by whom the page said that it is.
"""

from __future__ import annotations

import getpass
from collections.abc import Sequence

from sentinel.errors import ConfigurationError
from sentinel.settings import Settings

__all__ = ["acting", "named"]

LONGEST = 200


def acting(chosen: Settings, given: Sequence[str]) -> str:
    """Who acts.

    Args:
        chosen: what is set
        given: what came in the header that is set; not looked at where none is

    Raises:
        ConfigurationError: a header is set, and it does not name one person
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
    """Whom a proxy names.

    Two names are nobody's: one of them may be the browser's own.

    Args:
        header: its name, for the message
        given: its values, as they came

    Raises:
        ConfigurationError: it does not name one person
    """
    hint = (
        "Open the dashboard by the proxy that asks for the login, and have that proxy set the "
        "header and take away one that a browser sends; SENTINEL_DASHBOARD_USER_HEADER names it."
    )
    if len(given) != 1:
        came = "did not come" if not given else f"came {len(given)} times"
        raise ConfigurationError(f"Nobody knows who you are: {header} {came}", hint=hint)
    try:  # HTTP hands bytes on as Latin-1; people's names are UTF-8
        name = given[0].encode("latin-1").decode()
    except UnicodeError:
        name = given[0]
    name = name.strip()
    if not name or len(name) > LONGEST or not name.isprintable():
        raise ConfigurationError(f"Nobody knows who you are: {header} names nobody", hint=hint)
    return name
