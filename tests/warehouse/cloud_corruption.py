"""The same faults on their way into BigQuery, emulated, in one warehouse: a refused publication changes nothing."""

import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import csv_cells
from corruption import CAUGHT, MISSED, PLACES, ROUND, SAME, Stage, Verdict, altering
from corruption_shop import DAY, CorruptionShop
from csv_cells import NULL, Row
from emulated_cloud import EmulatedCloud
from planted_rows import Rows
from planted_typed import csv_key, difference

from pipeline import equality, steps
from pipeline.catalog import Column, Table
from pipeline.column_types import Rule
from pipeline.errors import DataError
from pipeline.settings import Settings
from pipeline.warehouse import open_warehouse
from pipeline.warehouse.bigquery_publication import BigQueryPublication
from pipeline.warehouse.bigquery_sql import column_type, inserted_columns, quote, text
from pipeline.warehouse.bigquery_tables import path

# Every one is caught or not; what changes no value is DuckDB's to try.
CLOUD_ROUND = tuple(number for number, (_, kind) in enumerate(ROUND) if kind not in SAME)


@dataclass(frozen=True)
class CloudCorruption:
    """A shop whose first state is published in the cloud, and whose next one lies in the bucket."""

    shop: CorruptionShop
    cloud: EmulatedCloud
    settings: Settings
    folder: Path

    @classmethod
    def of(cls, shop: CorruptionShop, cloud: EmulatedCloud, folder: Path) -> "CloudCorruption":
        chosen = {"source": "external", "source_url": shop.url, "catalog": shop.folder / "tables.yml", "lookback": 3}
        corruption = cls(shop, cloud, cloud.settings(folder / "data", workers=1, **chosen), folder)
        corruption.put(shop.last_lake)
        steps.publish_day(corruption.settings, DAY)
        return corruption

    def put(self, lake: Path) -> None:
        """Make the bucket hold what a folder holds."""
        bucket = self.cloud.storage().bucket(self.settings.lake.removeprefix("gs://"))
        files = {str(file.relative_to(lake)): file for file in lake.rglob("source/**/*") if file.is_file()}
        for name, file in files.items():
            bucket.blob(name).upload_from_string(file.read_bytes())

    def seen(self) -> Any:
        """The ledger, and the fingerprints of all that is published."""
        warehouse = open_warehouse(self.settings)
        return dict(warehouse.ledger()), [warehouse.fingerprints(table) for table in self.shop.catalog]

    def run(self, seed: int, number: int) -> Verdict:
        """Plant the fault of this number."""
        place, kind = ROUND[number]
        mirror = self.folder / "mirror"
        shutil.copytree(self.shop.next_lake, mirror / "lake")
        try:
            # What COPY sends counts only where no object is there yet that an extract would keep.
            self.put(self.shop.last_lake if place == "what COPY sends" else self.shop.next_lake)
            random = Random(f"{seed}/{number}")  # noqa: S311
            attempt = PLACES[place][0](CloudStage(self.shop, self.settings, random, kind, self, mirror / "lake"))
            return Verdict(number, place, kind, attempt.where, *_outcome(attempt))
        finally:
            shutil.rmtree(mirror)

    def heal(self) -> bool:
        """Follow the remedy of every error; whether all is the source's then."""
        steps.sync_day(self.settings, DAY)
        return equality.audit(self.settings).equal


def _outcome(attempt: Any) -> tuple[str, str]:
    try:
        attempt.publish()
    except DataError as error:
        named = any(name in str(error) for name in attempt.names)
        return (CAUGHT if named else f"the error names none of {attempt.names}"), str(error)
    return MISSED, ""


@dataclass(frozen=True)
class CloudStage(Stage):
    """The bucket and the datasets; objects are changed in a folder first, `mirror`."""

    corruption: CloudCorruption
    mirror: Path = field(default_factory=Path)

    @property
    def lake(self) -> Path:
        return self.mirror

    def publish(self) -> None:
        if any(
            (self.shop.next_lake / file.relative_to(self.mirror)).read_bytes() != file.read_bytes()
            for file in self.mirror.rglob("source/**/*")
            if file.is_file()
        ):
            self.corruption.put(self.mirror)
        super().publish()

    def altering(self, moment: str, table: Table, before: Rows, after: Rows) -> AbstractContextManager[None]:
        def change(publication: BigQueryPublication) -> None:
            loaded = next(loaded for found, loaded in publication._loaded.items() if found.name == table.name)
            publication._audits.finish(loaded)
            for statement in _changes(table, path(loaded.audit), before, after):
                self.corruption.cloud.bigquery().query(statement).result()

        return altering(moment, BigQueryPublication, table, change)


def _changes(table: Table, audit: str, before: Rows, after: Rows) -> list[str]:
    gone, come = difference(before, after)
    keys = ", ".join(row[csv_key(table)].decode() for row in gone)
    statements = [f"delete from {quote(audit)} where {quote(table.key[0])} in ({keys})"] if gone else []
    rows = ", ".join(f"({_cells(table, row)})" for row in come)
    return statements + ([f"insert into {quote(audit)} ({inserted_columns(table)}) values {rows}"] if come else [])


def _cells(table: Table, row: Row) -> str:
    return ", ".join(_literal(column, raw) for column, raw in zip(table.columns, row, strict=True))


def _literal(column: Column, raw: bytes) -> str:
    if raw == NULL:
        return f"cast(null as {column_type(column)})"
    if column.type.rule is Rule.TEXT:
        return text(csv_cells.text(raw))
    if column.type.rule is Rule.BYTES:
        return f"from_base64({text(csv_cells.text(raw))})"
    said = {b"t": b"true", b"f": b"false"}.get(raw, raw) if column.type.rule is Rule.BOOLEAN else raw
    return f"cast({text(said.decode())} as {column_type(column)})"
