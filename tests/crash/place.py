"""A place: a shop's database and a data folder, and all that can be said to be in them, as digests to compare."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg
from psycopg import sql

# What is in a place: a digest by name, such as `source ecommerce.review` or `lake source/csv/2025-01-01/review.csv`.
State = Mapping[str, str]

SHARD_BYTES = 1_000_000
# In manifests these say which run wrote them, and when.
_OBSERVED_IN_MANIFESTS = {"sequence", "snapshot", "extracted_at", "code_version"}
# Of snapshots, what says when a row was observed.
_OBSERVED_IN_SNAPSHOTS = "exclude (dbt_scd_id, dbt_updated_at, dbt_valid_from, dbt_valid_to)"
_LEDGER = "select table_name, partition, rows, checksum, schema_id"
# Of what core and datamart tell of the ledger, what says when a partition was published, and by which run.
_TELLS_OF_LEDGER = {"published_partition", "bi_health"}
_OBSERVED_IN_LEDGER = "exclude (published_at, run_day)"
# What dbt has parsed: which of its commands write it anew depends on what they find there.
_CACHE = "partial_parse.msgpack"


@dataclass(frozen=True)
class Place:
    """`server` is the URL of a PostgreSQL without a database's name."""

    server: str
    database: str
    folder: Path

    @property
    def url(self) -> str:
        return f"{self.server}/{self.database}"

    @property
    def marts(self) -> Path:
        return self.folder / "warehouse" / "datamart.duckdb"

    def environment(self) -> dict[str, str]:
        return {
            "TILLROLL_SOURCE_URL": self.url,
            "TILLROLL_DATA_DIR": str(self.folder),
            "TILLROLL_INGESTION_CONFIG": str(self.folder / "ingestion.yml"),
            "TILLROLL_SHARD_BYTES": str(SHARD_BYTES),
        }

    def copy(self, database: str, folder: Path) -> "Place":
        """The same once more. Nobody may be connected to this one's database."""
        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as connection:
            names = sql.Identifier(database), sql.Identifier(self.database)
            connection.execute(sql.SQL("create database {} template {}").format(*names))
        shutil.copytree(self.folder, folder)
        return Place(self.server, database, folder)

    def remove(self) -> None:
        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as connection:
            name = sql.Identifier(self.database)
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(name))
        shutil.rmtree(self.folder)

    def state(self) -> State:
        """All of it."""
        return dict([*self._source(), *self._lake(), *self._warehouse(), *self._marts(), *self._names()])

    def broken_objects(self) -> list[str]:
        """What a manifest names and is not as it says."""
        lake = self.folder / "lake"
        parts = [
            part
            for manifest in sorted(lake.rglob("manifest.json"))
            for found in json.loads(manifest.read_bytes())["objects"].values()
            for part in found["parts"]
        ]
        return [p["path"] for p in parts if not (lake / p["path"]).exists() or _size(lake / p["path"]) != p["bytes"]]

    def _source(self) -> Iterator[tuple[str, str]]:
        with psycopg.connect(self.url) as connection:
            names = connection.execute(
                "select schemaname, tablename from pg_tables"
                " where schemaname in ('ecommerce', 'shop_ledger') order by 1, 2"
            ).fetchall()
            for schema, name in names:
                rows = sql.SQL("select md5(string_agg(md5(r::text), ' ' order by md5(r::text))) from {} r")
                yield (
                    f"source {schema}.{name}",
                    str(connection.execute(rows.format(sql.Identifier(schema, name))).fetchone()),
                )

    def _lake(self) -> Iterator[tuple[str, str]]:
        for path in sorted(path for path in (self.folder / "lake").rglob("*") if path.is_file()):
            content = path.read_bytes()
            if path.name == "sequence.json":
                content = b""  # what it says is when the last extract was
            elif path.name == "manifest.json":
                manifest = json.loads(content)
                del manifest["crc32c"]  # over all of it
                content = json.dumps(_without_observed(manifest), sort_keys=True).encode()
            yield f"lake {path.relative_to(self.folder / 'lake')}", hashlib.sha256(content).hexdigest()

    def _warehouse(self) -> Iterator[tuple[str, str]]:
        with duckdb.connect(self.folder / "warehouse" / "warehouse.duckdb", read_only=True) as connection:
            tables = connection.execute(
                "select schema_name, table_name from duckdb_tables() where not temporary order by all"
            ).fetchall()
            for schema, name in tables:
                relation = f'{schema}."{name}"'
                if name in {"_ledger", "_transformed"}:
                    relation = f"({_LEDGER} from {relation})"
                elif name.startswith("snapshot_"):
                    relation = f"(select dbt_valid_to is null as current, * {_OBSERVED_IN_SNAPSHOTS} from {relation})"
                elif name in _TELLS_OF_LEDGER:
                    relation = _without_times(relation)
                yield f"warehouse {schema}.{name}", _digest(connection, relation)

    def _marts(self) -> Iterator[tuple[str, str]]:
        with duckdb.connect(self.marts, read_only=True) as connection:
            for (name,) in connection.execute("select table_name from duckdb_tables() order by all").fetchall():
                yield f"marts {name}", _digest(connection, _as_read(name))

    def _names(self) -> Iterator[tuple[str, str]]:
        """Which files there are outside of the lake: what a killed run has left would be there for good."""
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            if not path.is_relative_to(self.folder / "lake") and path.name != _CACHE:
                yield f"file {path.relative_to(self.folder)}", "is there"


