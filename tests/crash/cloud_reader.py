"""A reader of what is published in BigQuery, who never waits for anybody: rows and ledger, in one statement each time.

It knows which columns each version of the catalog has, looks which of them a table has now, and asks for the
fingerprints of all tables and for the ledger at once. It writes down what it saw, and judges nothing.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from pipeline.catalog import Catalog, Table, load_catalog
from pipeline.warehouse.bigquery_sql import column_type, fingerprint_query, quote, text

LEDGER = "_ledger"
PAUSE_S = 0.05
_OLD_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}

# What a layer holds: by table and partition, rows and checksum.
Fingerprints = dict[str, dict[str, list[int]]]


def read_on(task: dict[str, Any]) -> NoReturn:
    """Look at `staging` until somebody ends this process."""
    catalogs = [load_catalog(Path(path)) for path in task["catalogs"]]
    watch(task, lambda client: look(client, catalogs))


def watch(task: dict[str, Any], look: Callable[[bigquery.Client], Any]) -> NoReturn:
    """Look again and again. What differs from the last sight is a line of `seen`; each look is a character of `looks`.

    A look that gives None, or that finds a table gone which was there a request before, saw nothing.
    """
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    client, last = bigquery.Client(task["project"], credentials, location=task["location"]), ""
    file = Path(task["seen"])
    with file.open("a", encoding="utf-8") as seen, file.with_suffix(".looks").open("ab", buffering=0) as looks:
        while True:
            found = json.dumps(_sight(client, look), sort_keys=True)
            if found != "null":
                looks.write(b".")
                if found != last:
                    seen.write(found + "\n")
                    seen.flush()
                    last = found
            time.sleep(PAUSE_S)


def _sight(client: bigquery.Client, look: Callable[[bigquery.Client], Any]) -> Any:
    try:
        return look(client)
    except GoogleAPICallError as error:
        if "not found" in str(error).lower():
            return None
        raise


def look(client: bigquery.Client, catalogs: Sequence[Catalog]) -> dict[str, Any] | None:
    """What everybody can see at one instant; None where a table changed its columns between two requests."""
    listed = {item.table_id for item in client.list_tables("staging")}
    names = sorted(name for name in listed if name[0] != "_")
    found = [_version(client, name, catalogs) for name in names]
    if LEDGER not in listed:
        return {"rows": {name: {} for name in names}, "schemas": {}, "ledger": {}}
    rows = list(client.query(statement(client.project, found)).result())
    if found != [_version(client, name, catalogs) for name in names]:
        return None
    sight: dict[str, Any] = {"rows": {table.name: {} for table in found}, "ledger": {}}
    for row in rows:
        layer = sight["ledger" if row["of_ledger"] else "rows"].setdefault(row["name"], {})
        if row["row_count"]:
            layer[row["place"]] = [row["row_count"], int(row["checksum"])]
    sight["schemas"] = {table.name: table.schema_id for table in found}
    sight["entries"] = sorted({f"{row['name']} {row['schema_id']}" for row in rows if row["of_ledger"]})
    return sight


def statement(project: str, tables: Iterable[Table]) -> str:
    """Fingerprints of all rows of these tables, and the ledger, as of one instant."""
    selects = [
        f"select false as of_ledger, {text(table.name)} as name, coalesce(cast(day as string), 'whole') as place, "
        f"row_count, cast(checksum as string) as checksum, '' as schema_id "
        f"from ({fingerprint_query(table, f'{project}.staging.{table.name}')})"
        for table in tables
    ]
    selects.append(
        "select true as of_ledger, table_name as name, `partition` as place, `rows` as row_count, "
        f"cast(checksum as string) as checksum, schema_id from {quote(f'{project}.staging.{LEDGER}')}"
    )
    return " union all ".join(selects)


def _version(client: bigquery.Client, name: str, catalogs: Sequence[Catalog]) -> Table:
    """The table in the catalog whose columns it has now."""
    found = client.get_table(f"{client.project}.staging.{name}")
    columns = [(field.name, _OLD_NAMES.get(field.field_type, field.field_type)) for field in found.schema]
    for catalog in catalogs:
        table = catalog.table(name)
        if [(column.name, column_type(column)) for column in table.columns] == columns:
            is_daily = found.time_partitioning is not None
            if table.is_daily == is_daily:
                return table
    raise AssertionError(f"{name} has columns that no version of the catalog has: {columns}")
