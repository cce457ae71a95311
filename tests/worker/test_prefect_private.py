"""When Prefect moves, this says which name it was, and what breaks without it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from sentinel.worker import prefect_private
from sentinel.worker.prefect_private import NEEDED, Needed, missing

WORKER = Path(prefect_private.__file__).parent


@pytest.mark.parametrize("needed", NEEDED, ids=lambda needed: needed.name)
def test_prefect_still_has(needed: Needed):
    assert missing(needed) == ""


def test_a_missing_name_is_reported_with_its_purpose():
    gone = Needed("prefect.flow_engine", "NoSuchEngine.start", (), "running anything")
    assert missing(gone) == (
        "Prefect has no prefect.flow_engine.NoSuchEngine.start any more. "
        "It was needed: running anything."
    )
    changed = Needed("prefect.states", "to_state_create", ("nonsense",), "telling states")
    assert missing(changed) == (
        "prefect.states.to_state_create no longer takes nonsense. It was needed: telling states."
    )


def test_no_other_file_imports_undocumented_names_of_prefect():
    private = {"prefect._internal", "prefect.flow_engine", "prefect.logging.handlers",
               "prefect.events.worker", "prefect.utilities"}  # fmt: skip
    for file in WORKER.glob("*.py"):
        if file.name == "prefect_private.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                known = [name for name in private if node.module.startswith(name)]
                assert known == [], f"{file.name} imports {node.module}"