def spoil(place: Place) -> None:
    """Change one thing everywhere: in the source, in the lake, in the warehouse, in what people read."""
    with psycopg.connect(place.url) as connection:
        connection.execute("update ecommerce.store set store_name = 'spoiled' where store_id = 1")
    file = next(place.folder.glob("lake/source/csv/*/review.csv"))
    file.write_bytes(file.read_bytes() + b"spoiled")
    with duckdb.connect(place.folder / "warehouse" / "warehouse.duckdb") as connection:
        connection.execute("update staging._ledger set rows = rows + 1 where table_name = 'store'")
    copy = place.marts.with_suffix(".spoiled")
    shutil.copyfile(place.marts, copy)
    with duckdb.connect(copy) as connection:
        connection.execute("update marts_daily_sales set orders = orders + 1")
    copy.replace(place.marts)


def differences(ours: State, theirs: State) -> list[str]:
    """The names of what is not the same."""
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def marts_digest(file: Path) -> str:
    """What people read, all marts together."""
    with duckdb.connect(file, read_only=True) as connection:
        return digest_of_marts(connection)


def digest_of_marts(connection: duckdb.DuckDBPyConnection) -> str:
    names = [name for (name,) in connection.execute("select table_name from duckdb_tables() order by all").fetchall()]
    together = " ".join(f"{name} {_digest(connection, _as_read(name))}" for name in names)
    return hashlib.sha256(together.encode()).hexdigest()[:16]


def _as_read(mart: str) -> str:
    return _without_times(f'"{mart}"') if mart in _TELLS_OF_LEDGER else f'"{mart}"'


def _without_times(relation: str) -> str:
    return f"(select * {_OBSERVED_IN_LEDGER} from {relation})"


def _digest(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """Columns, number of rows, and the sum of their hashes, which feels a doubled row and no order."""
    columns = [row[:2] for row in connection.execute(f"describe from {relation}").fetchall()]
    rows = connection.execute(f"select count(*), coalesce(sum(hash(r)::hugeint), 0) from {relation} r").fetchone()
    return hashlib.sha256(f"{columns} {rows}".encode()).hexdigest()[:16]


def _without_observed(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_observed(one) for name, one in value.items() if name not in _OBSERVED_IN_MANIFESTS}
    return [_without_observed(one) for one in value] if isinstance(value, list) else value


def _size(path: Path) -> int:
    return path.stat().st_size
