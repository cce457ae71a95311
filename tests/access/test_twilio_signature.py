"""Twilio's signature: its own published vectors, and text that was encoded on the way."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from hypothesis import given
from hypothesis import strategies as st

from sentinel.access.twilio_signature import is_signed, signature

TOKEN, URL = "12345", "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = [
    ("CallSid", "CA1234567890ABCDE"), ("Digits", "1234"), ("From", "+14158675309"),
    ("To", "+18005551212"), ("Caller", "+14158675309"),
]  # fmt: skip
GOOD = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
PAIRS = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=8)), max_size=5)


def test_the_vectors_that_twilio_publishes_are_met():
    # twilio-python, tests/unit/test_request_validator.py at 30368b0.
    twice = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234")]
    ported = URL.replace(".com", ".com:1234")
    plain = ported.replace("https", "http")
    for url, form, header in (
        (URL, FORM, GOOD),
        (URL, twice, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
        (ported, FORM, GOOD),
        (plain, FORM, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (URL, FORM, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (URL.replace("https", "http"), FORM, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    ):
        assert is_signed(TOKEN, url, form, header), (url, header)
        assert not is_signed("12346", url, form, header)


def test_what_was_encoded_on_the_way_is_signed_as_the_text_that_it_is():
    # `+` in the body is a space, `%2B` a plus: signed is what they stand for.
    form = [("From", "+1 415"), ("Name", "Jö & Söhne = 100%"), ("Empty", "")]
    assert parse_qsl(urlencode(form), keep_blank_values=True) == form
    good = signature(TOKEN, URL, form)
    assert is_signed(TOKEN, URL, form, good)
    assert not is_signed(TOKEN, URL, [("From", "%2B1+415"), *form[1:]], good)


@given(PAIRS, PAIRS, st.text(max_size=30))
def test_only_the_signature_of_exactly_this_is_accepted(
    form: list[tuple[str, str]], other: list[tuple[str, str]], header: str
):
    good = signature(TOKEN, URL, form)
    assert is_signed(TOKEN, URL, form, good)
    assert is_signed(TOKEN, URL, form[::-1], good)
    assert not is_signed(TOKEN, URL + "&x=1", form, good)
    assert not is_signed("", URL, form, signature("", URL, form))
    assert is_signed(TOKEN, URL, form, header) == (header == good)
    joined = ["".join(map("".join, sorted(set(one)))) for one in (form, other)]
    assert is_signed(TOKEN, URL, other, good) == (joined[0] == joined[1])
