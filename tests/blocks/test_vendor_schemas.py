"""What a channel sends is held against what its vendor publishes, or says that it is unverified."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from blocks.vendors import VENDORS
from tests.blocks.vendors_world import schema

GUIDE = Path("docs/how-to/notify-through-a-vendor.md").read_text()
OF_NO_VENDOR = {"apprise", "template_webhook", "web_push"}
"""They send what the person who adds them asks for, or to readers of ours."""
WORDS = sorted(set(VENDORS) - OF_NO_VENDOR)


@pytest.mark.parametrize("word", WORDS)
def test_each_source_has_an_address_and_the_day_on_which_it_was_read(word: str):
    sources = schema(word)["x-sources"]
    assert sources
    for one in sources:
        assert one["url"].startswith("https://")
        assert re.search(r"read on \d{4}-\d\d-\d\d$", one["at"])
        if "/blob/" in one["url"]:  # of one version, which does not change
            assert re.search(r"/blob/[0-9a-f]{7,40}/", one["url"])


@pytest.mark.parametrize("word", WORDS)
def test_the_channel_and_the_guide_say_what_is_unverified(word: str):
    unverified = bool(schema(word)["x-unverified"])
    assert ("unverified" in (sys.modules[VENDORS[word].__module__].__doc__ or "")) == unverified
    (row,) = re.findall(rf"^\| `{word.replace('_', '-')}` \| \[.*$", GUIDE, re.MULTILINE)
    source = schema(word)["x-sources"][0]["url"]
    assert f"]({source})" in row or f"tests/blocks/schemas/{word}.json)" in row
    assert ("unverified" in row) == unverified
