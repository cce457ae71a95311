"""A person's name is replaced where it is a name, and nowhere else."""

from __future__ import annotations

import pytest

from sentinel.audit.erased_names import ErasedName

MARIA = ErasedName("maria", "erased-1", any_case=True)


@pytest.mark.parametrize(
    "text",
    ["maria.lopez", "ana.maria", "maria-2", "2-maria", "maria@example.org", "@maria", "mariana"],
)
def test_a_longer_name_is_somebody_else(text: str):
    assert MARIA.in_text(f"{text} made the key bot") == f"{text} made the key bot"
    event = {"who": text, "subject": text, "labels": {"who": text}}
    assert MARIA.in_fields(event) == event


def test_a_name_is_replaced_as_a_word_of_texts():
    assert MARIA.in_text("maria gave a role to Maria.") == "erased-1 gave a role to erased-1."
    assert ErasedName("maria", "erased-1").in_text("by Maria, by maria") == "by Maria, by erased-1"
    assert ErasedName('a "b"', "erased-1").in_fields({"title": 'a "b" came'}) == {
        "title": "erased-1 came"
    }


def test_a_name_is_replaced_in_names_and_texts_at_any_depth():
    assert MARIA.in_fields(
        {
            "who": "maria via bot", "subject": "Maria", "message": "by maria", "person": "maria",
            "labels": {"object_kind": "person", "object": "maria"},
            "annotations": {"ask": "not maria"},
            "alerts": [{"title": "maria made it", "event": {"who": "maria"}}],
        }
    ) == {
        "who": "erased-1 via bot", "subject": "erased-1", "message": "by erased-1",
        "person": "erased-1", "labels": {"object_kind": "person", "object": "erased-1"},
        "annotations": {"ask": "not erased-1"},
        "alerts": [{"title": "erased-1 made it", "event": {"who": "erased-1"}}],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["key", "security", "sentinel", "api", "who", "admin", "bot"])
def test_what_only_looks_like_the_name_stays(name: str):
    event = {
        "source": "sentinel", "category": "security", "action": "key.expires", "key": "bot",
        "door": "api", "who": "ada", "who_kind": "key", "roles": "admin", "object_kind": "key",
        "object": "bot", "what": "POST /api/admin",
    }  # fmt: skip
    assert ErasedName(name, "erased-1", any_case=True).in_fields(event) == event
    assert ErasedName(name, "erased-1").in_fields({"who": f"lena via {name}"}) == {
        "who": f"lena via {name}"
    }
