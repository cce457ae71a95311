"""The receivers of an `alertmanager.yml` as Sentinel's, without their secrets. Pure.

The fields are those of Alertmanager's documentation
(https://prometheus.io/docs/alertmanager/latest/configuration/#receiver-integration-settings), and
whether an integration sends resolves by default is its source's (`config/notifiers.go` and
`notify/*/config.go`, read at commit 68fb2d5).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

import msgspec

__all__ = ["Channel", "Integration", "channels_of", "slug"]


class Integration(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of an Alertmanager's integrations is carried over.

    Attributes:
        word: of `sentinel channel add WORD`
        block: slug of the block type
        carried: fields that become options of that command, and the option
        secrets: fields whose values are typed in again, since they are secret or have one
        resolves: whether Alertmanager sends the end by default
        says: what is otherwise, for people
    """

    word: str
    block: str
    carried: Mapping[str, str] = {}
    secrets: Sequence[str] = ()
    resolves: bool = True
    says: str = ""


_ADDRESS = "--set url"
_PLAIN = re.compile(r"https?://([\w.-]+|\[[\da-fA-F:.]+\])(:\d+)?(/[^?#@\s]*)?")
"""An address without user info, a query and a fragment."""


def _apprise(scheme: str, **more: Any) -> Integration:
    return Integration(
        word="apprise", block="sentinel-apprise",
        says=f"goes through Apprise: its address begins with {scheme}://", **more,
    )  # fmt: skip


INTEGRATIONS: dict[str, Integration] = {
    "slack_configs": Integration(
        word="slack", block="slack-incoming-webhook", resolves=False,
        secrets=("api_url", "api_url_file"),
        says="an incoming webhook of Slack posts to the channel that it was made for",
    ),
    "email_configs": Integration(
        word="email", block="sentinel-email", carried={"to": "--to"}, resolves=False,
        secrets=("auth_password", "auth_secret", "auth_password_file", "auth_username",
                 "auth_identity", "from", "smarthost", "require_tls", "hello"),
        says="give its server and sender to sentinel channel add email",
    ),
    "pagerduty_configs": Integration(
        word="pagerduty", block="sentinel-pagerduty", carried={"url": _ADDRESS},
        secrets=("routing_key", "routing_key_file", "service_key", "service_key_file"),
    ),
    "opsgenie_configs": Integration(
        word="opsgenie", block="sentinel-opsgenie", carried={"api_url": _ADDRESS},
        secrets=("api_key", "api_key_file"),
    ),
    "webhook_configs": Integration(
        word="webhook", block="sentinel-webhook", secrets=("url", "url_file"),
        says="the body is Sentinel's and not Alertmanager's: see Notify receivers, or use "
        "sentinel channel add template-webhook",
    ),
    "msteams_configs": Integration(
        word="teams", block="sentinel-teams", secrets=("webhook_url", "webhook_url_file"),
        says="connectors of Office 365 are gone: make a workflow in Teams, and give its address",
    ),
    "msteamsv2_configs": Integration(
        word="teams", block="sentinel-teams", secrets=("webhook_url", "webhook_url_file"),
    ),
    "discord_configs": Integration(
        word="discord", block="sentinel-discord", secrets=("webhook_url", "webhook_url_file"),
    ),
    "telegram_configs": Integration(
        word="telegram", block="sentinel-telegram",
        carried={"chat_id": "--set chat_id", "chat": "--set chat_id"},
        secrets=("bot_token", "token", "bot_token_file"),
    ),
    "mattermost_configs": Integration(
        word="mattermost", block="sentinel-mattermost", secrets=("webhook_url", "webhook_url_file"),
        says="an incoming webhook posts to the channel that it was made for",
    ),
    "pushover_configs": _apprise(
        "pover", secrets=("user_key", "user_key_file", "token", "token_file")
    ),
    "victorops_configs": _apprise("splunk", secrets=("api_key", "api_key_file")),
    "sns_configs": _apprise("sns", secrets=("sigv4",)),
    "wechat_configs": _apprise("wechat", resolves=False, secrets=("api_secret", "api_secret_file")),
    "webex_configs": _apprise("wxteams"),
    "rocketchat_configs": _apprise(
        "rocket", resolves=False, secrets=("token", "token_file", "token_id", "token_id_file")
    ),
}  # fmt: skip
"""By the key in a receiver."""
_SLACK_APP = Integration(
    word="slack-app", block="sentinel-slack-app", carried={"channel": "--set channel"},
    resolves=False, secrets=("app_token", "app_token_file", "app_url"),
)  # fmt: skip
OPTIONS = {"send_resolved"}
"""Fields of every integration that need no report of their own."""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A channel that a receiver needs.

    Attributes:
        ref: block type and name; empty where there is none for it
        place: of it in the file
        command: that makes the block
        differs: what it will do otherwise
        dropped: what could not be carried over
    """

    ref: str
    place: str
    command: str = ""
    differs: Sequence[str] = ()
    dropped: Sequence[str] = ()


def slug(name: str, taken: Collection[str] = (), most: int = 90) -> str:
    """Return a name that a receiver and a block can have.

    Args:
        name: in the file
        taken: names that are used already
        most: characters

    Returns:
        Lower-case letters, digits and dashes, and a number where it is taken.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:most].strip("-") or "receiver"
    found, nth = plain, 2
    while found in taken:
        found, nth = f"{plain}-{nth}", nth + 1
    return found


