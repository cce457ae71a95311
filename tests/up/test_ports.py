"""Ports: a default gives way, a person's choice is explained."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator

import pytest

from sentinel.errors import ConfigurationError
from sentinel.up import ports


@pytest.fixture
def taken() -> Generator[int]:
    """A port that somebody, namely this test, listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_free_port_is_taken_as_wanted() -> None:
    free = ports.any_free()
    assert ports.choose(free, setting="X", explicit=True) == free


def test_a_default_that_is_taken_gives_way_to_the_next_free_one(taken: int) -> None:
    chosen = ports.choose(taken, setting="X", explicit=False)
    assert taken < chosen <= taken + 100


def test_a_port_that_a_person_chose_and_is_taken_is_explained(taken: int) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ports.choose(taken, setting="SENTINEL_API_PORT", explicit=True)
    assert f"port {taken} (SENTINEL_API_PORT) is taken" in str(refused.value)
    assert f"pid {os.getpid()}" in str(refused.value)
    assert "another port" in refused.value.hint


def test_a_port_promised_to_another_part_is_not_given_twice() -> None:
    free = ports.any_free()
    assert ports.choose(free, setting="X", explicit=False, taken=[free]) != free


def test_zero_means_any_free_port() -> None:
    assert ports.is_free(ports.choose(0, setting="X", explicit=True))
