"""Make Airflow's metadata database ready: its tables, and the pools that the DAGs name.

This takes seconds, so the database remembers for which version it was done.
"""

import hashlib
import logging
import subprocess
import sys
from importlib.metadata import version

import psycopg
from filelock import FileLock
from psycopg import sql

from pipeline.airflow_support.pools import POOLS
from pipeline.embedded.airflow_environment import home
from pipeline.embedded.urls import airflow_database_url
from pipeline.settings import Settings

logger = logging.getLogger(__name__)

PREPARE_SECONDS = 300.0


def prepare(settings: Settings) -> None:
    """Make the database ready unless it is. Airflow's environment must be set; one process works, others wait for it.

    Raises:
        subprocess.CalledProcessError: Airflow could not migrate its tables; what it said is on stderr.
    """
    with (
        FileLock(home(settings) / "prepare.lock", timeout=PREPARE_SECONDS),
        psycopg.connect(airflow_database_url(settings), autocommit=True) as connection,
    ):
        if _mark(connection) != _wanted():
            # In a process of its own: what a migration takes in memory would stay in a server for ever.
            subprocess.run([sys.executable, "-P", "-m", __name__], check=True)
            database = sql.Identifier(connection.info.dbname)
            connection.execute(sql.SQL("comment on database {} is {}").format(database, _wanted()))


def _mark(connection: psycopg.Connection) -> str | None:
    query = "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()"
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def _wanted() -> str:
    pools = hashlib.sha256(repr(POOLS).encode()).hexdigest()[:8]
    return f"ready for Airflow {version('apache-airflow-core')}, pools {pools}"


def _migrate() -> None:
    from airflow.models.pool import Pool
    from airflow.utils.db import upgradedb

    upgradedb()
    for pool in POOLS:
        Pool.create_or_update_pool(pool.name, pool.slots, pool.description, include_deferred=False)
        logger.info("pool %s has %s slots", pool.name, pool.slots)


if __name__ == "__main__":
    _migrate()
