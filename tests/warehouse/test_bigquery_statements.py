"""Every statement that BigQuery gets, type-checked by Google's own analyzer, and held to the days that it may name.

They are those that the emulator was sent: to build everything, and on the day after, when 365 days are published.
"""

import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import psycopg
import pytest
import yaml
from cloud_year import NEXT, PUBLISHED_DAYS, SHOP, CloudYear, Record
from dashboard_sql import bi_tables, page_queries
from day_scans import days_named, unbounded, views_in
from emulated_cloud import SAID, EmulatedCloud
from every_type import ddl
from google_sql import Analyzer, SqlError
from test_dbt_pruning import GROWING_MODELS

from dashboard.report import load_report
from emulators.servers import Servers
from ingestion.config import CONFIG_VARIABLE
from pipeline.catalog import Catalog, Table, load_catalog, parse_catalog
from pipeline.cost import make_cost
from pipeline.discover import discover
from pipeline.fingerprint import Fingerprint
from pipeline.settings import ROOT
from pipeline.snapshot import connect
from pipeline.warehouse.bigquery_publish_sql import LEDGER_FIELDS, LedgerStamp, Replacement, publish_script
from pipeline.warehouse.bigquery_sql import column_type, fingerprint_query

pytestmark = pytest.mark.slow

KINDS = {"model", "test", "snapshot", "fingerprint", "publish", "show", "count"}
OWN = {
    "audit": "fingerprint",
    "publish": "publish",
    "show": "show",
    "check": "check",
    "count": "count",
    "transform": "again",
}
MODELS = {file.stem for file in (ROOT / "dbt" / "models").rglob("*.sql")}

# In the step of core, what must look at every day, and so reads a column or two of all of it: docs/models.md says why.
# (Marts are built anew from all of core.)
EVERY_DAY = {
    "core_equality": GROWING_MODELS | {"transaction"},
    "facts_hold_every_published_row": GROWING_MODELS,
    "holds_nothing_days_to_build_again_": {"fact_review", "fact_transaction", "session", "transaction"},
    "published_partition": {"review", "session", "transaction", "transaction_item"},
    "quarantine_review": {"transaction"},
    "quarantine_transaction": {"session"},
    "relationships_fact_transaction_session_id__session_id__ref_dim_": {"dim_session"},
    "transform": {"fact_review", "fact_transaction", "session", "transaction"},  # what days_to_build_again says
    "unique_dim_session_session_id": {"dim_session"},
    "unique_fact_review_review_id": {"fact_review"},
    "unique_fact_transaction_transaction_item_id": {"fact_transaction"},
}
MONDAY = "1900-01-01"  # from which weekdays are counted


