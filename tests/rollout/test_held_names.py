"""One change of a rule at a time, also where it has several steps."""

from __future__ import annotations

from typing import Any, cast

import pytest

from sentinel.errors import Conflict
from sentinel.rollout.file_rollout import FileRollout
from sentinel.rollout.held_names import HeldNames
from sentinel.store import Store
from tests.databases import both_databases


def rollout(store: Store) -> FileRollout:
    """A rollout of files, which asks Prefect nothing yet."""
    nothing = cast("Any", None)
    return FileRollout(store, nothing, nothing)


def test_steps_of_one_change_hold_the_name_together_until_the_last(store: Store):
    mine, other = HeldNames(store), HeldNames(store)
    with mine.alone("disk-full"):
        with mine.alone("disk-full"):
            pass
        with (
            pytest.raises(Conflict, match="somebody else changes the rule"),
            other.alone("disk-full"),
        ):
            pass
        with pytest.raises(Conflict, match="changes a rule now"), rollout(store).alone():
            pass
        with other.alone("cpu"):
            pass
    with other.alone("disk-full"):
        pass


def test_a_step_that_fails_leaves_the_name_held_for_the_others(store: Store):
    mine, other = HeldNames(store), HeldNames(store)
    with mine.alone("disk-full"):
        with pytest.raises(ZeroDivisionError), mine.alone("disk-full"):
            raise ZeroDivisionError
        with pytest.raises(Conflict), other.alone("disk-full"):
            pass


@both_databases
def test_no_change_begins_during_a_rollout_and_none_is_left_held(store: Store):
    mine = HeldNames(store)
    with rollout(store).alone(), pytest.raises(Conflict, match="rolled out now"), mine.alone("cpu"):
        pass
    with mine.alone("cpu"):
        pass
