"""Extract: write the planned partitions to the lake, all in one snapshot, each day committed by its manifest.

Objects get their names only when all of them are complete; manifests follow, the run's own day last. A crash at any
point leaves each earlier manifest true or its object refused, and never half a history that looks whole.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version

from pipeline.catalog import Catalog
from pipeline.fingerprint import Partition
from pipeline.lake.base import Lake
from pipeline.manifest import History, LakeObject, Manifest, manifest_path, parse_manifest
from pipeline.plan import Planned
from pipeline.snapshot import Snapshot
from pipeline.table_copy import PartitionFiles, copy_table


@dataclass(frozen=True, slots=True)
class Extraction:
    """What one extract step works with.

    `sequence` orders its snapshot after every published one. `histories` names the tables taken with all their history.
    """

    snapshot: Snapshot
    lake: Lake
    catalog: Catalog
    day: date
    sequence: int
    histories: frozenset[str]
    shard_bytes: int
    workers: int

    def folder(self, planned: Planned) -> date:
        """A daily partition lies under its own day, a whole table under the day whose run found it changed."""
        return planned.partition.day or self.day


def extract(run: Extraction, plan: Sequence[Planned], advance: Callable[[Partition], None]) -> list[LakeObject]:
    """Write the planned partitions and their manifests. `advance` is called, from any thread, after each partition.

    Returns:
        The objects written. A planned partition is not among them where the lake already held it, whole and intact,
        from a run that was interrupted before it published.

    Raises:
        StepError: the lake cannot be written. DataError: PostgreSQL cannot print a value.
    """
    run.lake.sweep()
    manifests = {folder: read_manifest(run.lake, folder) for folder in sorted({run.folder(p) for p in plan})}
    missing = [p for p in plan if not _is_there(run, p, manifests[run.folder(p)])]
    with ThreadPoolExecutor(run.workers, "extract") as pool:
        tables = [pool.submit(_copy, run, *item, advance) for item in _by_table(missing)]
        files = [file for table in tables for file in table.result()]
    objects = [_commit(run, file) for file in files]
    for folder in sorted(manifests, key=lambda day: (day == run.day, day)):
        _write_manifest(run, folder, manifests[folder], objects)
    return objects


def read_manifest(lake: Lake, day: date) -> Manifest | None:
    """The manifest of a day's folder; None where the day does not exist. Raises CorruptObjectError."""
    path = manifest_path(day)
    content = lake.read(path)
    return None if content is None else parse_manifest(content, path)


def _is_there(run: Extraction, planned: Planned, manifest: Manifest | None) -> bool:
    """Whether an interrupted run left this very object. A history is always written whole."""
    found = manifest.objects.get(planned.partition.table) if manifest else None
    if found is None or found.table in run.histories or found.sequence <= planned.published:
        return False
    same = (found.partition, found.fingerprint) == (planned.partition, planned.fingerprint)
    current = found.schema_id == run.catalog.table(found.table).schema_id
    return same and current and all(map(run.lake.matches, found.parts))


def _by_table(plan: Iterable[Planned]) -> list[tuple[str, list[Planned]]]:
    """The plan by table, the largest first, so that no long table starts last."""
    tables: dict[str, list[Planned]] = defaultdict(list)
    for planned in plan:
        tables[planned.partition.table].append(planned)
    return sorted(tables.items(), key=lambda item: -sum(p.fingerprint.rows for p in item[1]))


def _copy(
    run: Extraction, name: str, plan: Sequence[Planned], advance: Callable[[Partition], None]
) -> list[PartitionFiles]:
    table = run.catalog.table(name)
    files = [PartitionFiles(run.lake, table, p, run.folder(p), run.shard_bytes) for p in plan]
    copy_table(run.snapshot, table, files, advance)
    return files


def _commit(run: Extraction, files: PartitionFiles) -> LakeObject:
    files.commit()
    table = run.catalog.table(files.planned.partition.table)
    return LakeObject(
        table=table.name,
        day=files.planned.partition.day,
        parts=tuple(files.parts),
        rows=files.planned.fingerprint.rows,
        longest_line=files.longest_line,
        checksum=files.planned.fingerprint.checksum,
        schema_id=table.schema_id,
        columns={column.name: column.type.source for column in table.columns},
        sequence=run.sequence,
        snapshot=run.snapshot.id,
        extracted_at=run.snapshot.taken_at,
        run_day=run.day,
    )


def _write_manifest(run: Extraction, folder: date, before: Manifest | None, written: Sequence[LakeObject]) -> None:
    """Name the folder's new objects beside its others, then delete the shards that no object has any more."""
    new = {o.table: o for o in written if (o.day or run.day) == folder}
    if not new:
        return
    known = dict(before.objects) if before else {}
    histories = dict(before.histories) if before else {}
    if folder == run.day:
        for name in run.histories:
            histories[name] = History(sequence=run.sequence, partitions=sum(o.table == name for o in written))
    manifest = Manifest(
        code_version=version("tillroll"), day=folder, objects=dict(sorted((known | new).items())), histories=histories
    )
    run.lake.write(manifest_path(folder), manifest.model_dump_json(indent=1).encode() + b"\n")
    named = {part.path for o in manifest.objects.values() for part in o.parts}
    for part in (part for o in known.values() for part in o.parts if part.path not in named):
        run.lake.delete(part.path)
