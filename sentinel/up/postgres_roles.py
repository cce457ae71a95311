"""The databases of the embedded PostgreSQL, each with an owner who is no superuser.

A superuser may read files and run programs of this machine, whatever a transaction forbids. And the
owner of one database may not enter the other, which has the secrets of Prefect's blocks.
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import sql

__all__ = ["DATABASES", "make_databases", "owner_of"]

DATABASES = ("prefect", "sentinel")
_FOREIGN = """
SELECT kind, space, name, oid::regprocedure::text
FROM (
    SELECT 1 AS turn, CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
           WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, nspname AS space,
           relname AS name, c.oid, 'pg_class'::regclass AS catalog, relowner AS has
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm')
       OR relkind = 'S' AND NOT EXISTS (
           SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid
           AND deptype IN ('a', 'i'))
    UNION ALL
    SELECT 2, 'TYPE', nspname, typname, t.oid, 'pg_type'::regclass, typowner
    FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE typtype IN ('e', 'd')
    UNION ALL
    SELECT 3, 'ROUTINE', nspname, proname, p.oid, 'pg_proc'::regclass, proowner
    FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
) AS found
WHERE has <> {owner}::regrole
  AND space NOT IN ('pg_catalog', 'information_schema') AND space NOT LIKE 'pg_toast%'
  AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = catalog AND d.objid = found.oid AND d.deptype = 'e')
ORDER BY turn, space, name
"""
"""What a database of an earlier version has that still belongs to the superuser."""


def owner_of(database: str) -> str:
    """Return the role that owns one of `DATABASES`."""
    return f"{database}_owner"


def make_databases(
    superuser: Callable[[str], psycopg.Connection], password_of: Callable[[str], str]
) -> None:
    """Make the databases and roles that are missing; those of earlier versions get their owner.

    Args:
        superuser: connects to a database as the superuser, with every statement committed
        password_of: the password of the owner of a database

    Raises:
        OperationalError: the server does not answer
    """
    with superuser("postgres") as connection:
        there = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        roles = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        for name in DATABASES:
            database, owner = sql.Identifier(name), sql.Identifier(owner_of(name))
            make = sql.SQL("ALTER" if owner_of(name) in roles else "CREATE")
            rights = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
            # Encrypted here, so that no log of the server can have it.
            secret = connection.pgconn.encrypt_password(
                password_of(name).encode(), owner_of(name).encode(), b"scram-sha-256"
            )
            password = sql.Literal(secret.decode())
            connection.execute(
                sql.SQL("{} ROLE {} {} PASSWORD {}").format(make, owner, rights, password)
            )
            own = (
                "ALTER DATABASE {} OWNER TO {}" if name in there else "CREATE DATABASE {} OWNER {}"
            )
            connection.execute(sql.SQL(own).format(database, owner))
            close = sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC")
            connection.execute(close.format(database))
    for name in DATABASES:
        if name in there:
            _adopt(superuser, name)


def _adopt(superuser: Callable[[str], psycopg.Connection], database: str) -> None:
    owner = owner_of(database)
    with superuser(database) as connection, connection.transaction():
        query = sql.SQL(_FOREIGN).format(owner=sql.Literal(owner))
        for kind, space, name, signature in connection.execute(query).fetchall():
            # Routines of one name differ by their arguments; PostgreSQL quotes what it names.
            what = sql.SQL(signature) if kind == "ROUTINE" else sql.Identifier(space, name)
            connection.execute(
                sql.SQL("ALTER {} {} OWNER TO {}").format(
                    sql.SQL(kind), what, sql.Identifier(owner)
                )
            )
