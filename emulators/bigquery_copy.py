"""Copy jobs, as BigQuery runs them.

- Over a table that is there bqemulator puts the rows only, and fails when the columns are others; with WRITE_TRUNCATE
  the copy has the columns of its source, as REQUIRED as there. It refuses one that is laid out in another way.
- Without a writeDisposition it appends; BigQuery copies over nothing but an empty table.
- It calls a job of which something is not there a bad request; BigQuery runs it, and it fails with `notFound`.
"""

from typing import Any

from bqemulator.api.routes import jobs
from bqemulator.catalog.models import JobMeta, TableMeta
from bqemulator.domain.errors import DomainError, InvalidQueryError, ResourceRef, resource_already_exists
from bqemulator.jobs import executor
from bqemulator.storage.sql_identifiers import quoted_table_ref

from emulators.bigquery_bytes import stored

_copy_rows = executor._copy_table_into_destination
_run = executor.execute_copy_job


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    executor._copy_table_into_destination = _copy
    jobs.execute_copy_job = _finished


async def _finished(project: str, job_id: str, config: dict[str, Any], ctx: Any) -> JobMeta:
    """The job when it is done, however it went."""
    config["copy"].setdefault("writeDisposition", "WRITE_EMPTY")
    try:
        return await _run(project, job_id, config, ctx)
    except DomainError as refusal:
        why = {"reason": refusal.bq_reason, "message": refusal.message}
        return jobs._failed_job_meta(project, job_id, "COPY", config, why, ctx.clock.now())


async def _copy(*, write_disposition: str, ctx: Any, **names: Any) -> None:
    source = ctx.catalog.get_table(names["src_proj"], names["src_ds"], names["src_table_id"])
    target = ctx.catalog.get_table(names["dst_proj"], names["dst_ds"], names["dst_table_id"])
    if write_disposition == "WRITE_EMPTY" and target is not None and stored(ctx.engine, target)[0]:
        raise resource_already_exists(ResourceRef("table", *_name(target)))
    ctx.engine.execute("begin transaction")
    try:
        if source is not None and target is not None and write_disposition == "WRITE_TRUNCATE":
            _clear(source, target, ctx)
        await _copy_rows(write_disposition=write_disposition, ctx=ctx, **names)
        if source is not None and (target is None or write_disposition == "WRITE_TRUNCATE"):
            _hold(source, names, ctx)
        ctx.engine.execute("commit")
    except BaseException:
        ctx.engine.execute("rollback")
        if target is not None and ctx.catalog.get_table(*_name(target)) is None:
            ctx.catalog.create_table(target)
        raise
    if target is not None:
        made = ctx.catalog.get_table(*_name(target))
        ctx.catalog.update_table(made.model_copy(update={"labels": target.labels, "description": target.description}))


def _clear(source: TableMeta, target: TableMeta, ctx: Any) -> None:
    """Make room for a table of other columns."""
    if (source.time_partitioning, source.clustering) != (target.time_partitioning, target.clustering):
        raise InvalidQueryError("Incompatible table partitioning specification.")
    ctx.engine.execute(f"drop table {quoted_table_ref(*_name(target))}")
    ctx.catalog.delete_table(*_name(target))


def _hold(source: TableMeta, names: dict[str, Any], ctx: Any) -> None:
    """Let the copy's columns be as REQUIRED as the source's."""
    copy = quoted_table_ref(names["dst_proj"], names["dst_ds"], names["dst_table_id"])
    for field in source.schema_.fields:
        if field.mode == "REQUIRED":
            ctx.engine.execute(f'alter table {copy} alter column "{field.name}" set not null')


def _name(table: TableMeta) -> tuple[str, str, str]:
    return table.project_id, table.dataset_id, table.table_id
