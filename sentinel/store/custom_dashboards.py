"""Custom dashboards of people and teams, each seen and changed by whom it belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from sentinel.access import Permission, Principal
from sentinel.audit.change import Change
from sentinel.boards.document import BoardDocument, CountTile, TableTile, board_of
from sentinel.errors import ConfigurationError, NotFound, OutOfScope
from sentinel.schema.custom_dashboards import CustomDashboard
from sentinel.store.access.grants import places
from sentinel.store.alerts.filter import AlertFilter, narrowed
from sentinel.store.alerts.search_syntax import read_search
from sentinel.store.database.alone import alone
from sentinel.store.database.insert import insert_into
from sentinel.store.database.scoped import in_scope
from sentinel.store.database.tables import table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["LONGEST_NAME", "MOST_BOARDS", "Board", "Boards", "Place"]

_BOARD = table_of(CustomDashboard)
LONGEST_NAME = 60
MOST_BOARDS = 50
"""Of one person, or of one team."""


class Place(msgspec.Struct, frozen=True):
    """Whose a dashboard is: of a team in a tenant, or a person's own where both are empty."""

    tenant: str = ""
    team: str = ""

    @property
    def is_own(self) -> bool:
        """Whether it is a person's own."""
        return not self.team


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """A custom dashboard.

    Attributes:
        place: whose it is
        saved_by: who saved it last
        tag: of this version
        changes: whether whoever asked may change it
        problem: why its document cannot be read, as one of a later version; it has no tiles then
    """

    name: str
    place: Place
    document: BoardDocument
    saved_at: datetime
    saved_by: str
    tag: str
    changes: bool
    problem: str = ""


