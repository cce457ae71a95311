"""Regular expressions that cannot hang: the answers of Python's `re`, in linear time."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sentinel.errors import PatternError
from sentinel.regex.matcher import MAX_SEARCHED, Pattern, pattern


@pytest.mark.parametrize(
    ("source", "text", "found"),
    [
        ("sudo", "run sudo now", True),
        ("^/admin/.*\\.(php|aspx?)$", "/admin/x/login.php", True),
        ("^/admin/.*\\.(php|aspx?)$", "/admin/x/login.phpx", False),
        ("\\bsudo\\b", "pseudosudo", False),
        ("\\bsudo\\b", "a sudo.", True),
        ("(?i)FAILED (login|logon)", "failed Logon for root", True),
        ("a{2,3}b", "ab", False),
        ("a{2,3}b", "aaaab", True),
        ("[^a-z]", "abc", False),
        ("^$", "", True),
        ("^$", "x", False),
        ("a{,2}b", "b", True),
        ("x{", "x{", True),
        ("[]a]", "]", True),
        ("\\x41\\u00e9", "Aé", True),
    ],
)
def test_a_pattern_is_found_or_not(source: str, text: str, found: bool):
    assert Pattern(source).search(text) is found


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("(a)\\1", "back references"),
        ("(?=a)", "looking around"),
        ("(?<!a)b", "looking around"),
        ("a**", "repetition of a repetition"),
        ("a++", "possessive"),
        ("*a", "nothing to repeat, at column 1"),
        ("(a", "not closed, at column 1"),
        ("a)", "nothing opens"),
        ("[a", "not closed"),
        ("[b-a]", "backwards"),
        ("(?x)a", "flag 'x'"),
        ("\\q", "not known"),
        ("a{3,2}", "smaller"),
        ("((a{1,99}){1,99}){1,99}", "too large"),
        ("x" * 501, "501 characters"),
        ("(" * 40 + ")" * 40, "nested"),
        ("a\\", "ends too early"),
    ],
)
def test_what_cannot_be_had_in_linear_time_is_refused_with_its_column(source: str, says: str):
    with pytest.raises(PatternError, match=re.escape(says)):
        Pattern(source)


@pytest.mark.parametrize(
    "source", ["(a+)+$", "(a|a)*c$", "(a*)*b", "(.*a){12}$", "(a|b)*a(a|b){12}c", "(.*)(.*)(.*)x"]
)
def test_patterns_that_take_re_minutes_are_answered(source: str):
    assert Pattern(source).search("a" * 5000 + "!") is False


def test_only_the_first_characters_of_a_long_text_are_matched():
    assert Pattern("x").search(" " * (MAX_SEARCHED - 1) + "x") is True
    assert Pattern("[x]").search(" " * MAX_SEARCHED + "x") is False


def test_states_are_forgotten_where_there_are_too_many_and_the_answer_stays():
    one = Pattern("(a|b)*a(a|b){14}c")
    text = "".join("ab"[(n * n // 7) % 2] for n in range(4000))
    assert one.search(text) is False
    assert one.search(text + "abbbbbbbbbbbbbbc") is True


def test_a_pattern_is_compiled_once():
    assert pattern("a+") is pattern("a+")


CHARACTERS = st.sampled_from("abAB_ .\n0é")
_ATOMS = st.one_of(
    st.sampled_from(["a", "b", "A", "_", "0", "é", " ", "\\.", ".", "\\d", "\\w", "\\s", "\\W",
                     "\\S", "\\D", "[ab]", "[^a]", "[a-z0]", "[\\w.]", "[^\\s_]", "^", "\\Z", "\\b",
                     "\\B", "\\A"]),
)  # fmt: skip
_ZERO_WIDTH = ("^", "\\Z", "\\b", "\\B", "\\A")


def _bigger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda x: f"({'|'.join(x)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,2}", "*?"])).map(
            lambda x: x[0] if x[0] in _ZERO_WIDTH else f"(?:{x[0]}){x[1]}"
        ),
    )


PATTERNS = st.recursive(_ATOMS, _bigger, max_leaves=8)


@settings(max_examples=600)
@given(source=PATTERNS, text=st.text(CHARACTERS, max_size=12), ignore_case=st.booleans())
def test_the_answer_is_the_one_of_re(source: str, text: str, ignore_case: bool):
    assume(text or "\\B" not in source)  # of nothing, Python changed its mind in 3.14
    flags = re.IGNORECASE if ignore_case else 0
    expected = re.search(source, text, flags) is not None
    assert Pattern(source, ignore_case=ignore_case).search(text) is expected


@given(text=st.text(max_size=40))
def test_any_text_is_a_pattern_or_is_refused(text: str):
    with suppress(PatternError):
        assert Pattern(text).search("aa0 _b\n" + text) in (True, False)
