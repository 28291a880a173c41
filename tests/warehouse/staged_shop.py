"""A shop of four days as sync leaves it in staging, small enough to add up by hand, and the transforms over it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from pipeline.catalog import load_catalog
from pipeline.fingerprint import EMPTY
from pipeline.ledger import LedgerEntry
from pipeline.rejected import NO_DAY, rejected_table, with_rejected
from pipeline.reports import TransformReport
from pipeline.settings import ROOT, Settings
from pipeline.transform import transform_core, transform_datamart
from pipeline.warehouse.duckdb import LEDGER, DuckDBWarehouse
from pipeline.warehouse.duckdb_sql import LEDGER_COLUMNS, column_definitions

FIRST, LAST = date(2025, 1, 1), date(2025, 1, 4)
PUBLISHED_AT = datetime(2025, 1, 5, tzinfo=UTC)
STATUSES = ("paid", "paid", "pending", "refunded", "cancelled", "paid")
ORDERS_PER_DAY, VISITS_PER_DAY = 6, 10

MASTER_DATA = """
insert into staging.customer
select i, 'Ada', 'No. ' || i, i || '@example.org', null, null, null, 'regular', 'web',
    'Street', 'Town', null, '10115', 'DE', true, timestamp '2024-06-01', timestamp '2024-06-01'
from range(1, 8) t(i);
insert into staging.product
select i, 'SKU-' || i, 'Product ' || i, 'toys', 'cars', 'Brand', 10 * i, 6 * i, 0.250, true,
    timestamp '2024-06-01', timestamp '2024-06-01'
from range(1, 6) t(i);
insert into staging.payment_method
select i, 'Way ' || i, 'card', 'Bank', 1.250, true, timestamp '2024-06-01', timestamp '2024-06-01'
from range(1, 3) t(i);
insert into staging.store
select i, 'Store ' || i, 'shop', 'Town', null, 'DE', 52.5, 13.4, date '2020-01-01', true,
    timestamp '2024-06-01', timestamp '2024-06-01'
from range(1, 3) t(i);
"""


@dataclass(frozen=True)
class Order:
    """An order and its lines: `(product, quantity, unit price, discount)`."""

    id: int
    at: datetime
    status: str = "paid"
    lines: tuple[tuple[int, int, Decimal, Decimal], ...] = ((1, 1, Decimal("10.00"), Decimal("0.00")),)
    shipping: Decimal = Decimal("4.95")

    @property
    def items(self) -> Decimal:
        return sum((quantity * price - discount for _, quantity, price, discount in self.lines), Decimal())

    @property
    def tax(self) -> Decimal:
        return (self.items * Decimal("0.19")).quantize(Decimal("0.01"))

    @property
    def total(self) -> Decimal:
        return self.items + self.shipping + self.tax

    @property
    def units(self) -> int:
        return sum(quantity for _, quantity, _, _ in self.lines)


def orders() -> Iterator[Order]:
    """The shop's orders: six a day, of one to three lines."""
    for day in range(4):
        for n in range(ORDERS_PER_DAY):
            number = (day + 1) * 100 + n
            lines = tuple(
                (1 + (number + k) % 5, 1 + (n + k) % 3, Decimal(number + k) / 10, Decimal(k) / 100)
                for k in range(1 + n % 3)
            )
            at = datetime.combine(FIRST, datetime.min.time()) + timedelta(days=day, hours=8 + n)
            yield Order(number, at, STATUSES[n], lines, Decimal("4.95") if n % 2 else Decimal("0.00"))


def visits_sql(day: date, first_id: int | None = None) -> str:
    """Ten visits of a day, of which the first six lead to its orders; every fifth visitor stays unknown."""
    first_id = first_id or ((day - FIRST).days + 1) * 100
    return f"""
    insert into staging.session
    select id, case when n % 5 <> 4 then 1 + n % 7 end, 1 + n % 2, case when n % 2 = 0 then 'web' else 'app' end,
        'mobile', 'search', '/', 3, began + interval 10 minute, began, began
    from (select n, {first_id} + n as id, date '{day}' + to_hours(7 + n) as began from range({VISITS_PER_DAY}) t(n));
    """


