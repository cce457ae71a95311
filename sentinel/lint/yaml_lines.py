"""The line of a YAML file that a finding is about, so that an editor can open it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from sentinel.expression.yaml_loader import read_yaml

__all__ = ["Lines", "read"]

_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_WITHIN = re.compile(r": policy '[^\n]*?': ([a-z_]\w*(?:\.\w+)*): ")
"""What a policy's own finding says of its place in the policy."""
_KEYS = ("anchor_date", "interval", "slug", "pull", "work_pool", "entrypoint", "parameters")
"""Keys of a deployment that a finding may speak of, wherever they stand in it."""


class Lines:
    """The lines of one `prefect.yaml`.

    Args:
        text: its content; where it is no YAML, nothing is known of it
    """

    def __init__(self, text: str) -> None:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError:
            root = None
        self._entries = _elements(_value(root, "deployments"))

    def of(self, place: int, what: str) -> int:
        """Return the line that a finding is about.

        Args:
            place: of the deployment in its file, from 1
            what: the finding: where it begins with a path such as `rule.every`, its line, as
                deep as it is in the file

        Returns:
            Counted from 1; 0 where it is not known.
        """
        if not 1 <= place <= len(self._entries):
            return 0
        entry = self._entries[place - 1]
        parameters = _value(entry, "parameters")
        found = _PATH.match(what)
        path = found.group().split(".") if found else []
        within = _WITHIN.match(what, found.end()) if found else None
        path += within.group(1).split(".") if within else []
        if path and parameters is not None and _key(parameters, path[0]) is not None:
            return _deepest(parameters, path)
        key = next((one for one in _KEYS if one in what), "name")
        return _anywhere(entry, key) or entry.start_mark.line + 1


def read(path: Path | str) -> tuple[Mapping[str, Any], Lines] | str:
    """Return the file's mapping and its lines, or what is wrong with it as a file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        content: object = read_yaml(text)
    except FileNotFoundError:
        return "there is no such file"
    except IsADirectoryError:
        return "it is a folder; name the files in it"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return f"it cannot be read as YAML: {' '.join(str(error).split())}"
    return cast("Mapping[str, Any]", content if isinstance(content, dict) else {}), Lines(text)


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _elements(node: yaml.Node | None) -> list[yaml.Node]:
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _key(node: yaml.Node | None, name: str) -> yaml.Node | None:
    return next((key for key, _ in _pairs(node) if key.value == name), None)


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    return next((value for key, value in _pairs(node) if key.value == name), None)


def _deepest(node: yaml.Node, path: list[str]) -> int:
    """Return the line of the last part of `path` that is there."""
    line = node.start_mark.line + 1
    within: yaml.Node | None = node
    for part in path:
        if isinstance(within, yaml.SequenceNode) and part.isdecimal():
            if int(part) >= len(within.value):
                break
            within = within.value[int(part)]
            line = within.start_mark.line + 1 if within is not None else line
            continue
        key = _key(within, part)
        if key is None:
            break
        line, within = key.start_mark.line + 1, _value(within, part)
    return line


def _anywhere(node: yaml.Node, name: str) -> int:
    """Return the line of the first key of that name in a deployment or its lists; 0 for none."""
    key = _key(node, name)
    if key is not None:
        return key.start_mark.line + 1
    for _, value in _pairs(node):
        for one in _elements(value):
            key = _key(one, name)
            if key is not None:
                return key.start_mark.line + 1
    return 0
