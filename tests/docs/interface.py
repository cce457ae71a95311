"""The words that the interface shows, read from its code.

Labels stand above, beside or on something: headings, columns, figures, buttons, statuses. Texts are
all strings that a person may read. Both are found in the syntax of the code and not on a screen, so
that none is missed that a page shows only now and then.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast, get_args

from sentinel.alerts import reasons as alert_reasons
from sentinel.alerts.inputs import Status
from sentinel.alerts.view import ShownStatus
from sentinel.event_policies.outcome import Verdict
from sentinel.notifications import reasons as notification_reasons
from sentinel.rules.health import RuleHealth
from sentinel.schema.notifications import Delivery
from sentinel.severity import WORDS as SEVERITIES
from sentinel.store.alerts.audit import KINDS as ACTIONS
from tests.docs.pages import ROOT

__all__ = ["labels", "texts"]

PAGES = sorted((ROOT / "dashboard").glob("**/*.py"))
WIDGETS = sorted((ROOT / "dashboard/blotter").glob("*.js"))
COMMANDS = sorted((ROOT / "sentinel/cli").glob("*.py"))

CONTROLS = {
    "button", "checkbox", "date_input", "download_button", "expander", "link_button", "metric",
    "multiselect", "number_input", "page_link", "pills", "popover", "radio", "segmented_control",
    "selectbox", "slider", "text_area", "text_input", "toggle",
}  # fmt: skip
"""Functions of Streamlit whose first argument is a label, and `metric` of the overview."""
LABEL = re.compile(r"(?!\w*[a-z][A-Z])[A-Z][^{}<>_:]*[^{}<>_.:?]")
"""A label begins with a capital letter and is no sentence, no name of a variable and no URL."""
HEADING = re.compile(r"<(?:h[1-3]|dt)\b[^>]*>([^<{]+)")
EMPTY_PAGE = re.compile(r'class="empty"')
SCRIPT_LABELS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r'\bh\("(?:h[1-6]|dt)", \{[^}]*\}, "([^"]+)"',
        r'\b(?:fact|figure)\("([^"]+)"',
        r'\b(?:actionButton|button|tool)\("[^"]+", "([^"(]+)',
        r'"menu-title" \}, "([^"]+)"',
        r'\["[a-z]+", "([A-Z×][^"]*)", "[a-z]+"\]',  # columns
        r'^  \["([A-Z][a-z ]+)", \[\[',  # groups of keyboard shortcuts
        r'\["(?:gone|stale|live)", `([A-Z][a-z ]+) ·',  # how fresh a page is
    )
)
SCRIPT_STRINGS = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`""",
    re.DOTALL,
)


def labels() -> dict[str, str]:
    """Every label, and where it is shown."""
    found: dict[str, str] = {}
    for where, text in (*_of_pages(), *_of_widgets(), *_of_commands(), *_of_codes()):
        found.setdefault(" ".join(text.split()).strip(" ,"), where)
    return found


def texts() -> Iterator[tuple[str, str]]:
    """Place and text of every string that a person may read."""
    for path in (*PAGES, *COMMANDS, *sorted((ROOT / "blocks").glob("*.py"))):
        for line, text in _strings(path, help_of_commands=path in COMMANDS):
            yield f"{path.relative_to(ROOT)}:{line}", text
    for path in WIDGETS:
        code = path.read_text("utf-8")
        for one in SCRIPT_STRINGS.finditer(code):
            text = next((part for part in one.groups() if part is not None), None)
            if text is not None:
                yield f"{path.relative_to(ROOT)}:{code.count(chr(10), 0, one.start()) + 1}", text
    for table in (alert_reasons, notification_reasons):
        for code, words in table.WORDS.items():
            yield f"{table.__name__}.{code}", words


def _of_pages() -> Iterator[tuple[str, str]]:
    for path in PAGES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for text in _labels_in(node):
                yield path.name, text