def order_sql(order: Order) -> str:
    """An order, its lines and a review of its first product."""
    at, customer = f"timestamp '{order.at}'", 1 + order.id % 7
    lines = ", ".join(
        f"({order.id * 10 + k}, {order.id}, {product}, {k}, {quantity}, {price}, {discount}, "
        f"{quantity * price - discount}, {at}, {at})"
        for k, (product, quantity, price, discount) in enumerate(order.lines, 1)
    )
    return f"""
    insert into staging.transaction values (
        {order.id}, {order.id}, {customer}, {1 + order.id % 2}, {1 + order.id % 2},
        '{"app" if order.id % 2 else "web"}', '{order.status}', 'EUR',
        {order.items}, {order.shipping}, {order.tax}, {order.total}, null, null, null, {at}, {at});
    insert into staging.transaction_item values {lines};
    insert into staging.review values (
        {order.id}, {order.lines[0][0]}, {customer}, {order.id}, {1 + order.id % 5}, null, 'Fine', true, {at}, {at});
    """


@dataclass
class StagedShop:
    """A warehouse file whose staging dataset is filled, and whose ledger is true."""

    folder: Path
    settings: Settings = field(init=False)
    warehouse: DuckDBWarehouse = field(init=False)

    def __post_init__(self) -> None:
        self.settings = Settings(_env_file=None, data_dir=self.folder, source="external")
        self.warehouse = DuckDBWarehouse.from_url(self.settings.warehouse)

    @classmethod
    def new(cls, folder: Path) -> "StagedShop":
        """The shop of four days, published and not transformed."""
        shop = cls(folder)
        shop.warehouse.path.parent.mkdir(parents=True)
        catalog = load_catalog(shop.settings.catalog_path)
        tables = [*catalog, rejected_table(catalog.table("review"))]
        ddl = [f'create table staging."{table.name}" ({column_definitions(table)});' for table in tables]
        shop.execute(f"create schema staging; create table {LEDGER} ({LEDGER_COLUMNS}); {' '.join(ddl)} {MASTER_DATA}")
        shop.execute(
            f"insert into staging.rejected_review values ('{NO_DAY}', '7', 'created_at is null: no day', null)"
        )
        for day in range(4):
            shop.execute(visits_sql(FIRST + timedelta(days=day)))
        for order in orders():
            shop.execute(order_sql(order))
        shop.publish()
        return shop

    def copy(self, folder: Path) -> "StagedShop":
        """The same shop in another folder."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return StagedShop(folder)

    def execute(self, statements: str) -> None:
        """Change anything in the warehouse file."""
        with self.warehouse.lock(), duckdb.connect(str(self.warehouse.path)) as connection:
            connection.execute(statements)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.warehouse.lock(), duckdb.connect(str(self.warehouse.path)) as connection:
            return connection.execute(statement).fetchall()

    def publish(self, changes: str = "") -> None:
        """Change staging, and make the ledger say what staging holds, as a sync would leave it."""
        if changes:
            self.execute(changes)
        before = self.warehouse.ledger()
        current = {
            partition: (fingerprint, table.schema_id)
            for table in with_rejected(load_catalog(self.settings.catalog_path))
            for partition, fingerprint in self.warehouse.fingerprints(table).items()
        }
        gone = {p: (EMPTY, entry.schema_id) for p, entry in before.items() if p not in current}
        with self.warehouse.publication() as publication:
            publication.publish(
                LedgerEntry(partition, fingerprint, schema_id, before.last_sequence + 1, LAST, PUBLISHED_AT)
                for partition, (fingerprint, schema_id) in (current | gone).items()
                if partition not in before or before[partition].fingerprint != fingerprint
            )

    def rows(self, *schemas: str) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table of core and datamart, but for snapshots and bookkeeping."""
        names = self.query(
            "select table_schema || '.' || table_name from information_schema.tables "
            f"where table_schema in {schemas} and table_type = 'BASE TABLE' and table_name not like 'snapshot%' "
            "and table_name not like '!_%' escape '!' order by all"
        )
        return {name: self.query(f"from {name} order by all") for (name,) in names}

    @property
    def marts(self) -> Path:
        return Path(self.settings.marts)

    def core(self) -> TransformReport:
        return transform_core(self.settings, LAST)

    def datamart(self) -> TransformReport:
        return transform_datamart(self.settings, LAST)

    def dbt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run dbt by hand, as docs/models.md says."""
        environment = {
            **os.environ,
            "TILLROLL_DBT_DUCKDB_PATH": str(self.warehouse.path),
            "DBT_PROJECT_DIR": str(ROOT / "dbt"),
            "DBT_PROFILES_DIR": str(ROOT / "dbt"),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
        }
        command = [str(Path(sys.executable).with_name("dbt")), *arguments]
        with self.warehouse.lock():
            return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    def dbt_statuses(self) -> dict[str, str]:
        """What became of each node of the last `dbt`, by its name."""
        results = json.loads((self.folder / "target" / "run_results.json").read_text())["results"]
        return {result["unique_id"].split(".")[2]: result["status"] for result in results}
