"""What to load: the lake's objects that are newer than what is published, chosen from manifests and ledger alone.

Load needs nothing from the run that extracted: a load that was killed, or never came, is made up by the next.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import cache, partial

from pipeline.catalog import Catalog, Table
from pipeline.days import days_between
from pipeline.errors import CorruptObjectError, DataError, TransientError
from pipeline.extract import read_manifest
from pipeline.lake.base import Lake
from pipeline.ledger import Ledger
from pipeline.manifest import SOURCE, LakeObject, Manifest
from pipeline.plan import window

# A day's manifest, each read once.
Manifests = Callable[[date], Manifest | None]


def objects_to_load(
    lake: Lake, catalog: Catalog, ledger: Ledger, day: date, lookback: int
) -> dict[Table, list[LakeObject]]:
    """The objects that the run for `day` publishes, by table; a table that needs nothing is absent.

    Raises:
        CorruptObjectError: an object or a manifest is not what it should be.
        DataError: the day was not extracted, or with another catalog.
        TransientError: a newer extract is replacing a table's history at this moment.
    """
    manifest_of: Manifests = cache(partial(read_manifest, lake))
    if manifest_of(day) is None and not all(map(ledger.knows, catalog)):
        raise DataError(f"the lake has no manifest for {day}", f"Run the extract step: `tillroll sync --day {day}`.")
    chosen: dict[Table, list[LakeObject]] = {}
    for table in catalog:
        if ledger.knows(table):
            compared = _compared(table, day, lookback, ledger)
            objects = [o for o in _objects(table, compared, manifest_of) if _is_newer(o, table, ledger)]
        else:
            objects = _history(lake, table, day, manifest_of)
        if objects:
            chosen[table] = objects
    _verify(lake, chosen.values())
    return chosen


def _compared(table: Table, day: date, lookback: int, ledger: Ledger) -> Iterable[date]:
    """The days under which the run's objects of a published table lie; a whole table's lies under the run's day."""
    if not table.is_daily:
        return [day]
    compared = window(table, day, lookback, ledger)
    return days_between(compared.first or day, compared.last)


def _objects(table: Table, days: Iterable[date], manifest_of: Manifests) -> list[LakeObject]:
    return [m.objects[table.name] for m in map(manifest_of, days) if m and table.name in m.objects]


def _is_newer(found: LakeObject, table: Table, ledger: Ledger) -> bool:
    published = ledger.get(found.partition)
    if published and found.sequence <= published.sequence:
        return False
    if found.schema_id != table.schema_id:
        raise DataError(
            f"the lake's {found.partition.label} was extracted with other columns than the catalog has now",
            f"Extract it again: `tillroll sync --day {found.run_day}`.",
        )
    return published is None or published.fingerprint != found.fingerprint


def _history(lake: Lake, table: Table, day: date, manifest_of: Manifests) -> list[LakeObject]:
    """Everything the newest extract of a table never published has put into the lake, if it is all there."""
    days = [date.fromisoformat(name) for name in lake.folders(SOURCE)]
    objects = [o for o in _objects(table, days, manifest_of) if o.schema_id == table.schema_id]
    if not objects:
        raise DataError(
            f"{table.name} was never published and is not in the lake", f"Extract it: `tillroll sync --day {day}`."
        )
    if not table.is_daily:
        return [max(objects, key=lambda o: o.sequence)]
    histories = [m.histories[table.name] for m in map(manifest_of, days) if m and table.name in m.histories]
    newest = max(histories, key=lambda h: h.sequence, default=None)
    complete = [o for o in objects if newest and o.sequence == newest.sequence]
    if newest is None or len(complete) != newest.partitions:
        raise TransientError(
            f"the history of {table.name} is not whole in the lake: an extract is writing it, or was killed",
            f"Wait for that extract, or run it again: `tillroll sync --day {day}`.",
        )
    return complete


def _verify(lake: Lake, chosen: Iterable[Sequence[LakeObject]]) -> None:
    for part in (part for objects in chosen for o in objects for part in o.parts):
        if not lake.matches(part):
            raise CorruptObjectError(
                f"{part.path} is not what its manifest says ({part.bytes} bytes, crc32c {part.crc32c})",
                "Run the sync of its day again: it is extracted anew where it differs from its manifest.",
            )
