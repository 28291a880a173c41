"""The whole chain in the emulated cloud: `tillroll run`, dbt included, killed on two days and run again.

The practice shop decides every row, so that a twin that nobody disturbed ends with the same rows in every layer.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import psycopg
from cloud_nursery import Nursery, Run
from cloud_reader import watch
from cloud_schedules import WHEN, Measured
from emulated_cloud import EmulatedCloud
from google.cloud import bigquery
from strike import Strike

from ingestion.config import CONFIG_VARIABLE, IngestionConfig, Shares, Volumes

DAYS = ("2025-01-31", "2025-02-01")
SMALL = IngestionConfig(
    history_days=3,
    volumes=Volumes(customers=40, products=30, stores=6, sessions=120, transactions=45, reviews=30),
    shares=Shares(late_orders=0.2, refunded=0.3, daily_moves=0.05, daily_price_changes=0.05),
)
# Steps of the chain that the small shop has not; the rest is killed there, and faster.
OF_THE_CHAIN = ("ingest", "dbt", "core", "datamart", "bigquery.show", "bigquery.mart", "bigquery.transformed")
# When a run happened, and what follows from it: all that may differ. Whether a version has ended may not.
_WHEN_COLUMNS = {"published_at", "sequence", "dbt_scd_id", "dbt_updated_at", "dbt_valid_from"}
_ENDED = "dbt_valid_to"

# By mart: rows, and the sum of their fingerprints.
Marts = dict[str, list[int]]


@dataclass(frozen=True)
class Chain:
    """A practice shop with a database, a bucket and a project of its own."""

    folder: Path
    cloud: EmulatedCloud
    environment: Mapping[str, str]
    nursery: Nursery

    @classmethod
    def new(cls, postgres_url: str, folder: Path, cloud: EmulatedCloud, nursery: Nursery) -> "Chain":
        folder.mkdir(parents=True)
        name = f"chain_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"create database {name}")  # type: ignore[arg-type]
        (folder / "ingestion.yml").write_text(SMALL.model_dump_json())
        place = EmulatedCloud(cloud.servers, f"tillroll-{uuid.uuid4().hex[:8]}")
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("TILLROLL_")},
            **place.environment(),
            "TILLROLL_SOURCE_URL": f"{postgres_url.rpartition('/')[0]}/{name}",
            "TILLROLL_DATA_DIR": str(folder / "data"),
            "TILLROLL_LAKE_URL": f"gs://{place.bucket()}",
            "TILLROLL_WAREHOUSE_URL": f"bigquery://{place.project}/{place.location}",
            "TILLROLL_GOOGLE_CREDENTIALS": "anonymous",
            CONFIG_VARIABLE: str(folder / "ingestion.yml"),
        }
        return cls(folder, place, environment, nursery)

    def run(self, day: str, strike: Strike | None = None, trace: Path | None = None) -> tuple[int, str]:
        """How a run of the program ended, and what it said."""
        struck = ["--trace", str(trace)] if trace else []
        if strike:
            struck += ["--failpoint", strike.failpoint, "--when", strike.when]
            struck += ["--nth", str(strike.nth), "--delay", str(strike.delay)]
        program = Path(__file__).with_name("strike.py")
        command = [sys.executable, str(program), *struck, "--", "run", "--day", day]
        done = subprocess.run(
            command, env=dict(self.environment), capture_output=True, text=True, timeout=900, check=False
        )
        return done.returncode, (done.stdout + done.stderr)[-2000:]

    def read(self, seen: Path) -> Run:
        """A reader of the marts, who looks until it is killed."""
        place = {"project": self.cloud.project, "location": self.cloud.location}
        return self.nursery.start(do="read chain", **place, seen=str(seen), environment={})

    def marts(self) -> Marts:
        return look(self.cloud.bigquery())

    def state(self) -> dict[str, Any]:
        """Every row of every table and view that people read, and of the ledger."""
        client = self.cloud.bigquery()
        return {
            f"{dataset}.{item.table_id}": _rows(client, f"{dataset}.{item.table_id}")
            for dataset in ("staging", "core", "datamart")
            for item in client.list_tables(dataset)
            if item.table_id != "_transformed"  # says when core was built from what
        }


def read_chain(task: dict[str, Any]) -> NoReturn:
    """Look at all marts until somebody ends this process."""
    watch(task, look)


def look(client: bigquery.Client) -> Marts:
    """All marts as of one instant."""
    if "datamart" not in {item.dataset_id for item in client.list_datasets()}:
        return {}
    number = "cast(concat('0x', substr(to_hex(md5(to_json_string(t))), 1, 15)) as int64)"
    names = sorted(item.table_id for item in client.list_tables("datamart"))
    selects = [
        f"select '{name}', count(*), cast(sum(cast({number} as numeric)) as string) from datamart.{name} as t"
        for name in names
    ]
    rows = client.query(" union all ".join(selects)).result() if selects else []
    return {name: [count, int(found or 0)] for name, count, found in (tuple(row.values()) for row in rows)}


def wrong_marts(sights: Iterable[Marts], states: Sequence[Marts]) -> list[str]:
    """What nobody should have seen: marts that are not, all together, one of the twin's states, in their order.

    Before the first of them marts are there and empty: they are made before they are filled.
    """
    wrong, reached = [], 0
    for sight in sights:
        if reached == 0 and not any(rows for rows, _ in sight.values()):
            continue
        found = [number for number, state in enumerate(states, 1) if number >= reached and state == sight]
        if not found:
            wrong.append(f"marts that are no state of the twin's from {reached} on: {sight}")
        else:
            reached = found[0]
    return wrong


def chain_strikes(seed: int, measured: Sequence[Measured]) -> list[Strike]:
    """Where each day's run is killed."""
    choose = Random(seed)  # noqa: S311  # a schedule to replay, not a secret
    strikes = []
    for number, of_day in enumerate(measured):
        places = [(n, w) for n in sorted(of_day.failpoints) if n.startswith(OF_THE_CHAIN) for w in WHEN]
        Random(number).shuffle(places)  # noqa: S311
        name, when = places[seed % len(places)]
        delay = choose.uniform(0, of_day.seconds[name]) if when == "in" else 0.0
        strikes.append(Strike(name, when, choose.randint(1, of_day.failpoints[name]), delay))
    return strikes


def _rows(client: bigquery.Client, name: str) -> list[str]:
    found = client.query(f"select * from `{name}`").result()
    columns = [field.name for field in found.schema]
    kept = [(place, column) for place, column in enumerate(columns) if column not in _WHEN_COLUMNS]
    rows = (tuple(row.values()) for row in found)
    return sorted(json.dumps([str(r[p] is None if c == _ENDED else r[p]) for p, c in kept]) for r in rows)
