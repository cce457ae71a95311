"""Where a value of a YAML document stands, so that an error can name its line and column. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

__all__ = ["Positions", "position"]


def position(text: str, path: Sequence[str | int]) -> tuple[int, int] | None:
    """Return where a value stands, or what is there of the way to it.

    Args:
        text: of a document that was read before, so that its size is bounded
        path: names and places in lists, from 0, as pydantic gives them

    Returns:
        Line and column, both counted from 1, of the last part of the path that is there: of a name
        where it is one; None where the text is no YAML.
    """
    return Positions(text).of(path)


class Positions:
    """Where the values of a document stand; it is parsed once.

    Args:
        text: of a document that was read before, so that its size is bounded
    """

    def __init__(self, text: str) -> None:
        try:
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError):
            self._root = None

    def of(self, path: Sequence[str | int]) -> tuple[int, int] | None:
        """Return where a value stands.

        Args:
            path: as of `position`

        Returns:
            As of `position`.
        """
        node = self._root
        if node is None:
            return None
        mark = node.start_mark
        for part in path:
            if isinstance(node, yaml.SequenceNode):
                if not isinstance(part, int) or part >= len(node.value):
                    break
                node = node.value[part]
                mark = node.start_mark
            elif isinstance(node, yaml.MappingNode):
                found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
                if found is None:
                    break
                mark, node = found[0].start_mark, found[1]
            else:
                break
        return mark.line + 1, mark.column + 1
