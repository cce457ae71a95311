"""The reference says what the code says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MADE = runpy.run_path(str(ROOT / "docs/reference/make.py"))["pages"]()


@pytest.mark.parametrize("page", sorted(MADE))
def test_the_page_is_what_the_code_makes(page: str):
    written = (ROOT / "docs/reference" / page).read_text()
    assert written == MADE[page], "run: python docs/reference/make.py"


@pytest.mark.parametrize(
    "page",
    sorted(
        str(path.relative_to(ROOT))
        for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")]
    ),
)
def test_every_link_within_the_repository_leads_somewhere(page: str):
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (path.parent / target).exists(), f"{page} links to {target}"
