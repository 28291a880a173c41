"""Tables, as BigQuery keeps them. What is corrected:

- bqemulator forgets a table's expirationTime, and its dataset's default; BigQuery returns it, and the table is gone
  when it has come.
- It changes a table whatever If-Match says; BigQuery answers 412 when the table has changed since.
- Its list of tables leaves out their labels.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from bqemulator.api.routes import tables
from bqemulator.catalog.models import TableMeta
from bqemulator.storage.sql_identifiers import quoted_table_ref

_Name = tuple[str, str, str]

_from_rest = tables._rest_to_table_meta
_to_rest = tables._table_to_rest
_to_list_item = tables._table_to_list_item
_expiring: dict[_Name, datetime] = {}


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    tables._rest_to_table_meta = _with_expiry
    tables._table_to_rest = _rest_with_expiry
    tables._table_to_list_item = _list_item_with_labels


def drop_expired(context: Any) -> None:
    """Remove the tables whose time has come."""
    now = datetime.now(UTC)
    for name in [name for name, expires in _expiring.items() if expires <= now]:
        del _expiring[name]
        table = context.catalog.get_table(*name)
        if table is not None and table.expiration_time is not None and table.expiration_time <= now:
            context.engine.execute(f"DROP TABLE IF EXISTS {quoted_table_ref(*name)}")
            context.catalog.delete_table(*name, not_found_ok=True)


def expire_by_default(context: Any) -> None:
    """Let every new table expire when its dataset says so, and remember those that were there before."""
    create = context.catalog.create_table

    def created(table: TableMeta) -> TableMeta:
        return create(with_expiry(context, table))

    context.catalog.create_table = created
    for dataset in context.catalog.list_all_datasets():
        for table in context.catalog.list_tables(dataset.project_id, dataset.dataset_id):
            _remember(table)


def with_expiry(context: Any, table: TableMeta) -> TableMeta:
    """The new table, with the time that its dataset gives to those that have none of their own."""
    dataset = context.catalog.get_dataset(table.project_id, table.dataset_id)
    after = getattr(dataset, "default_table_expiration_ms", None)
    if after and table.expiration_time is None:
        expires = table.creation_time + timedelta(milliseconds=int(after))
        table = table.model_copy(update={"expiration_time": expires})
    _remember(table)
    return table


def _remember(table: TableMeta) -> None:
    name = (table.project_id, table.dataset_id, table.table_id)
    _expiring.pop(name, None)
    if table.expiration_time is not None:
        _expiring[name] = table.expiration_time


def has_changed(context: Any, place: re.Match[str], etag: str) -> bool:
    """Whether a table is not any more what the sender of this etag has seen."""
    table = context.catalog.get_table(place["project"], place["dataset"], place["table"])
    return table is not None and table.etag != etag


def _with_expiry(
    project: str, dataset: str, body: dict[str, Any], clock: Any, existing: TableMeta | None = None
) -> TableMeta:
    table = _from_rest(project, dataset, body, clock, existing)
    expires = existing.expiration_time if existing else None
    if "expirationTime" in body:
        given = body["expirationTime"]
        expires = None if given is None else datetime.fromtimestamp(int(given) / 1000, UTC)
    # Two changes within one tick of the clock are two.
    return table.model_copy(update={"expiration_time": expires, "etag": f"{table.etag}.{time.monotonic_ns()}"})


def _rest_with_expiry(table: TableMeta) -> dict[str, Any]:
    """What everybody gets to see of a table that was made, changed or asked for."""
    body: dict[str, Any] = _to_rest(table)
    _remember(table)
    if table.expiration_time:
        body["expirationTime"] = str(round(table.expiration_time.timestamp() * 1000))
    return body


def _list_item_with_labels(table: TableMeta) -> dict[str, Any]:
    item: dict[str, Any] = _to_list_item(table)
    return item | ({"labels": table.labels} if table.labels else {})
