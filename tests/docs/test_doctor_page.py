"""The page about `sentinel doctor` has each of its rows, in their order."""

from __future__ import annotations

import ast
import re

from tests.docs.pages import DOCS
from tests.prefect_server import ROOT


def rows() -> list[str]:
    """The names of the checks, in the order in which they are made."""
    tree = ast.parse((ROOT / "sentinel/up/checks.py").read_text("utf-8"))
    (check_all,) = [
        one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == "check_all"
    ]
    lists = [
        one.value.elts
        for one in ast.walk(check_all)
        if isinstance(one, ast.AnnAssign) and isinstance(one.value, ast.List)
    ]
    (checks,) = filter(None, lists)
    return [ast.literal_eval(one.elts[0]) for one in checks if isinstance(one, ast.Tuple)]


def test_the_page_has_every_row_of_the_doctor_and_twenty_faults():
    page = (DOCS / "how-to/find-a-fault.md").read_text("utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| ")][1:]
    first = [line.split("|")[1] for line in lines]
    assert [name for cell in first for name in re.findall(r"`([^`]+)`", cell)] == rows()
    assert len(lines) >= 20
    assert all(cell.strip() for line in lines for cell in line.split("|")[2:4])
