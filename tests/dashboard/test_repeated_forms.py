"""A double click on a form's button is one command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from dashboard.commands import Commands
from dashboard.configuration import Configuration
from dashboard.data import Data
from dashboard.identity import unconfined
from dashboard.repeated_forms import REPEATED_WITHIN, RepeatedForms
from dashboard.silence_commands import CreateSilence
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.links import Addresses
from sentinel.store import Store
from sentinel.store.database.tables import SILENCE

MOMENT = datetime(2026, 3, 2, tzinfo=UTC)
ADDRESSES = Addresses(dashboard="http://d", prefect_api="http://p/api", prefect_ui="http://p")


class Clicks:
    """Clicks of browsers, by a clock in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.done: list[str] = []
        self.forms = RepeatedForms(lambda: self.now)

    def click(self, name: str, *, session: str = "one", takes: float = 0.0) -> int:
        command = CreateSilence(matchers=[name], tenant="default", until=MOMENT)

        def work() -> int:
            self.now += takes
            self.done.append(name)
            return len(self.done)

        return self.forms.once(session, command, work)


def test_the_second_click_is_answered_as_the_first():
    clicks = Clicks()
    assert [clicks.click("a", takes=9.0), clicks.click("a"), clicks.click("a")] == [1, 1, 1]
    clicks.now += REPEATED_WITHIN + 0.01
    assert clicks.click("a") == 2


def test_other_commands_and_other_sessions_are_carried_out():
    clicks = Clicks()
    clicks.click("a")
    clicks.click("a", session="two")
    clicks.click("b")
    clicks.click("a")
    assert clicks.done == ["a", "a", "b", "a"]


def test_a_command_that_was_refused_is_tried_again():
    clicks = Clicks()

    def refused() -> None:
        raise ConfigurationError("no")

    command = CreateSilence(matchers=["a"], tenant="default", until=MOMENT)
    with pytest.raises(ConfigurationError):
        clicks.forms.once("one", command, refused)
    assert clicks.click("a") == 1


def test_two_clicks_on_silence_make_one_silence(store: Store, clock: FakeClock):
    data = Data(store, ADDRESSES, lambda: True)
    commands = Commands(data, Configuration(store, ADDRESSES))

    def submit(session: str) -> object:
        clock.forward(seconds=1)
        command = CreateSilence(
            matchers=['rule="disk"'], tenant="default", lasts=timedelta(hours=1)
        )
        return commands.run_form(command, lambda: unconfined("maria"), session)

    assert submit("one") == submit("one")
    submit("two")
    with store.read() as connection:
        ends = connection.execute(select(SILENCE.c.until).order_by(SILENCE.c.until)).scalars().all()
    assert ends == [clock.now() + timedelta(hours=1, seconds=-2), clock.now() + timedelta(hours=1)]
    endless = CreateSilence(matchers=['rule="disk"'], tenant="default")
    with pytest.raises(ConfigurationError, match="no end"):
        commands.run_form(endless, lambda: unconfined("maria"), "one")
