"""The database: where it is, and one transaction per ingest, one ingest at a time."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import Cursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from ingestion.errors import ShopError

URL_VARIABLE = "TILLROLL_SOURCE_URL"
# Any constant will do that nobody else locks, the pipeline's extract included: 'shop' in ASCII.
ADVISORY_LOCK = 0x73686F70
LOCK_TIMEOUT_S = 900.0
_REMEDY = f"Start the practice shop's PostgreSQL with `make up`, or let {URL_VARIABLE} name one that may be filled."


@contextmanager
def shop_transaction(url: str) -> Iterator[Cursor[TupleRow]]:
    """A cursor in a transaction that is committed at the end, and nothing of it if anything fails.

    Waits while another ingest of the same database runs.

    Raises:
        ShopError: the URL is none, the database cannot be reached, or another ingest kept it for 15 minutes.
    """
    _check(url)
    try:
        connection = psycopg.connect(url, client_encoding="utf8", connect_timeout=10, application_name="tillroll shop")
    except psycopg.Error as error:
        raise ShopError(
            f"no PostgreSQL answers at {_place(url)}: {str(error).splitlines()[0]}",
            f"Start the embedded one with `make up`, or let {URL_VARIABLE} name a running one.",
        ) from None
    with connection:
        with connection.cursor() as cursor:
            _wait_for_other_ingests(cursor, url)
            with _failpoint("ingest.write"):
                yield cursor
        with _failpoint("ingest.commit"):
            connection.commit()


@contextmanager
def _failpoint(name: str) -> Iterator[None]:
    """What `pipeline.failpoints` raises for its steps: without a hook, nobody notices."""
    sys.audit("tillroll.failpoint", name, "before")
    yield
    sys.audit("tillroll.failpoint", name, "after")


def find_url() -> str:
    """The database to fill: what `tillroll url shop` prints, or TILLROLL_SOURCE_URL where there is no `tillroll`.

    `tillroll` knows every setting, and so that a real shop's database (TILLROLL_SOURCE=external) is never filled.

    Raises:
        ShopError: neither says, or the database is a real shop's.
    """
    beside_python = Path(sys.executable).with_name("tillroll")
    program = str(beside_python) if beside_python.exists() else shutil.which("tillroll")
    if program is None:
        return _url_of_environment()
    answer = subprocess.run([program, "url", "shop"], capture_output=True, text=True, check=False)
    if answer.returncode or not answer.stdout.strip():
        reason = (answer.stderr.strip().splitlines() or ["it printed nothing"])[0].removeprefix("error: ")
        raise ShopError(f"`tillroll url shop` does not say where the shop's database is: {reason}", _REMEDY)
    return answer.stdout.strip()


def _wait_for_other_ingests(cursor: Cursor[TupleRow], url: str) -> None:
    cursor.execute("select set_config('lock_timeout', %s, true)", (f"{LOCK_TIMEOUT_S * 1000:.0f}ms",))
    try:
        cursor.execute("select pg_advisory_xact_lock(%s)", (ADVISORY_LOCK,))
    except psycopg.errors.LockNotAvailable:
        raise ShopError(
            f"another ingest of {_place(url)} has been running for {LOCK_TIMEOUT_S:.0f} s",
            "Wait for it, or end it (its session is named 'tillroll shop' in pg_stat_activity). Nothing was written.",
        ) from None
    cursor.execute("set local lock_timeout to default")


def _url_of_environment() -> str:
    url = os.environ.get(URL_VARIABLE)
    if not url:
        raise ShopError(f"{URL_VARIABLE} is not set and there is no `tillroll` to ask", _REMEDY)
    if os.environ.get("TILLROLL_SOURCE") == "external":
        raise ShopError("TILLROLL_SOURCE is external: a real shop's database is never filled", _REMEDY)
    return url


def _check(url: str) -> None:
    """Refuse a password that holds an `@`: the driver would take its rest for the host, which messages name."""
    authority, _, path = url.partition("://")[2].partition("/")
    if authority.count("@") > 1 or "@" in path.partition("?")[0]:
        raise ShopError(
            "the URL of the shop's database splits in the wrong place",
            f"Percent-encode the password in {URL_VARIABLE} (@ is %40, / is %2F).",
        )


def _place(url: str) -> str:
    """Host, port and database of a URL: what may be shown of it."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error:
        return "the address given, which is not a PostgreSQL URL"
    return f"{parts.get('host') or 'localhost'}:{parts.get('port') or 5432}/{parts.get('dbname') or ''}"
