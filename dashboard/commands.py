"""The one way of a command, wherever it comes from: authorised, validated, carried out.

A command comes from a widget over Streamlit's connection, from a browser over the HTTP route
beside it (`live_api`), or from a form of a page. `Commands.run` takes all three. Who may act is
for the place where a command arrives to say, with a function that names the actor or raises.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

import msgspec

from dashboard.alert_commands import MOST_KEPT, AlertCommand, AlertCommands, Answer
from dashboard.command_permissions import check_permission
from dashboard.configuration import Configuration
from dashboard.data import Data
from dashboard.database_errors import database, is_unsettled
from dashboard.refusals import Refusals
from dashboard.repeated_forms import RepeatedForms
from sentinel.access import Permission, Principal, Scope
from sentinel.audit.origin import Origin, acting
from sentinel.errors import ConfigurationError, SentinelError
from sentinel.store.access.within import Within

__all__ = ["Authorise", "Command", "Commands", "Services"]

_log = logging.getLogger("sentinel.dashboard")

Authorise = Callable[[], Principal]
"""Names who acts; raises a ConfigurationError where nobody may act from there."""
R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


class Services(msgspec.Struct, frozen=True):
    """What commands work on.

    Attributes:
        within: the store, where whoever sent the command has the permission for it
        sees: where they may read
        alerts: carries out commands for alerts
        configuration: the dashboard's access to what is configured
        who: sent the command
    """

    within: Within
    sees: Scope
    alerts: AlertCommands
    configuration: Configuration
    who: Principal


class Command(Protocol[R_co]):
    """A command: a msgspec Struct whose fields are what has to be valid."""

    def carry_out(self, services: Services, actor: str) -> R_co:
        """Do it as `actor`."""
        ...


class Commands:
    """Authorises, validates and carries out commands.

    Args:
        data: the dashboard's access to alerts
        configuration: the dashboard's access to what is configured
        refusals: records who may not do what they sent
    """

    def __init__(
        self, data: Data, configuration: Configuration, refusals: Refusals | None = None
    ) -> None:
        self._refusals = refusals or Refusals()
        self._repeated = RepeatedForms()
        self._data = data
        self._alerts = AlertCommands(data)
        self._configuration = configuration

    def run(self, kind: type[Command[R]], given: object, authorise: Authorise) -> R:
        """Authorise, validate and carry out one command.

        Args:
            kind: of the command
            given: its fields, as JSON or a form has them
            authorise: of the place where it arrived

        Returns:
            what the command returns

        Raises:
            msgspec.ValidationError: `given` is no such command; nothing was done
            ConfigurationError: whoever sent it may not act from there, or lacks the permission;
                nothing was done
            DatabaseError: the database cannot be used; nothing was done
        """
        who = authorise()
        with self._refusals.of_command(kind, who):
            allowed = check_permission(kind, who)
        within, sees = self._data.within(allowed), who.scope(Permission.READ)
        command = cast("Command[R]", msgspec.convert(given, cast("type[Any]", kind)))
        _log.debug("%s of %s", kind.__name__, who.name)
        with acting(Origin("dashboard", who.kind, who.id)), database():
            services = Services(within, sees, self._alerts, self._configuration, who)
            return command.carry_out(services, who.name)

    def run_form(self, command: Command[R], authorise: Authorise, session: str = "") -> R:
        """Run the command of a form.

        Args:
            command: as the page made it from its fields
            authorise: of the page's session
            session: id of the page's session, whose double clicks are one; empty for none

        Returns:
            what the command returns, or has just returned to the first of two clicks

        Raises:
            ConfigurationError: a field cannot be used, or whoever sent it may not act; nothing
                was done
            DatabaseError: the database cannot be used; nothing was done
        """

        def carry_out() -> R:
            return self.run(type(command), msgspec.to_builtins(command), authorise)

        try:
            return self._repeated.once(session, command, carry_out) if session else carry_out()
        except msgspec.ValidationError as error:
            raise ConfigurationError(str(error), hint="Change the field and try again.") from error

    def run_all(self, given: object, authorise: Authorise) -> list[Answer]:
        """Run the commands for alerts that a browser sent.

        Args:
            given: a list of commands, as JSON has them
            authorise: of the connection that they came over

        Returns:
            the answer of each, in their order; none for one that still runs elsewhere, that the
            database did not confirm, or that has no id to answer
        """
        answers: list[Answer] = []
        for one in cast("list[object]", given if isinstance(given, list) else [])[:MOST_KEPT]:
            try:
                answer = self.run(AlertCommand, one, authorise)
            except (msgspec.ValidationError, SentinelError) as error:
                _log.warning("a command from a browser was refused: %s", error)
                answer = None if is_unsettled(error) else _refusal(one, error)
            if answer is not None:
                answers.append(answer)
        return answers


def _refusal(given: object, error: Exception) -> Answer | None:
    """The answer that ends a command, as a browser sends it again until it is answered."""
    known = cast("dict[object, object]", given).get("id") if isinstance(given, dict) else None
    return Answer(id=known, error=str(error)) if isinstance(known, str) and known else None
