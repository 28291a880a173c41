"""`tillroll run` is killed at points all along the way, and run again: everything ends as in a twin never disturbed.

Each schedule kills runs with SIGKILL, some time after they said that they had reached a stage. The source, the
lake's files, and every table of the warehouse that does not tell when a run happened are compared with the twin's.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg
import pytest
from psycopg import sql

DAYS = ("2025-01-01", "2025-01-02", "2025-01-03")
# What the program says on its way, and how long after it a kill still hits the stage.
STAGES = {
    "ingest": ("lives through the day", 1.0),
    "extract": ("partitions differ", 0.4),
    "publish": ("written to the lake", 0.4),
    "core": ("building core", 4.0),
    "datamart": ("building the datamart", 2.0),
}
SCALE = "0.02"
# These say when something was observed, and differ between any two histories of runs.
OBSERVED = {"_ledger", "_transformed", "snapshot_customer", "snapshot_product"}


@dataclass(frozen=True)
class Site:
    """A shop with its own source database and data folder."""

    url: str
    folder: Path

    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("TILLROLL_")},
            "TILLROLL_SOURCE_URL": self.url,
            "TILLROLL_DATA_DIR": str(self.folder),
            "TILLROLL_INGESTION_CONFIG": str(self.folder / "ingestion.yml"),
        }

    def start(self, day: str) -> subprocess.Popen[str]:
        command = [str(Path(sys.executable).parent / "tillroll"), "--verbose", "run", "--day", day]
        return subprocess.Popen(
            command, env=self.environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def run(self, day: str) -> None:
        process = self.start(day)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output

    def run_and_kill(self, day: str, stage: str, after: float) -> bool:
        """Whether the kill came before the run's end."""
        word, _ = STAGES[stage]
        process = self.start(day)
        assert process.stdout is not None
        with process.stdout:
            assert any(word in line for line in process.stdout), f"the run never said {word!r}"
            time.sleep(after)
            process.send_signal(signal.SIGKILL)
            process.wait(60)
        return process.returncode == -signal.SIGKILL

    def source(self) -> dict[str, str]:
        """A digest of every table of the shop."""
        with psycopg.connect(self.url) as connection:
            names = connection.execute("select tablename from pg_tables where schemaname = 'ecommerce'").fetchall()
            query = sql.SQL(
                "select md5(string_agg(r::text, E'\\n' order by r::text collate \"C\")) from ecommerce.{} r"
            )
            rows = {name: connection.execute(query.format(sql.Identifier(name))).fetchone() for (name,) in names}
            return {name: str(row) for name, row in rows.items()}

    def lake(self) -> dict[str, str]:
        """A digest of every file that the newest manifests name."""
        files = sorted((self.folder / "lake").rglob("*.csv"))
        return {str(f.relative_to(self.folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}

    def warehouse(self) -> dict[str, list[tuple[object, ...]]]:
        """Every table of staging, core and datamart, and the ledger's fingerprints."""
        with duckdb.connect(self.folder / "warehouse" / "warehouse.duckdb") as connection:
            names = connection.execute(
                "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
            ).fetchall()
            found = {
                f"{schema}.{name}": connection.execute(f'from {schema}."{name}" order by all').fetchall()
                for schema, name in names
                if name not in OBSERVED
            }
            ledger = "select table_name, partition, rows, checksum from staging._ledger order by all"
            return found | {"ledger": connection.execute(ledger).fetchall()}

    def marts(self) -> dict[str, list[tuple[object, ...]]]:
        """What people read."""
        with duckdb.connect(self.folder / "warehouse" / "datamart.duckdb", read_only=True) as connection:
            names = connection.execute("select table_name from duckdb_tables() order by 1").fetchall()
            return {name: connection.execute(f"from datamart.{name} order by all").fetchall() for (name,) in names}


def make_site(postgres_url: str, folder: Path) -> Site:
    name = f"crash_{folder.name.replace('-', '_')}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    folder.mkdir(parents=True)
    config = Path("config/ingestion.yml").read_text()
    assert "scale: 1.0" in config
    (folder / "ingestion.yml").write_text(config.replace("scale: 1.0", f"scale: {SCALE}"))
    return Site(postgres_url.rsplit("/", 1)[0] + f"/{name}", folder)


@pytest.fixture(scope="module")
def twin(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Three days, never disturbed."""
    site = make_site(postgres_url, tmp_path_factory.mktemp("crash") / "twin")
    for day in DAYS:
        site.run(day)
    return site


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_run_leaves_nothing_lost_and_nothing_doubled(
    twin: Site, postgres_url: str, tmp_path: Path, seed: int
) -> None:
    choose = random.Random(seed)  # noqa: S311  # a schedule to replay, not a secret
    site = make_site(postgres_url, tmp_path / f"seed-{seed}")
    stages = list(STAGES) if seed == 1 else choose.sample(list(STAGES), 3)
    kills = 0
    for day, some in zip(DAYS, (stages[:2], stages[2:4], stages[4:]), strict=True):
        for stage in some:
            kills += site.run_and_kill(day, stage, choose.uniform(0, STAGES[stage][1]))
        site.run(day)

    assert kills >= len(stages) - 1
    assert site.source() == twin.source()
    assert site.lake() == twin.lake()
    ours, theirs = site.warehouse(), twin.warehouse()
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert site.marts() == twin.marts()