def _labels_in(node: ast.AST) -> Iterator[str]:
    """Keys of tables, first parts of pairs, labels of controls, page titles, headings in HTML."""
    candidates: list[ast.AST | None] = []
    match node:
        case ast.Dict(keys=keys):
            candidates = [*keys]
        case ast.Tuple(elts=[first, _, *_]):
            candidates = [first]
        case ast.Call(args=args, keywords=keywords):
            named = [one.value for one in keywords if one.arg in ("title", "label")]
            candidates = [*named, *(args[:1] if _name(node) in CONTROLS else ())]
        case ast.Constant(value=str(text)) if not EMPTY_PAGE.search(text):
            yield from (one for one in HEADING.findall(text) if one.strip())
        case _:
            pass
    for one in candidates:
        if (text := _text(one)) and LABEL.fullmatch(text):
            yield text


def _of_widgets() -> Iterator[tuple[str, str]]:
    for path in WIDGETS:
        code = path.read_text("utf-8")
        for pattern in SCRIPT_LABELS:
            for text in cast("list[str]", pattern.findall(code)):
                yield path.name, text


def _of_commands() -> Iterator[tuple[str, str]]:
    """Headings of tables and names of fields that commands print."""
    for path in COMMANDS:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            first = node.args[0]
            names: list[ast.expr | None] = []
            if _name(node) == "print_table" and isinstance(first, ast.List | ast.Tuple):
                names = [*first.elts]
            elif _name(node) == "fields" and isinstance(first, ast.Dict):
                names = [*first.keys]
            for one in names:
                if isinstance(one, ast.Constant):
                    yield path.name, str(one.value)


def _of_codes() -> Iterator[tuple[str, str]]:
    """Statuses, severities, health, actions, reasons and verdicts."""
    groups: dict[str, tuple[Any, ...]] = {
        "statuses": (*Status, *get_args(ShownStatus)),
        "severities": SEVERITIES,
        "health of a rule": tuple(RuleHealth),
        "outcomes of evaluations": tuple(_outcomes()),
        "states of deliveries": tuple(_delivery_states()),
        "actions": ACTIONS,
        "reasons of alerts": tuple(alert_reasons.Reason),
        "reasons of notifications": tuple(notification_reasons.Reason),
        "verdicts": tuple(Verdict),
    }
    for where, words in groups.items():
        assert words, where
        for one in words:
            yield where, str(one).replace("_", " ")
    for table in (alert_reasons, notification_reasons):
        for words in table.WORDS.values():
            for setting in re.findall(r"\(([a-z_]+)\)", words):
                yield "settings that reasons name", setting.replace("_", " ")


def _outcomes() -> Iterator[str]:
    """The outcomes of an evaluation that name the final state of its flow run."""
    for node in ast.walk(ast.parse((ROOT / "flows/evaluation.py").read_text("utf-8"))):
        match node:
            case ast.Assign(targets=[ast.Name(id="STATES")], value=ast.Dict(keys=keys)):
                yield from map(_text, keys)
            case _:
                pass


def _delivery_states() -> Iterator[str]:
    description = Delivery.model_fields["state"].description or ""
    yield from re.findall(r"\w+(?=,| or | \()", description)


def _strings(path: Path, *, help_of_commands: bool) -> Iterator[tuple[int, str]]:
    """Line and text of every string but docstrings and notes on constants, which nobody sees.

    Args:
        path: a Python file
        help_of_commands: whether the docstrings of decorated functions are shown as their help
    """
    tree = ast.parse(path.read_text("utf-8"))
    unseen: set[int] = set()
    helps: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            unseen.add(id(node.value))
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            helps.add(id(getattr(node.body[0], "value", None)))
    if help_of_commands:
        unseen -= helps
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in unseen and (text := _text(node)):
            yield node.lineno, text


def _text(node: ast.AST | None) -> str:
    """The text of a constant; empty for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _name(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))