def channels_of(
    name: str, given: Mapping[str, Any], taken: set[str], app: Callable[[], bool]
) -> list[Channel]:
    """Return the channels of a receiver.

    Args:
        name: of the receiver, as Sentinel has it
        given: the receiver in the file
        taken: blocks that are used already, each type/name; new ones are added
        app: whether the file says that Slack is used with an app's token

    Returns:
        One for each integration, in the order of the file.
    """
    found: list[Channel] = []
    for kind, configs in given.items():
        if kind == "name":
            continue
        items = cast("list[Any]", configs) if isinstance(configs, list) else []
        for place, config in enumerate(items):
            where = f"receivers.{given.get('name')}.{kind}[{place}]"
            fields = cast("dict[str, Any]", config) if isinstance(config, dict) else {}
            found.append(_channel(name, kind, fields, where, taken, app))
        if not isinstance(configs, list) and configs is not None:
            where = f"receivers.{given.get('name')}.{kind}"
            found.append(Channel(ref="", place=where, dropped=("there is no such integration",)))
    return found


def _channel(
    name: str, kind: str, fields: Mapping[str, Any], where: str, taken: set[str],
    app: Callable[[], bool],
) -> Channel:  # fmt: skip
    about = INTEGRATIONS.get(kind)
    if kind == "slack_configs" and not {"api_url", "api_url_file"} & set(fields):
        by_app = app() or {"app_token", "app_token_file"} & set(fields)
        about = _SLACK_APP if by_app else about
    if about is None:
        return Channel(ref="", place=where, dropped=("Sentinel has no such channel",))
    names = {ref.partition("/")[2] for ref in taken if ref.startswith(f"{about.block}/")}
    block = slug(name, names, 80)
    taken.add(f"{about.block}/{block}")
    command = ["sentinel", "channel", "add", about.word, block]
    for field, option in _carried(about, fields):
        if _is_printed(option, fields[field]):
            command += _options(option, fields[field])
    return Channel(
        ref=f"{about.block}/{block}", place=where, command=shlex.join(command),
        differs=_differs(about, fields), dropped=_dropped(about, fields),
    )  # fmt: skip


def _carried(about: Integration, fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the fields that become options, with those; texts of Go's templates do not."""
    return [
        (field, option)
        for field, option in about.carried.items()
        if field in fields and "{{" not in str(fields[field])
    ]


def _is_printed(option: str, value: object) -> bool:
    """Return whether a field may be printed: an address only if it can hold no secret."""
    return option != _ADDRESS or _PLAIN.fullmatch(str(value)) is not None


def _options(option: str, value: object) -> list[str]:
    word, _, field = option.partition(" ")
    if field:
        return [word, f"{field}={value}"]
    return [part for one in str(value).split(",") for part in (word, one.strip()) if one.strip()]


def _differs(about: Integration, fields: Mapping[str, Any]) -> list[str]:
    found = [about.says] if about.says else []
    if not fields.get("send_resolved", about.resolves):
        found.append("the end of alerts is sent, too, which Alertmanager did not")
    found += [
        f"its {field} is not printed, as it may hold a secret: add it to the command as {option}=…"
        for field, option in _carried(about, fields)
        if not _is_printed(option, fields[field])
    ]
    if any(one.startswith("service_key") for one in fields):
        found.append("its service_key is of Events API v1: make an integration of Events API v2")
    return found


def _dropped(about: Integration, fields: Mapping[str, Any]) -> list[str]:
    known = {*about.carried, *about.secrets, *OPTIONS}
    left = {field: value for field, value in fields.items() if field not in known}
    templates = sorted(field for field, value in left.items() if "{{" in str(value))
    plain = sorted(field for field in left if field not in templates)
    found = [f"{', '.join(plain)}"] if plain else []
    if templates:
        found.append(f"{', '.join(templates)}: texts in Go's template language")
    carried = [field for field in about.carried if "{{" in str(fields.get(field))]
    return found + [f"{field}: a text in Go's template language" for field in carried]
