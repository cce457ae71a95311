"""What a document of receivers, routes and silences would change. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import msgspec

from sentinel.clock import utc
from sentinel.labels.alertmanager import matchers_of, written
from sentinel.notifications.message_settings import LimitChange, SettingChanges, TemplateChange
from sentinel.notifications.message_template import MessageTemplate
from sentinel.notifications.notify_document import NotifyDocument
from sentinel.notifications.owners import Owners
from sentinel.notifications.route_document import RouteDocument, RouteNode
from sentinel.notifications.silence_document import SilenceChange, SilenceNode

__all__ = ["Difference", "PresentReceiver", "differences"]

FILE = "file"
"""The source of a receiver that a document has, which removes it when it no longer does."""
_OWNED = "the document owns it from now on"


class PresentReceiver(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver as it is stored; `source` is `file` or `ui`."""

    channels: Sequence[str]
    description: str
    source: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is added, changed or removed.

    Attributes:
        sign: `+`, `~` or `-`
        kind: receiver, receiver setting, receiver limit, channel limit, template, route, owner,
            default, time interval, inhibit rule, dependency, test or silence
        name: of it; of a route, the matchers on the way to it
        text: what it is from now on, or what changes
    """

    sign: Literal["+", "~", "-"]
    kind: str
    name: str
    text: str = ""

    def __str__(self) -> str:
        """Return the difference as a line."""
        said = f"{self.sign} {self.kind} {self.name}".rstrip()
        return f"{said}: {self.text}" if self.text else said


def differences(
    document: NotifyDocument, receivers: Mapping[str, PresentReceiver],
    active: RouteDocument | None, silences: Sequence[SilenceChange] = (),
    settings: SettingChanges | None = None,
) -> list[Difference]:  # fmt: skip
    """Return what applying a document changes.

    Args:
        document: that is wanted
        receivers: those that are stored
        active: the active routes; None for none
        silences: what becomes of silences, as `silence_changes` yields it
        settings: what becomes of message limits and templates, as `setting_changes` returns it

    Returns:
        The differences; none where nothing would change.
    """
    found: list[Difference] = []
    if document.receivers is not None:
        found += _receivers(document, receivers)
    if settings is not None:
        found += [
            Difference(
                sign="~",
                kind="receiver setting",
                name=name,
                text=f"announce_silences {_text(not wanted)} -> {_text(wanted)}",
            )
            for name, wanted in settings.announced
        ]
        found += map(_limit, settings.limits)
        found += map(_template, settings.templates)
    if document.routes is not None and document.routes != active:
        found += _routes(document.routes, active)
    found += map(_silence, silences)
    return found


def _limit(change: LimitChange) -> Difference:
    text = f"{_per_minute(change.before)} -> {_per_minute(change.after)}"
    return Difference(
        sign=_sign(change.before, change.after), kind=f"{change.kind} limit", name=change.name,
        text=_OWNED if change.before == change.after else text,
    )  # fmt: skip


def _per_minute(most: int | None) -> str:
    if most is None:
        return "that of all"
    return f"{most:,} a minute" if most else "no limit"


def _template(change: TemplateChange) -> Difference:
    sign = _sign(change.before, change.after)
    before, after = change.before or MessageTemplate(), change.after or MessageTemplate()
    parts = [
        f"{part} {f'{_quoted(was)} -> ' if sign == '~' else ''}{_quoted(wanted)}"
        for part, was, wanted in (
            ("title", before.title, after.title), ("text", before.text, after.text)
        )
        if was != wanted
    ]  # fmt: skip
    name = f"{change.receiver} on {change.channel}" if change.channel else change.receiver
    text = "the built-in texts are sent" if sign == "-" else "; ".join(parts) or _OWNED
    return Difference(sign=sign, kind="template", name=name, text=text)


def _sign(before: object, after: object) -> Literal["+", "~", "-"]:
    if before is None:
        return "+"
    return "-" if after is None else "~"


def _quoted(text: str) -> str:
    """Return a text of a template on one line, as JSON has it."""
    return msgspec.json.encode(text).decode() if text else "the built-in one"


def _silence(change: SilenceChange) -> Difference:
    kind, node, there = "silence", change.node, change.present
    if change.what == "end" or node is None:
        return Difference(sign="-", kind=kind, name=change.name, text="it ends now")
    if there is None:
        return Difference(sign="+", kind=kind, name=change.name, text=_said(_of_silence(node)))
    before = {**there.terms, "start": there.start, "until": there.until}
    after = _of_silence(node)
    parts = [
        f"{name} {_text(before[name])} -> {_text(after.get(name))}" for name in change.differing
    ]
    if change.what == "replace":
        parts.append("another one takes its place")
    return Difference(sign="~", kind=kind, name=change.name, text="; ".join(parts))


def _of_silence(node: SilenceNode) -> dict[str, Any]:
    start = "when it is applied" if node.start is None else utc(node.start)
    usual: dict[str, Any] = {
        "tenant": "default", "recurrence": {}, "comment": "", "maintenance": False,
        "announce": False,
    }  # fmt: skip
    said = {name: value for name, value in node.terms.items() if usual.get(name) != value}
    return {**said, "start": start, "until": utc(node.until)}


def _receivers(
    document: NotifyDocument, present: Mapping[str, PresentReceiver]
) -> Iterator[Difference]:
    wanted = document.receivers or {}
    for name, node in wanted.items():
        channels = list(dict.fromkeys(node.channels))
        there = present.get(name)
        if there is None:
            yield Difference(sign="+", kind="receiver", name=name, text=", ".join(channels))
            continue
        had = list(there.channels)
        parts = [f"+{one}" for one in channels if one not in had]
        parts += [f"-{one}" for one in had if one not in channels]
        if not parts and channels != had:
            parts.append("the order of its channels")
        if node.description != there.description:
            parts.append("its description")
        if there.source != FILE:
            parts.append(_OWNED)
        if parts:
            yield Difference(sign="~", kind="receiver", name=name, text=", ".join(parts))
    for name, there in present.items():
        if there.source == FILE and name not in wanted:
            yield Difference(sign="-", kind="receiver", name=name)


Given = dict[str, dict[str, Any]]


def _routes(wanted: RouteDocument, active: RouteDocument | None) -> list[Difference]:
    found: list[Difference] = []
    for part in RouteDocument.model_fields:
        kind, of = _PARTS[part]
        found += _compared(kind, of(active) if active else {}, of(wanted))
    if found:
        return found
    # Each part is as it was but for an order that decides nothing, and the whole is not.
    return [Difference(sign="~", kind="route", name="", text="the same, written otherwise")]


def _compared(kind: str, before: Given, after: Given) -> Iterator[Difference]:
    for name, fields in after.items():
        there = before.get(name)
        if there is None:
            yield Difference(sign="+", kind=kind, name=name, text=_said(fields))
        elif there != fields:
            changed = [
                f"{field} {_text(there.get(field))} -> {_text(fields.get(field))}"
                for field in sorted({*there, *fields})
                if there.get(field) != fields.get(field)
            ]
            yield Difference(sign="~", kind=kind, name=name, text="; ".join(changed))
    for name in before:
        if name not in after:
            yield Difference(sign="-", kind=kind, name=name)
    common = [name for name in before if name in after]
    if kind in _ORDERED and common != [name for name in after if name in before]:
        yield Difference(sign="~", kind=kind, name="", text=f"the order of the {kind}s")


def _said(fields: Mapping[str, Any]) -> str:
    return "; ".join(f"{name} {_text(value)}" for name, value in fields.items())


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(map(_text, cast("list[object]", value))) or "[]"
    if isinstance(value, dict | bool):
        return msgspec.json.encode(value).decode()
    return str(value)


def _tree(document: RouteDocument) -> Given:
    """Return the routes by the matchers on the way to them, each with what is its own."""
    found: Given = {}

    def visit(node: RouteNode, above: str) -> None:
        own = written(
            (one.label, one.operator, one.text)
            for text in node.conditions
            for one in matchers_of(text)
        )
        name = _free(f"{above}/{{{own}}}" if above else "{}", found)
        found[name] = node.model_dump(
            mode="json", by_alias=True, exclude_defaults=True,
            exclude={"routes", "matchers", "match", "match_re"},
        )  # fmt: skip
        for one in node.routes:
            visit(one, name)

    visit(document.route, "")
    return found


def _free(name: str, taken: Container[str]) -> str:
    """Return a name that no other has: with a number from the second one on."""
    found, nth = name, 2
    while found in taken:
        found, nth = f"{name} ({nth})", nth + 1
    return found


def _each(named: Iterable[tuple[str, dict[str, Any]]]) -> Given:
    found: Given = {}
    for name, fields in named:
        found[_free(name, found)] = fields
    return found


def _defaults(document: RouteDocument) -> Given:
    return {
        f"{by} {name}": {"receiver": names}
        for by, given in document.defaults.model_dump().items()
        for name, names in given.items()
    }


def _intervals(document: RouteDocument) -> Given:
    return {
        one.name: one.model_dump(mode="json", exclude_none=True, exclude={"name"})
        for one in document.time_intervals
    }


def _inhibitions(document: RouteDocument) -> Given:
    return _each(
        (
            one.name or f"{_text(one.source_matchers)} mutes {_text(one.target_matchers)}",
            one.model_dump(mode="json", exclude_defaults=True, exclude={"name"}),
        )
        for one in document.inhibit_rules
    )


def _dependencies(document: RouteDocument) -> Given:
    return _each(
        (
            ", ".join(above.matcher for above in one.upstream),
            {"downstream": [below.matcher for below in one.downstream]},
        )
        for one in document.dependencies
    )


def _tests(document: RouteDocument) -> Given:
    return _each(
        (
            one.name or str(place),
            one.model_dump(mode="json", exclude_defaults=True, exclude={"name"}),
        )
        for place, one in enumerate(document.tests, start=1)
    )


def _owners(document: RouteDocument) -> Given:
    return _each(
        (pattern, {"owner": owner or "nobody"}) for pattern, owner in Owners(document.owners).lines
    )


_PARTS: Mapping[str, tuple[str, Callable[[RouteDocument], Given]]] = {
    "route": ("route", _tree),
    "owners": ("owner", _owners),
    "defaults": ("default", _defaults),
    "time_intervals": ("time interval", _intervals),
    "inhibit_rules": ("inhibit rule", _inhibitions),
    "dependencies": ("dependency", _dependencies),
    "tests": ("test", _tests),
}
"""Each field of the routes: what a difference in it is called, and its items by name."""
_ORDERED = ("route", "owner")
"""What is decided by the first or the last that matches."""
