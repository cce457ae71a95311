"""Write the pages of docs/reference from the code: `python docs/reference/make.py`.

A test keeps the pages true: it makes them again and compares.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any, cast

from pydantic import AliasChoices

from blocks.channel_variables import AlertVariables
from sentinel.rules.condition import When
from sentinel.rules.escalation_rules import EscalationRules
from sentinel.rules.m_of_n import Often
from sentinel.rules.no_data import NoData
from sentinel.rules.not_repeated import NotRepeated
from sentinel.rules.remediation import Approval, Remediation
from sentinel.rules.rule import ErrorHandling, Rule
from sentinel.settings import Settings
from sentinel.timing.active_hours import ActiveHours, Window
from sentinel.worker.settings import Options

HERE = Path(__file__).parent

LEFT_OUT = {
    "Settings.tls_certificate": "API and dashboard answer without TLS.",
    "Settings.keep_archive": "For ever.",
    "Settings.url": "Commands use the database here.",
    "Settings.token": "Requests carry none, so that the API refuses them.",
    "Settings.tls_key": "The key is in the file of the certificate.",
    "Rule.renamed_from": "It had no other name.",
    "Rule.description": "The alert's description is then empty too, unless an annotation is one.",
    "Remediation.per_hour": "Only `at_once` limits them.",
    "Remediation.approval": "Nobody has to.",
    "Rule.every": (
        "All late runs are evaluated, and after a gap a pending alert does not start anew."
    ),
    "Rule.when": (
        "The trigger's own condition holds; if it has none, each reading must have `firing`."
    ),
    "Rule.category": "The trigger's own.",
    "Rule.often": "`for` and `consecutive` alone decide how long and how often.",
    "Rule.escalation_rules": "The policy of its route holds, else that of its team; else none.",
    "EscalationRules.channels": "No receiver is paged by name.",
    "EscalationRules.on_call_schedule": "Nobody is paged by a schedule.",
    "Rule.active_hours": "Receivers are notified at any hour.",
    "Rule.max_messages_per_hour": "Any number.",
    "Rule.max_alerts": "Any number.",
    "Rule.no_data": "Alerts stay as they are.",
    "Rule.not_repeated": "Alerts wait for a reading that is OK. Rules of webhooks always have it.",
    "ActiveHours.also": "No dates.",
    "Settings.keep_audit": "For ever.",
    "ActiveHours.never": "No dates.",
    "ActiveHours.holidays": "Holidays count as ordinary days.",
    "Rule.resolve_after": "An alert stays open until a reading is OK or a person resolves it.",
    "Rule.labels": "Nothing is added.",
    "Rule.annotations": (
        "The title is the reading's own summary, else the rule's name, the labels and the value."
    ),
    "Rule.team": "No team owns it.",
    "Rule.owner": "Alerts about failing checks are grouped by `team`; without one, rule by rule.",
    "Rule.remediate": "Nothing is run.",
    "Remediation.parameters": "The deployment's own parameters are used.",
    "Rule.group_wait": "30 seconds; 5 where the first alert is critical.",
    "When.above": "Another of the six is given.",
    "When.below": "Another of the six is given.",
    "When.outside": "Another of the six is given.",
    "When.equals": "Another of the six is given.",
    "When.levels": "Another of the six is given.",
    "When.expression": "Another of the six is given.",
    "When.clear": "It is OK again as soon as the value is no longer past the threshold.",
    "Settings.dead_man_url": "No URL is pinged.",
    "Settings.emergency_url": "There is no emergency channel.",
    "Settings.emergency_secret": "Requests to it are unsigned.",
}
"""What it means if a field that is empty by default is left out."""


def pages() -> dict[str, str]:
    """The text of each page, by its file's name."""
    made = {"settings.md": _settings(), "rules.md": _rules()}
    shipped = runpy.run_path(str(HERE / "make_shipped.py"))
    made["settings.md"] += "\n" + _worker() + "\n" + _channels()
    made["settings.md"] += "\n" + "\n".join(shipped["blocks"]()).rstrip() + "\n"
    for name in ("triggers", "api", "cli", "reasons"):
        made[f"{name}.md"] = runpy.run_path(str(HERE / f"make_{name}.py"))["page"]()
    made["triggers.md"] += "\n" + "\n".join(shipped["triggers"]()).rstrip() + "\n"
    return made


def _settings() -> str:
    lines = [
        "# Settings",
        "",
        "Environment variables, or lines of a `.env` file in the folder where Sentinel starts.",
        "Credentials of other systems are never settings: they are stored in Prefect blocks.",
        "",
    ]
    for name, field in sorted(Settings.model_fields.items()):
        lines += [f"## `SENTINEL_{name.upper()}`", "", field.description or "", ""]
        lines += [_default(Settings, name), ""]
    return "\n".join(lines).rstrip() + "\n"


