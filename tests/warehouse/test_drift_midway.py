"""The source's columns change while a run is at work, or between its steps: nothing is mixed, and nothing is lost."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from drifting_shop import CATALOG, DriftingShop
from small_shop import DAY

from pipeline import snapshot, steps
from pipeline.errors import AuditError, DataError, SchemaDriftError, TransientError
from pipeline.progress import Progress

pytestmark = pytest.mark.slow

EARLIER, LATER = DAY - timedelta(days=1), DAY + timedelta(days=1)
WAITING = "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())"
ADD = "alter table ecommerce.sale add channel text not null default 'web'"
DROP = "alter table ecommerce.sale drop note"
RECREATE = (
    "begin; drop table ecommerce.sale; "
    "create table ecommerce.sale (sale_id bigint primary key, created_at timestamptz not null, at_till bool); "
    "insert into ecommerce.sale values (7, '2025-01-10 12:00Z', true); commit"
)


@pytest.fixture
def shop(shop_url_of_module: str, tmp_path: Path) -> DriftingShop:
    """A shop whose three days are published, and one row of each has changed since; its tables evolve."""
    shop = DriftingShop.founded(shop_url_of_module, tmp_path)
    shop.policy("evolve")
    shop.sync()
    shop.execute("update ecommerce.sale set amount = amount + 100; update ecommerce.customer set name = 'Ω'")
    return shop


@contextmanager
def beside(shop: DriftingShop) -> Iterator[Callable[[str], Future[Any]]]:
    """Somebody else's session: statements run in a thread of their own."""
    with ThreadPoolExecutor(1) as pool, psycopg.connect(shop.url, autocommit=True) as connection:
        yield lambda statements: pool.submit(connection.execute, statements)  # type: ignore[arg-type]


def wait_until_somebody_waits(shop: DriftingShop) -> None:
    """Until a session of this database waits for a lock."""
    deadline = time.monotonic() + 60
    with psycopg.connect(shop.url, autocommit=True) as connection:
        while connection.execute(WAITING).fetchone() != (True,):
            assert time.monotonic() < deadline, "nobody waits for a lock"
            time.sleep(0.01)