def board_name(given: str) -> str:
    """Return the name that a dashboard is saved under.

    Returns:
        The name with single blanks.

    Raises:
        ConfigurationError: it is none
    """
    name = " ".join(given.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ConfigurationError(
            f"{given[:LONGEST_NAME]!r} is no name for a dashboard",
            hint=f"Write 1 to {LONGEST_NAME} printable characters.",
        )
    return name


class Boards:
    """Custom dashboards, as somebody may see and change them.

    Args:
        store: the shared database
        who: asks; sees their own, those of teams in the scope of their roles, and changes those
            of teams where they are an editor
    """

    def __init__(self, store: Store, who: Principal) -> None:
        self._store = store
        self._who = who

    def list(self) -> list[Board]:
        """Return the dashboards that the person sees: their own first, by name."""
        team = and_(
            _BOARD.c.owner == "", *in_scope(self._who.scope(Permission.READ), _BOARD.c.tenant,
                                            _BOARD.c.team)
        )  # fmt: skip
        query = select(_BOARD).where(or_(_BOARD.c.owner == self._who.owner, team))
        order = (_BOARD.c.team, _BOARD.c.tenant, func.lower(_BOARD.c.name))
        with self._store.read() as connection:
            return [self._board(row) for row in connection.execute(query.order_by(*order))]

    def get(self, name: str, place: Place) -> Board:
        """Return one dashboard.

        Args:
            name: of the dashboard
            place: whose it is

        Returns:
            The dashboard.

        Raises:
            NotFound: there is none, or it is out of scope
        """
        with self._store.read() as connection:
            return self._board(self._row(connection, name, place))

    def save(
        self,
        name: str,
        place: Place,
        document: BoardDocument,
        *,
        actor: str,
        check: Callable[[str], None] | None = None,
    ) -> Board:
        """Save a dashboard, replacing the one of that name.

        Args:
            name: 1 to 60 printable characters
            place: whose it is
            document: its tiles
            actor: who saves it
            check: is given the tag of the version that there is, empty for none, and may refuse

        Returns:
            The dashboard as it is now.

        Raises:
            OutOfScope: the person may not change dashboards of that team
            ConfigurationError: the name or a search cannot be used, or there are too many
        """
        named = board_name(name)
        self._check(place)
        _check_searches(document, self._store.now())
        key = self._key(place)
        text = document.model_dump_json()

        def work(connection: Connection) -> Board:
            alone(connection)  # or two who saw one version, or the 50th, would both be let in
            was = connection.execute(select(_BOARD).where(*key, _BOARD.c.name == named)).first()
            if check is not None:
                check("" if was is None else _tag(was.document))
            count = connection.execute(
                select(func.count()).where(*key).select_from(_BOARD)
            ).scalar()
            if was is None and (count or 0) >= MOST_BOARDS:
                raise ConfigurationError(
                    f"there are {MOST_BOARDS} dashboards already", hint="Remove one first."
                )
            values = {"document": text, "saved_at": self._store.now(), "saved_by": actor}
            connection.execute(
                insert_into(self._store.dialect, _BOARD)
                .values(owner=self._owner(place), tenant=place.tenant, team=place.team, name=named,
                        **values)
                .on_conflict_do_update(index_elements=["owner", "tenant", "team", "name"],
                                       set_=values)
            )  # fmt: skip
            if was is None or was.document != text:
                self._record(connection, "dashboard.saved", actor, place, named,
                             None if was is None else was.document, text)  # fmt: skip
            return self._board(self._row(connection, named, place))

        return self._store.in_transaction(work)

    def remove(
        self, name: str, place: Place, *, actor: str, check: Callable[[str], None] | None = None
    ) -> Board:
        """Remove a dashboard.

        Args:
            name: of the dashboard
            place: whose it is
            actor: who removes it
            check: is given the tag of the version that there is, and may refuse

        Returns:
            The dashboard as it was, so that it can be saved again.

        Raises:
            NotFound: there is none, or it is out of scope
            OutOfScope: the person may not change dashboards of that team
        """

        def work(connection: Connection) -> Board:
            alone(connection)
            row = self._row(connection, name, place)
            self._check(place)
            if check is not None:
                check(_tag(row.document))
            connection.execute(_BOARD.delete().where(*self._key(place), _BOARD.c.name == row.name))
            self._record(connection, "dashboard.removed", actor, place, row.name, row.document,
                         None)  # fmt: skip
            return self._board(row)

        return self._store.in_transaction(work)

    def may_change(self, place: Place) -> bool:
        """Return whether the person may change dashboards there: their own, or as an editor."""
        return place.is_own or self._who.allows(Permission.EDIT, place.tenant, place.team)

    def _check(self, place: Place) -> None:
        if not place.is_own:
            places([place.tenant], [place.team])
        if not self.may_change(place):
            raise OutOfScope(
                f"{self._who.name} may not change dashboards of the team {place.team!r}",
                hint="An editor of that team and tenant may.",
            )

    def _owner(self, place: Place) -> str:
        return self._who.owner if place.is_own else ""

    def _key(self, place: Place) -> tuple[ColumnElement[bool], ...]:
        return (
            _BOARD.c.owner == self._owner(place),
            _BOARD.c.tenant == place.tenant,
            _BOARD.c.team == place.team,
        )

    def _row(self, connection: Connection, name: str, place: Place) -> Row[Any]:
        seen = place.is_own or self._who.allows(Permission.READ, place.tenant, place.team)
        query = select(_BOARD).where(*self._key(place), _BOARD.c.name == " ".join(name.split()))
        seen = seen and "\0" not in f"{name}{place.tenant}{place.team}"
        row = connection.execute(query).first() if seen else None
        if row is None:
            raise NotFound(
                f"there is no dashboard {name[:LONGEST_NAME]!r}", hint="See the page Dashboards."
            )
        return row

    def _board(self, row: Row[Any]) -> Board:
        place, problem = Place(row.tenant, row.team), ""
        try:
            document = board_of(_decoded(row.document))
        except ConfigurationError as error:
            document, problem = BoardDocument(), error.message
        return Board(
            name=row.name, place=place, document=document, saved_at=row.saved_at,
            saved_by=row.saved_by, tag=_tag(row.document), changes=self.may_change(place),
            problem=problem,
        )  # fmt: skip

    def _record(
        self,
        connection: Connection,
        action: str,
        actor: str,
        place: Place,
        name: str,
        before: str | None,
        after: str | None,
    ) -> None:
        told = [None if text is None else _decoded(text) for text in (before, after)]
        change = Change(
            action=action, object_kind="dashboard", object_id=place.team, object_name=name,
            tenant=place.tenant, before=told[0], after=told[1],
        )  # fmt: skip
        self._store.audit.add(connection, change, actor=actor)


def _decoded(document: str) -> Any:
    """Return what a stored document says; its text where that is no JSON."""
    try:
        return msgspec.json.decode(document)
    except msgspec.DecodeError:
        return document


def _check_searches(document: BoardDocument, now: datetime) -> None:
    """Refuse a tile whose search the tile itself could only show as an error.

    Raises:
        ConfigurationError: a search cannot be read, or names what there is not
    """
    for place, tile in enumerate(document.tiles):
        if isinstance(tile, CountTile):
            field, text = "search", tile.search
        elif isinstance(tile, TableTile):
            field, text = "view", parse_qs(tile.view).get("q", [""])[-1]
        else:
            continue
        try:
            narrowed(AlertFilter(all_of=(read_search(text),)), now)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"tiles.{place}.{field}: {error.message}", hint=error.hint
            ) from None


def _tag(document: str) -> str:
    return f'"{hashlib.sha256(document.encode()).hexdigest()[:32]}"'