def _worker() -> str:
    lines = ["# The worker", "", "For every worker of type `sentinel`: see"]
    lines += ["[The worker](../explanation/worker.md).", ""]
    for name, field in sorted(Options.model_fields.items()):
        lines += [f"## `SENTINEL_WORKER_{name.upper()}`", "", field.description or "", ""]
        # The number of processors of the machine that writes the page is no default.
        lines += [
            "Default: four per core, at least 4." if name == "limit" else _default(Options, name),
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def _channels() -> str:
    lines = ["# Channels from the environment", "", "`sentinel up` and `sentinel channel sync`"]
    lines += [
        "make Prefect blocks of them: see",
        "[Notify receivers](../how-to/notify-receivers.md).",
        "",
    ]
    for _, field in sorted(AlertVariables.model_fields.items()):
        usual, *others = cast("AliasChoices", field.validation_alias).choices
        lines += [f"## `{usual}`", "", field.description or "", ""]
        if others:
            lines += [f"Also: {', '.join(f'`{one}`' for one in others)}.", ""]
        if isinstance(field.default, str) and field.default:
            lines += [f"Default: `{field.default}`.", ""]
    return "\n".join(lines).rstrip() + "\n"


def _rules() -> str:
    lines = [
        "# Rules",
        "",
        "The fields of a deployment's `rule:` parameter. Lengths of time are written `30s`, `5m`,",
        "`1h30m`, `7d`, or as seconds. Severities are `critical`, `high`, `medium`, `low`, `info`;",
        "`emergency` means critical, `warning` means medium, and the word given is shown.",
        "[Add a rule](../how-to/add-a-rule.md) shows a complete one.",
        "",
    ]
    lines += _fields(Rule)
    lines += [
        "# `when`",
        "",
        "Exactly one of above, below, outside, equals, levels or expression. Each has an",
    ]
    lines += ["example, with what `clear` does to it, in [Conditions](triggers.md#conditions).", ""]
    lines += _fields(When)
    lines += ["# `remediate`", "", "What is run when an alert opens: see"]
    lines += ["[Remediate](../how-to/remediate.md).", ""]
    lines += _fields(Remediation)
    lines += ["# `remediate.approval`", "", "Who lets it run.", ""]
    lines += _fields(Approval)
    lines += ["# `often`", "", "For example `often: {times: 3, of_last: 5}`. It replaces"]
    lines += ["`consecutive`; an evaluation without a reading of the series does not count.", ""]
    lines += _fields(Often)
    lines += ["# `no_data`", "", "What to do if a check works and has no reading.", ""]
    lines += _fields(NoData)
    lines += ["# `not_repeated`", "", "What to do with an alert that nobody reports any more. For"]
    lines += ["[alerts of other systems](../how-to/alerts-of-other-systems.md).", ""]
    lines += _fields(NotRepeated)
    lines += [
        "# `active_hours`",
        "",
        "When receivers are notified. The end of the hours resolves nothing; when they",
    ]
    lines += ["begin, receivers are notified of what still fires. A local time that does not exist"]
    lines += ["moves forward; of a local time that exists twice, the first counts.", ""]
    lines += _fields(ActiveHours)
    lines += ["# `active_hours.windows`", "", "For example `{days: mon-fri, start: '08:00', end:"]
    lines += ["'18:00'}`. A window that ends before it begins spans midnight.", ""]
    lines += _fields(Window)
    lines += ["# `escalation_rules`", "", "Whom to page, level by level, while nobody"]
    lines += ["acknowledges: [Be on call](../how-to/be-on-call.md#which-policy-an-alert-has).", ""]
    lines += _fields(EscalationRules)
    lines += ["# `errors`", "", "What to do if a check fails.", ""]
    lines += _fields(ErrorHandling)
    return "\n".join(lines).rstrip() + "\n"


def _fields(model: type[Any]) -> list[str]:
    lines: list[str] = []
    for name, field in model.model_fields.items():
        lines += [f"## `{field.alias or name}`", "", field.description or "", ""]
        lines += ["Required." if field.is_required() else _default(model, name), ""]
    return lines


def _default(model: type[Any], name: str) -> str:
    """Return a line that says what applies if the field is left out."""
    field = model.model_fields[name]
    default = field.get_default(call_default_factory=True)
    given = model.model_construct(**{name: default})
    value = given.model_dump(mode="json", warnings=False, include={name}).get(name)
    if value not in (None, "", [], {}):
        return f"Default: `{value}`."
    nothing = "none" if value is None else "empty"
    meaning = LEFT_OUT.get(f"{model.__name__}.{name}", "")
    if not meaning and nothing not in (field.description or ""):
        raise SystemExit(f"{model.__name__}.{name}: say in LEFT_OUT what {nothing} means")
    return f"Default: {nothing}. {meaning}".rstrip()


if __name__ == "__main__":
    for file, text in pages().items():
        (HERE / file).write_text(text)