def before_the_copy(action: Callable[[], None]) -> Progress:
    """Act when all is compared, and nothing is read yet."""

    def progress(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("extract", 0):
            action()

    return progress


@pytest.mark.parametrize(
    "change",
    [
        ADD,
        "alter table ecommerce.sale rename note to remark",
        "alter table ecommerce.customer alter mood type text",
        RECREATE,
    ],
)
def test_a_change_in_the_middle_of_a_run_waits_for_its_end(shop: DriftingShop, change: str) -> None:
    columns = shop.published()
    with beside(shop) as session:
        changes: list[Future[Any]] = []

        def change_meanwhile() -> None:
            changes.append(session(change))
            wait_until_somebody_waits(shop)

        report = steps.extract_day(shop.settings, DAY, before_the_copy(change_meanwhile))
        changes[0].result(60)

    steps.publish_day(shop.settings, DAY)

    assert report.warnings == ()
    assert shop.published() == columns
    assert shop.warehouse("select sale_id, amount, note from staging.sale order by all limit 2") == [
        (0, 100, "note 0"),
        (1, 101, "note 1"),
    ]
    assert shop.warehouse("select distinct name, mood from staging.customer") == [("Ω", "glad")]
    assert shop.sync().extract.warnings
    assert shop.published() == columns | shop.in_source()
    assert shop.audit().equal


def test_a_table_made_anew_while_a_run_waits_for_it_is_taken_as_it_is_then(shop: DriftingShop) -> None:
    with beside(shop) as session, ThreadPoolExecutor(1) as pool:
        *statements, commit = RECREATE.split("; ")
        session("; ".join(statements)).result(60)
        run = pool.submit(shop.sync)
        wait_until_somebody_waits(shop)
        session(commit).result(60)
        run.result(60)

    assert shop.warehouse("select sale_id, at_till from staging.sale") == [(7, True)]
    assert shop.audit().equal


def test_a_table_dropped_while_a_run_waits_for_it_is_named_by_the_next_try(shop: DriftingShop) -> None:
    before = shop.everything()
    with beside(shop) as session, ThreadPoolExecutor(1) as pool:
        session("begin; drop table ecommerce.sale").result(60)
        run = pool.submit(shop.sync)
        wait_until_somebody_waits(shop)
        session("commit").result(60)
        with pytest.raises(
            TransientError, match=r'changed while it was read: relation "ecommerce.sale" does not exist'
        ):
            run.result(60)

    with pytest.raises(SchemaDriftError, match=r"table ecommerce\.sale is not there"):
        shop.sync()
    assert shop.everything() == before


def test_a_table_that_comes_while_a_run_waits_for_others_is_not_read_without_a_lock(shop: DriftingShop) -> None:
    shop.execute("alter table ecommerce.sale rename to away")
    with beside(shop) as session, ThreadPoolExecutor(1) as pool:
        session("begin; lock table ecommerce.customer").result(60)
        run = pool.submit(shop.sync)
        wait_until_somebody_waits(shop)
        shop.execute("alter table ecommerce.away rename to sale")
        session("commit").result(60)
        with pytest.raises(TransientError, match="a table came or went while the others were waited for"):
            run.result(60)

    shop.sync()
    assert shop.audit().equal


def test_a_change_that_waits_for_a_run_keeps_nobody_waiting(
    shop: DriftingShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind it would stand whoever reads the table, the run's own connections first: the run gives way."""
    follow = snapshot._follow
    changes: list[Future[Any]] = []
    with beside(shop) as session:

        def follow_late(*arguments: Any) -> psycopg.Connection:
            if not changes:
                changes.append(session(ADD))
                wait_until_somebody_waits(shop)
            return follow(*arguments)

        monkeypatch.setattr(snapshot, "FOLLOWER_LOCK_TIMEOUT_S", 0.1)
        monkeypatch.setattr(snapshot, "_follow", follow_late)
        with pytest.raises(TransientError, match="is locked: canceling statement due to lock timeout"):
            shop.sync()
        changes[0].result(60)

    monkeypatch.undo()
    shop.sync()
    assert shop.published()["sale"] == shop.in_source()["sale"]
    assert shop.audit().equal


def test_a_schema_renamed_in_the_middle_of_a_run_ends_it(shop: DriftingShop) -> None:
    """No lock keeps a schema's name."""
    before = shop.everything()
    rename = before_the_copy(lambda: shop.execute("alter schema ecommerce rename to elsewhere"))

    with pytest.raises(TransientError, match=r'changed while it was read: relation "ecommerce\.\w+" does not exist'):
        steps.sync_day(shop.settings, DAY, rename)

    assert shop.everything() == before
    shop.execute("alter schema elsewhere rename to ecommerce")
    shop.sync()
    assert shop.audit().equal


def test_an_enums_new_value_belongs_to_the_next_run(shop: DriftingShop) -> None:
    def add_value() -> None:
        shop.execute("alter type ecommerce.mood add value 'calm'")
        shop.execute("insert into ecommerce.customer values (6, null, 'calm')")

    steps.sync_day(shop.settings, DAY, before_the_copy(add_value))

    moods = "select distinct mood from staging.customer order by 1"
    assert shop.warehouse(moods) == [("glad",)]
    shop.sync()
    assert shop.warehouse(moods) == [("calm",), ("glad",)]
    assert shop.audit().equal


def test_an_enums_label_renamed_in_the_middle_of_a_run_is_stopped_by_the_audit(shop: DriftingShop) -> None:
    """No lock keeps it, and it is renamed in every snapshot: what was compared is not what is copied."""
    before = shop.everything()
    rename = before_the_copy(lambda: shop.execute("alter type ecommerce.mood rename value 'glad' to 'happy'"))

    with pytest.raises(AuditError, match=r"customer \(whole\)"):
        steps.sync_day(shop.settings, DAY, rename)

    assert shop.everything() == before
    shop.sync()
    assert shop.audit().equal


def test_a_partition_attached_in_the_middle_of_a_run_stops_it(shop: DriftingShop) -> None:
    """PostgreSQL attaches partitions beside readers, and shows them in every snapshot."""
    shop.execute(
        "drop table ecommerce.customer;"
        "create table ecommerce.customer (customer_id bigint, name text, mood ecommerce.mood) partition by list (name);"
        "create table ecommerce.named partition of ecommerce.customer for values in ('Ω');"
        "insert into ecommerce.customer values (1, 'Ω', 'sad');"
        "create table ecommerce.other (like ecommerce.customer);"
        "insert into ecommerce.other values (2, 'Ada', 'glad')"
    )
    attach = "alter table ecommerce.customer attach partition ecommerce.other for values in ('Ada')"

    with pytest.raises(DataError, match=r"COPY of customer \(whole\) gave 2 rows, its fingerprint counts 1"):
        steps.sync_day(shop.settings, DAY, before_the_copy(lambda: shop.execute(attach)))

    shop.sync()
    assert shop.warehouse("select count(*) from staging.customer") == [(2,)]
    assert shop.audit().equal


@pytest.mark.parametrize("policy", ["freeze", "evolve"])
def test_a_change_between_extract_and_publish_belongs_to_the_next_run(shop: DriftingShop, policy: str) -> None:
    shop.policy(policy)
    columns = shop.published()
    steps.extract_day(shop.settings, DAY)
    shop.execute(f"{DROP}; {ADD}")

    steps.publish_day(shop.settings, DAY)

    assert shop.published() == columns
    assert shop.warehouse("select distinct name from staging.customer") == [("Ω",)]
    if policy == "freeze":
        with pytest.raises(SchemaDriftError, match=r"sale\.note \(text\) is not there, and sale\.channel is new"):
            shop.sync()
        shop.policy("evolve")
    shop.sync()
    assert shop.published() == columns | shop.in_source()
    assert shop.audit().equal


def test_an_evolved_table_is_published_as_it_was_extracted(shop: DriftingShop) -> None:
    shop.execute(ADD)
    steps.extract_day(shop.settings, DAY)
    extracted = shop.in_source()
    shop.execute(DROP)

    steps.publish_day(shop.settings, DAY)

    assert shop.published()["sale"] == extracted["sale"]
    shop.sync()
    assert shop.published()["sale"] == shop.in_source()["sale"]
    assert shop.audit().equal


@pytest.mark.parametrize("edited", ["the policy", "the columns"])
def test_a_day_extracted_with_another_file_is_refused(shop: DriftingShop, edited: str) -> None:
    shop.execute(ADD)
    steps.extract_day(shop.settings, DAY)
    before = shop.everything()
    if edited == "the policy":
        shop.policy("freeze")
    else:
        shop.catalog(lambda tables: tables["sale"]["columns"].pop("note"))

    with pytest.raises(DataError, match="sale was extracted for 2025-01-10 with another catalog"):
        steps.publish_day(shop.settings, DAY)

    assert shop.everything() == before
    shop.sync()
    assert shop.audit().equal


def test_a_file_brought_up_to_date_meanwhile_has_the_columns_that_were_extracted(shop: DriftingShop) -> None:
    shop.execute(ADD)
    steps.extract_day(shop.settings, DAY)
    shop.catalog(lambda tables: tables["sale"]["columns"].update(channel="text not null"))

    assert steps.publish_day(shop.settings, DAY).partitions == {"customer": 1, "sale": 3}

    assert shop.sync().publish.nothing_to_do
    assert shop.audit().equal


def test_columns_that_change_and_change_back_leave_what_was_there(shop: DriftingShop) -> None:
    shop.sync()
    rows, columns = shop.warehouse("from staging.sale order by all"), shop.published()

    for change in (ADD, "alter table ecommerce.sale drop channel", DROP, "alter table ecommerce.sale add note text"):
        shop.execute(change)
        shop.sync()
        assert shop.published()["sale"] == shop.in_source()["sale"]

    assert shop.audit().equal
    assert shop.published() == columns
    assert [(row[0], row[1], row[3]) for row in shop.warehouse("from staging.sale order by all")] == [
        (row[0], row[1], row[3]) for row in rows
    ]


def test_a_file_brought_up_to_date_in_another_order_loses_nothing(shop: DriftingShop) -> None:
    shop.execute(ADD)
    shop.sync()
    ordered = "select sale_id, amount, note, created_at, channel from staging.sale order by all"
    rows = shop.warehouse(ordered)
    columns = {"channel": "text not null", **dict(reversed(CATALOG["sale"]["columns"].items()))}
    shop.catalog(lambda tables: tables["sale"].update(columns=columns))

    assert shop.sync().publish.partitions == {"sale": 3}

    assert shop.warehouse(ordered) == rows
    assert shop.audit().equal


def test_an_older_run_adds_nothing_to_a_table_that_a_later_one_published_with_other_columns(shop: DriftingShop) -> None:
    steps.extract_day(shop.settings, DAY)
    shop.execute(ADD)
    shop.sync(LATER)
    before = shop.everything()

    assert steps.publish_day(shop.settings, DAY).nothing_to_do

    assert shop.everything() == before
    assert shop.audit().equal


def test_an_older_run_is_refused_where_a_later_one_left_its_day_out(shop: DriftingShop) -> None:
    steps.extract_day(shop.settings, LATER)
    shop.execute(ADD)
    shop.sync(EARLIER)
    before = shop.everything()

    with pytest.raises(DataError, match="sale was published since with other columns"):
        steps.publish_day(shop.settings, LATER)

    assert shop.everything() == before
    shop.sync(LATER)
    assert shop.audit().equal


def test_an_older_run_is_refused_while_a_later_extract_is_not_published(shop: DriftingShop) -> None:
    steps.extract_day(shop.settings, DAY)
    shop.execute(ADD)
    steps.extract_day(shop.settings, LATER)
    before = shop.everything()

    with pytest.raises(DataError, match=r"sale 2025-01-\d\d was extracted since with other columns"):
        steps.publish_day(shop.settings, DAY)

    assert shop.everything() == before
    steps.publish_day(shop.settings, LATER)
    assert steps.publish_day(shop.settings, DAY).nothing_to_do
    assert shop.audit().equal


def test_the_audit_names_what_the_next_run_will_follow(shop: DriftingShop, caplog: pytest.LogCaptureFixture) -> None:
    shop.sync()
    shop.execute(ADD)

    audited = {table.table: table.published for table in shop.audit().tables}

    assert audited == {"customer": True, "sale": False}
    assert "column sale.channel (text) is not in the catalog (drift: evolve): it arrives" in caplog.text
