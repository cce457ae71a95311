"""Places of those who log in: no single address takes them all."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from sentinel.serving.password_places import NoPlace, PasswordPlaces


def test_an_address_has_a_few_places_and_others_still_find_one():
    places = PasswordPlaces(at_once=5, places=5, of_address=2)
    with ExitStack() as open_:
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
            open_.enter_context(places.taken(address))
        with pytest.raises(NoPlace) as refused, places.taken("192.0.2.1"):
            pass
        assert refused.value.of_address
        for address in ("192.0.2.2", "192.0.2.3"):
            open_.enter_context(places.taken(address))
        with pytest.raises(NoPlace) as refused, places.taken("192.0.2.4"):
            pass
        assert not refused.value.of_address
    with places.taken("192.0.2.1"), places.taken("192.0.2.1"):
        pass


def test_a_place_is_free_again_after_a_failure():
    places = PasswordPlaces(at_once=1, places=1, of_address=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="wrong"), places.taken("192.0.2.1"):
            raise ValueError("wrong")
