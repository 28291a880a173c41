"""Load jobs, as BigQuery runs them: the rows of all files of the job get into the table, or none does.

bqemulator leaves half a load behind when it fails, does not know `table$20250101`, gives the rows of the table for the
rows that were loaded, and ignores most options of a CSV file (`bigquery_load_csv`). File formats other than CSV are
left to it. A table that the job makes is partitioned and clustered as the job says, which it is not by bqemulator.
What is not there, a table, a dataset or an object, it calls `invalid`; BigQuery calls it `notFound`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bqemulator.api.routes import jobs, tables, upload
from bqemulator.catalog.etag import generate_etag
from bqemulator.catalog.models import JobMeta, TableMeta
from bqemulator.domain.errors import DomainError, NotFoundError, ResourceRef, resource_already_exists
from bqemulator.jobs import executor
from bqemulator.storage.sql_identifiers import quoted_table_ref

from emulators.bigquery_load_csv import insert
from emulators.storage_names import paths

_load_other = executor.execute_load_job


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    for module in (executor, jobs, upload):
        module.execute_load_job = _load
        module._handle_load_job_with_async_envelope = _finished
    upload._is_permitted_media_type = bool


async def _finished(project: str, job_id: str, config: dict[str, Any], ctx: Any) -> JobMeta:
    """The job when it is done, however it went."""
    try:
        return await executor.execute_load_job(project, job_id, config, ctx)
    except DomainError as refusal:
        why = {"reason": refusal.bq_reason, "message": refusal.message}
    except Exception as failure:  # noqa: BLE001 - DuckDB's, for rows that do not fit
        why = {"reason": "invalid", "message": f"Error while reading data, error message: {failure}"}
    return jobs._failed_job_meta(project, job_id, "LOAD", config, why, ctx.clock.now())


async def _load(project: str, job_id: str, config: dict[str, Any], ctx: Any) -> JobMeta:
    load = config["load"]
    if load.get("sourceFormat", "CSV") != "CSV" or load.get("autodetect"):
        return await _load_other(project, job_id, config, ctx)
    started = ctx.clock.now()
    table, day = _destination(project, load, ctx)
    files = {path: uri for uri in load["sourceUris"] for path in _files(uri, ctx)}
    rows = _in_one_transaction(ctx, load, table, day, files)
    statistics = {
        "inputFiles": str(len(files)),
        "inputFileBytes": str(sum(path.stat().st_size for path in files)),
        "outputRows": str(rows),
    }
    return JobMeta(
        project_id=project,
        job_id=job_id,
        job_type="LOAD",
        state="DONE",
        configuration=config,
        statistics={"load": statistics},
        creation_time=started,
        start_time=started,
        end_time=ctx.clock.now(),
        etag=generate_etag(project, job_id, str(started)),
    )


def _destination(project: str, load: dict[str, Any], ctx: Any) -> tuple[TableMeta, str]:
    """The table, made if the job may, and the day behind its `$`."""
    reference = load["destinationTable"]
    owner, dataset = reference.get("projectId", project), reference["datasetId"]
    name, _, day = reference["tableId"].partition("$")
    if ctx.catalog.get_dataset(owner, dataset) is None:
        raise NotFoundError(f"Not found: Dataset {owner}:{dataset}")
    table = ctx.catalog.get_table(owner, dataset, name)
    if table is None and load.get("createDisposition", "CREATE_IF_NEEDED") == "CREATE_IF_NEEDED":
        executor._maybe_create_load_destination(
            dest_project=owner,
            dest_dataset=dataset,
            dest_table_id=name,
            load_config=load,
            now=ctx.clock.now(),
            ctx=ctx,
        )
        table = _laid_out(ctx.catalog.get_table(owner, dataset, name), load, ctx)
    if table is None:
        raise NotFoundError(f"Not found: Table {owner}:{dataset}.{name}")
    return table, day


def _laid_out(table: TableMeta | None, load: dict[str, Any], ctx: Any) -> TableMeta | None:
    """The new table, partitioned and clustered as the job says."""
    if table is None:
        return None
    layout = {
        "time_partitioning": tables._rest_to_time_partitioning(load.get("timePartitioning"), None),
        "clustering": tables._rest_to_clustering(load.get("clustering"), None),
    }
    return ctx.catalog.update_table(table.model_copy(update=layout))


def _files(uri: str, ctx: Any) -> list[Path]:
    if not uri.startswith("gs://"):
        return [Path(uri.removeprefix("file://"))]
    found = paths(Path(ctx.settings.gcs_local_root), uri)
    if not found:
        raise NotFoundError(f"Not found: URI {uri}")
    return found


def _in_one_transaction(ctx: Any, load: dict[str, Any], table: TableMeta, day: str, files: Mapping[Path, str]) -> int:
    connection = ctx.engine.connection
    target = quoted_table_ref(table.project_id, table.dataset_id, table.table_id)
    connection.execute("begin transaction")
    try:
        _make_room(connection, load, table, target, day)
        rows = insert(connection, load, table, target, files)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    total = connection.execute(f"select count(*) from {target}").fetchone()[0]
    ctx.catalog.update_table(table.model_copy(update={"num_rows": total, "last_modified_time": ctx.clock.now()}))
    return rows


def _make_room(connection: Any, load: dict[str, Any], table: TableMeta, target: str, day: str) -> None:
    """What the write disposition says about the rows that are there; `table$20250101` is that day's rows alone."""
    disposition = load.get("writeDisposition", "WRITE_APPEND")
    where = ""
    if day:
        column = table.time_partitioning.field
        where = f" where cast(\"{column}\" as date) = date '{day[:4]}-{day[4:6]}-{day[6:8]}'"
    if disposition == "WRITE_TRUNCATE":
        connection.execute(f"delete from {target}{where}")
    elif disposition == "WRITE_EMPTY" and connection.execute(f"select count(*) from {target}{where}").fetchone()[0]:
        raise resource_already_exists(ResourceRef("table", table.project_id, table.dataset_id, table.table_id))
