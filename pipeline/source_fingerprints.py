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
    """The fingerprint of every partition in its table's window; a day without rows is absent.

    Raises:
        DataError: a row's day is one that no calendar day stands for (infinity, or before the year 1).
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
        what = f"{table.name}.{table.partition} holds a day that is none" if table.is_daily else table.name
        raise DataError(
            f"{what}: {error}",
            "Repair the rows (a day must lie in the years 1 to 9999), or set `partition: null` for the table.",
        ) from error
    return {Partition(table.name, day): Fingerprint(count, int(checksum)) for day, count, checksum in rows}
