"""Prefect's addresses as a person sets them on the settings page. Nothing of Streamlit is used.

They are saved in a file under home (`sentinel.settings`) and not in the database, since
`sentinel up` needs them before there is a database.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import msgspec

from dashboard.connection_check import check_connection
from sentinel.audit.change import Change
from sentinel.errors import ConfigurationError
from sentinel.links import web_address
from sentinel.settings import (
    KEPT,
    UP_CHOSE,
    UP_PREFECT,
    keep_settings,
    kept_settings,
    set_by,
    settings,
)

if TYPE_CHECKING:
    from dashboard.commands import Services

__all__ = ["LABELS", "SavePrefectAddresses"]

LABELS = {"prefect_api_url": "API URL", "prefect_ui_url": "UI URL"}
"""The settings of `KEPT` as the page names them."""
Address = Annotated[str, msgspec.Meta(max_length=2000)]


class SavePrefectAddresses(msgspec.Struct, frozen=True, kw_only=True):
    """Save where Prefect is, for the next start and for other processes that start here.

    Attributes:
        prefect_api_url: of the API, ending in `/api`; empty for what follows from the settings
        prefect_ui_url: of the UI; empty for the one beside the API
    """

    prefect_api_url: Address = ""
    prefect_ui_url: Address = ""

    def carry_out(self, services: Services, actor: str) -> list[str]:
        """Save the addresses. What the environment sets stays as it was saved.

        The address of the Prefect that `sentinel up` starts is saved as none: saved, it would have
        the next start wait for a server that nobody starts.

        Args:
            services: what commands work on
            actor: who sent it

        Returns:
            the labels of those that changed

        Raises:
            OutOfScope: whoever sent it may not administer all tenants
            ConfigurationError: an address is not one of a web page or has a password, the API
                does not answer or requires credentials that nobody set, or the file cannot be
                written; nothing was saved
        """
        store = services.within.instance
        home = settings().resolved_home()
        before = kept_settings(home)
        after = dict(before)
        for name in KEPT:
            if not set_by(name):
                given = _address(getattr(self, name).strip(), LABELS[name])
                after[name] = "" if _is_our_own(given) else given
        api = after.get("prefect_api_url", "")
        if api and api != before.get("prefect_api_url"):
            # The next start would refuse it, and the page could not be opened to correct it.
            found = check_connection(api)
            if not found.ok:
                raise ConfigurationError(f"Prefect does not answer: {found.text}")
            if found.needs_login and not _has_login():
                raise ConfigurationError(
                    found.text,
                    hint="Set SENTINEL_PREFECT_AUTH_STRING or PREFECT_API_KEY, start Sentinel with "
                    "it, and save the address then.",
                )
        changed = [name for name in KEPT if after.get(name, "") != before.get(name, "")]
        if changed:
            change = Change(
                action="settings.changed", object_kind="settings",
                object_name=", ".join(f"Prefect's {LABELS[name]}" for name in changed),
                before={name: before.get(name, "") for name in changed},
                after={name: after.get(name, "") for name in changed},
            )  # fmt: skip
            with store.audit.outside([change], actor=actor):
                keep_settings(home, after)
        return [LABELS[name] for name in changed]


def _address(given: str, label: str) -> str:
    if not given:
        return ""
    found = web_address(given, label)
    if "@" in urlsplit(found).netloc:
        raise ConfigurationError(
            f"the {label} has a user or a password",
            hint="Leave them out, and set SENTINEL_PREFECT_AUTH_STRING.",
        )
    return found


def _is_our_own(given: str) -> bool:
    """Whether an address is of the API or the UI of the Prefect that `sentinel up` started."""
    ours, asked = urlsplit(os.environ.get(UP_PREFECT, "")), urlsplit(given)
    same_host = asked.hostname in (ours.hostname, "localhost")
    paths = (ours.path, ours.path.removesuffix("/api"))
    return (
        bool(given and ours.netloc)
        and (same_host and asked.port == ours.port and asked.scheme == ours.scheme)
        and asked.path.rstrip("/") in paths
    )


def _has_login() -> bool:
    """Whether a person set credentials of Prefect; the next start sends them."""
    if os.environ.get("PREFECT_API_KEY"):
        return True
    chosen = os.environ.get(UP_CHOSE, "").split(",")
    return any(
        found and name not in chosen
        for name, found in (
            ("SENTINEL_PREFECT_AUTH_STRING", settings().prefect_auth_string.get_secret_value()),
            ("PREFECT_API_AUTH_STRING", os.environ.get("PREFECT_API_AUTH_STRING")),
        )
    )
