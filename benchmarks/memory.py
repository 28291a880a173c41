"""Peak memory of a sync as rows grow: `make bench-memory`.

A table is synced from nothing at 1, 2, 4 and 8 times its size, each time by a `tillroll sync` of its own, whose peak
resident memory the operating system reports (wait4's ru_maxrss). PostgreSQL is not counted: it is another process.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import yaml

from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.settings import Settings

CATALOG = {
    "schema": "public",
    "tables": {
        "event": {
            "key": ["event_id"],
            "partition": "created_at",
            "columns": {
                "event_id": "bigint not null",
                "kind": "text not null",
                "amount": "numeric(12,2) not null",
                "note": "text",
                "created_at": "timestamptz not null",
            },
        }
    },
}
FILL = """
create table event (event_id bigint primary key, kind text not null, amount numeric(12,2) not null, note text,
    created_at timestamptz not null);
insert into event select i, 'kind ' || i % 50, (i % 10000) * 0.01, case when i % 3 = 0 then null else md5(i::text) end,
    timestamptz '2025-01-01Z' + i * interval '10 ms' from generate_series(1, {rows}) i;
analyze event;
"""


def measure(rows: int) -> tuple[float, float]:
    """Seconds and peak MB of one first sync of `rows` rows."""
    with tempfile.TemporaryDirectory(prefix="tillroll-bench-") as folder:
        data, catalog = Path(folder) / "data", Path(folder) / "tables.yml"
        catalog.write_text(yaml.safe_dump(CATALOG))
        with EmbeddedPostgres(Settings(data_dir=data)).running() as server:
            url = server.url("shop")
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(FILL.format(rows=rows))
            environment = os.environ | {
                "TILLROLL_SOURCE": "external",
                "TILLROLL_SOURCE_URL": url,
                "TILLROLL_DATA_DIR": str(data),
                "TILLROLL_CATALOG": str(catalog),
            }
            tillroll = Path(sys.executable).parent / "tillroll"
            started = time.monotonic()
            process = subprocess.Popen(
                [tillroll, "sync", "--day", "2025-01-01"], env=environment, stdout=subprocess.DEVNULL
            )
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                raise SystemExit("the sync failed")
            return time.monotonic() - started, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the smallest table (default: 1,000,000)")
    first = parser.parse_args().rows
    print(f"{'rows':>12} {'seconds':>8} {'rows/s':>9} {'peak MB':>8}")
    for factor in (1, 2, 4, 8):
        seconds, peak = measure(first * factor)
        print(f"{first * factor:>12,} {seconds:>8.1f} {first * factor / seconds:>9,.0f} {peak:>8.0f}", flush=True)


if __name__ == "__main__":
    main()
