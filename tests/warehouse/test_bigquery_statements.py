"""Statements that BigQuery gets whatever the shop and whoever looks, type-checked by Google's own analyzer."""

from collections import Counter
from datetime import date

import psycopg
import pytest
import yaml
from dashboard_sql import bi_tables, page_queries
from every_type import ddl
from google_reading import columns
from google_sql import Analyzer, SqlError

from dashboard.report import load_report
from pipeline.catalog import Catalog, load_catalog, parse_catalog
from pipeline.discover import discover
from pipeline.fingerprint import Fingerprint
from pipeline.settings import ROOT
from pipeline.snapshot import connect
from pipeline.warehouse.bigquery_publish_sql import LEDGER_FIELDS, LedgerStamp, Replacement, publish_script
from pipeline.warehouse.bigquery_sql import fingerprint_query

pytestmark = pytest.mark.slow


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
