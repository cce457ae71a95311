"""Samples held against what a vendor publishes of its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema

__all__ = ["refuse_others"]


def refuse_others(vendor: str, kinds: Mapping[str, Sequence[Any]]) -> None:
    """Refuse a sample that is not as the vendor's schema says.

    Args:
        vendor: whose schema
        kinds: samples by the name of their definition
    """
    path = Path(__file__).parent / "schemas" / f"{vendor}.json"
    known: dict[str, Any] = json.loads(path.read_text("utf-8"))["$defs"]
    library: Any = jsonschema
    for kind, items in kinds.items():
        checker = library.Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": known})
        for one in items:
            checker.validate(one)
