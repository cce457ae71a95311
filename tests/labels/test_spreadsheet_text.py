"""No text in a CSV file is run as a formula by a spreadsheet."""

from __future__ import annotations

import pytest

from sentinel.labels.spreadsheet_text import spreadsheet_text


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "\n=1", "＝1+1"]
)
def test_no_text_is_a_formula(text: str):
    assert spreadsheet_text(text).startswith("'")


@pytest.mark.parametrize(
    "unseen", ["\u200b", "\ufeff", "\u2060", "\u00ad", "\x00", "\x1f", "\u202e", "\u3164", "\ufe0f"]
)
@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_no_text_is_a_formula_behind_characters_that_nobody_sees(unseen: str, sign: str):
    assert spreadsheet_text(f"{unseen}{sign}1+1").startswith("'")
    assert spreadsheet_text(f" {unseen}{unseen} {sign}1").startswith("'")
    assert spreadsheet_text(f"disk;{unseen}{sign}1") == f"disk;'{unseen}{sign}1"


def test_no_part_of_a_text_is_a_formula_where_cells_are_parted_by_semicolons():
    assert spreadsheet_text("disk; =cmd()\n@SUM(1)") == "disk;' =cmd()\n'@SUM(1)"


@pytest.mark.parametrize("text", ["", "disk", "1-2", "a=b", "/data", "a; b", "two\nlines"])
def test_other_text_stays_as_it_is(text: str):
    assert spreadsheet_text(text) == text
