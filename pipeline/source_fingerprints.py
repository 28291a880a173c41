"""Fingerprints of the source: one aggregate query a table, side by side, all in one snapshot."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import psycopg

from pipeline.catalog import Catalog, Table
from pipeline.errors import DataError
from pipeline.fingerprint import Fingerprint, Partition
from pipeline.plan import Window
from pipeline.progress import Counter, Progress, silent
from pipeline.snapshot import Snapshot
from pipeline.source_sql import fingerprint_query


def source_fingerprints(
    snapshot: Snapshot, catalog: Catalog, windows: Mapping[str, Window], workers: int, progress: Progress = silent
) -> dict[Partition, Fingerprint]:
    """The fingerprint of every partition in its table's window, and of the companions' (see `rejected`).

    A partition without rows is absent.

    Raises:
        DataError: PostgreSQL cannot print a row.
    """
    counter = Counter(progress, "compare with the source", len(catalog.tables))

    def of_table(table: Table) -> dict[Partition, Fingerprint]:
        found = _fingerprints(snapshot, table, windows[table.name])
        counter.advance()
        return found

    with ThreadPoolExecutor(workers, "fingerprint") as pool:
        results = list(pool.map(of_table, catalog))
    return {partition: fingerprint for result in results for partition, fingerprint in result.items()}


def _fingerprints(snapshot: Snapshot, table: Table, window: Window) -> dict[Partition, Fingerprint]:
    query = fingerprint_query(table, [(span.first, span.last) for span in window.spans], utf8=snapshot.utf8)
    try:
        with snapshot.connect() as connection:
            rows = connection.execute(query).fetchall()
    except psycopg.DataError as error:
        raise DataError(f"PostgreSQL cannot print a row of {table.name}: {error}", "Repair the value.") from error
    return {
        Partition(table.companion if rejected else table.name, day): Fingerprint(count, int(checksum))
        for day, rejected, count, checksum in rows
        # The first of all days was read for the companion's sake.
        if rejected or day is None or day in window
    }