@pytest.fixture(scope="module")
def year(
    shop_url_of_module: str, google_emulators: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CloudYear]:
    folder = tmp_path_factory.mktemp("year")
    (folder / "ingestion.yml").write_text(SHOP.model_dump_json())
    cloud = EmulatedCloud(google_emulators, f"tillroll-{uuid.uuid4().hex[:8]}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CONFIG_VARIABLE, str(folder / "ingestion.yml"))
        yield CloudYear.lived(shop_url_of_module, folder, cloud)


def kind(record: Record) -> str:
    """What of Tillroll sent it."""
    labels = record["labels"]
    if "dbt_invocation_id" not in labels:
        return OWN[labels["step"]]
    if labels["table"] in MODELS:
        return "model"
    return "snapshot" if labels["table"].startswith("snapshot_") else "test"


@dataclass(frozen=True)
class Taken:
    """Google's analyzer after all statements, and how many of each kind it took."""

    analyzer: Analyzer
    found: Counter[str]


@pytest.fixture(scope="module")
def taken(year: CloudYear) -> Taken:
    analyzer = Analyzer({})
    return Taken(analyzer, check_all(analyzer, year, [*year.first, *year.later]))


def check_all(analyzer: Analyzer, year: CloudYear, records: Iterable[Record]) -> Counter[str]:
    """How many statements of each kind Google's analyzer takes. Raises SqlError for the first that it does not."""
    found: Counter[str] = Counter()
    for record in records:
        for name in named_tables(year, record["statement"]):
            introduce(analyzer, year, name)
        found[kind(record)] += len(analyzer.check(record["statement"]))
    return found


def named_tables(year: CloudYear, statement: str) -> set[str]:
    """The tables that stand in a statement, `project.dataset.table`, whichever way they are quoted."""
    return {found.replace("`", "") for found in re.findall(rf"`{year.project}(?:`?\.`?[^`.]+){{2}}`", statement)}


def introduce(analyzer: Analyzer, year: CloudYear, name: str) -> None:
    """Tell the analyzer of a table that no statement made, but a request of Tillroll's."""
    project, dataset, table = name.split(".")
    tables = {found.name: columns(found) for found in year.catalog}
    loaded = tables.get(table if dataset == "staging" else table.rpartition("_")[0])
    if name in analyzer:
        return
    if table == "_ledger" or table.startswith("_entries_"):
        analyzer.add(name, dict(LEDGER_FIELDS))
    elif dataset in {"staging", "staging_audit"} and loaded:
        analyzer.add(name, loaded)
    elif dataset == "datamart" and f"{project}.datamart_build.{table}" in analyzer:
        analyzer.add_copy(name, f"{project}.datamart_build.{table}")


def columns(table: Table) -> dict[str, str]:
    return {column.name: column_type(column) for column in table.columns}


def test_google_takes_every_statement(taken: Taken, record_property: Callable[[str, object], None]) -> None:
    counts = ", ".join(f"{count} {name}" for name, count in sorted(taken.found.items()))
    record_property(SAID, f"Google's analyzer took {taken.found.total()} statements for BigQuery: {counts}.")
    assert {name for name, count in taken.found.items() if count} >= KINDS


@pytest.mark.parametrize(
    ("table", "correct", "planted", "complaint"),
    [
        ("stg_transaction", "date(created_at, 'UTC')", "date_trunc('day', created_at)", "date part name is required"),
        ("stg_transaction", "date(created_at, 'UTC')", "created_at::date", "Syntax error"),
        ("stg_transaction", "cast(tax_amount as numeric)", "cast(tax as numeric)", "Unrecognized name: tax"),
        ("stg_transaction", "`quarantine_transaction`", "`quarantine`", "Table not found"),
        ("core_equality", "orders as built_rows", "'none' as built_rows", "UNION ALL has incompatible types"),
        ("fact_transaction", "sum(lines.line_amount)", "sum(lines.channel)", "Name channel not found"),
    ],
)
def test_a_fault_of_dialect_is_found(
    year: CloudYear, taken: Taken, table: str, correct: str, planted: str, complaint: str
) -> None:
    of_table = [record for record in year.first if record["labels"].get("table") == table]
    right = next(record for record in of_table if correct in record["statement"])
    wrong = right | {"statement": right["statement"].replace(correct, planted)}

    with pytest.raises(SqlError, match=complaint):
        check_all(taken.analyzer, year, [wrong])
    assert check_all(taken.analyzer, year, [right]).total()


def test_google_takes_what_is_sent_for_any_table(shop_url: str) -> None:
    with connect(shop_url) as connection:
        connection.execute(ddl())  # type: ignore[call-overload]
    with connect(shop_url) as connection:
        catalog = tables_of(connection)
    days = (date(2024, 12, 31), date(2025, 1, 1), date(2025, 1, 5))
    for table in (*catalog, *load_catalog(ROOT / "config" / "tables.yml")):
        staged, audited = (f"p-1.{dataset}.{table.name}" for dataset in ("staging", "staging_audit"))
        ledger, entries = "p-1.staging._ledger", "p-1.staging_audit._entries"
        fields = dict(LEDGER_FIELDS)
        analyzer = Analyzer({staged: columns(table), audited: columns(table), ledger: fields, entries: fields})
        replacement = Replacement(table, staged, audited, Fingerprint(7, 2**90), days if table.is_daily else ())

        assert analyzer.check(fingerprint_query(table, staged)) == ["QueryStmt"]
        script = publish_script([replacement], ledger, entries, LedgerStamp(3, 10**18), ["it's"])
        assert Counter(analyzer.check(script)) == Counter(
            BeginStmt=1, QueryStmt=2, DeleteStmt=3, InsertStmt=2, CommitStmt=1
        )


def test_google_takes_every_query_of_the_dashboard() -> None:
    analyzer, report = Analyzer(bi_tables()), load_report()
    queries = list(page_queries(report))

    assert [analyzer.check(query) for query in queries] == [["QueryStmt"]] * len(queries)
    assert len(queries) > sum(len(page.charts) for page in report.pages)
    for good, bad in (("nullif(", "null_if("), ("between date", "between 1 and date"), ("`revenue`", "`turnover`")):
        wrong = next(query for query in queries if good in query).replace(good, bad)
        with pytest.raises(SqlError):
            analyzer.check(wrong)


def tables_of(connection: psycopg.Connection) -> Catalog:
    """All tables of the schema, less one whose name has a full stop, as BigQuery's paths do."""
    entries = yaml.safe_load(discover(connection).text)
    entries["tables"].pop("a/b.c")
    return parse_catalog(entries)


def test_a_normal_day_names_the_changed_days_and_no_others(year: CloudYear) -> None:
    changed = {day.isoformat() for day in year.changed}
    ends = {(day + timedelta(days=1)).isoformat() for day in year.changed}
    named = [days_named(record["statement"]) for record in year.later]

    assert year.published_days >= PUBLISHED_DAYS
    assert len(changed) <= 10
    assert changed <= set().union(*named) <= changed | ends | {MONDAY}


def test_a_normal_day_reads_the_changed_days_of_what_grows(year: CloudYear) -> None:
    sent = [record for record in year.later if record["labels"]["step"] != "transform_datamart"]
    growing = {table.name: table.partition_column.name for table in year.catalog if table.is_daily}
    growing |= dict.fromkeys(GROWING_MODELS, "day")
    views = views_in(record["statement"] for record in year.first)
    found: dict[str, set[str]] = {}
    for record in sent:
        if tables := unbounded(record["statement"], growing, views):
            found.setdefault(record["labels"].get("table", record["labels"]["step"]), set()).update(tables)

    assert {kind(record) for record in sent} >= {"model", "test", "snapshot", "publish"}
    assert found == EVERY_DAY


def test_a_day_costs_a_day_and_not_the_year(year: CloudYear, taken: Taken) -> None:
    report = make_cost(year.settings, NEXT)
    costs = {layer.layer: layer for layer in report.layers}
    asked = [record for record in year.cloud.statements() if record["labels"].get("step") == "estimate"]

    assert set(report.days) == year.changed
    assert report.loaded_bytes > 0
    assert 0 < costs["staging"].day_bytes * 3 < costs["staging"].full_bytes  # whole tables among it, whose rows changed
    assert 0 < costs["core"].day_bytes < costs["core"].full_bytes
    assert 0 < costs["datamart"].day_bytes == costs["datamart"].full_bytes
    assert all(record["dry_run"] for record in asked)
    assert len(asked) > sum(layer.statements for layer in report.layers)
    for record in asked:
        assert taken.analyzer.check(record["statement"])
