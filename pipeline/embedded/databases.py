"""The databases of the embedded server, each with a role of its own that owns it."""

import psycopg
from psycopg import sql

from pipeline.embedded.cluster import SUPERUSER, Cluster

# database → the role that owns it; of any other database it is the superuser
OWNERS = {"shop": "tillroll", "airflow": "airflow"}


def owner_of(database: str) -> str:
    """The role that owns a database."""
    return OWNERS.get(database, SUPERUSER)


def ensure_database(connection: psycopg.Connection, cluster: Cluster, name: str) -> None:
    """Create a database and its owner, unless they exist. `connection` is the superuser's, in autocommit."""
    owner = owner_of(name)
    if not connection.execute("select 1 from pg_roles where rolname = %s", [owner]).fetchone():
        # Hashed here: a password in a statement could end up in the server's log.
        secret = connection.pgconn.encrypt_password(
            cluster.password(owner).encode(), owner.encode(), b"scram-sha-256"
        ).decode()
        connection.execute(sql.SQL("create role {} login password {}").format(sql.Identifier(owner), secret))
    if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
        connection.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(owner)))
