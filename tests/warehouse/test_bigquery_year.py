"""What a day costs when 365 are published: the statements of that day, held to the days that they may name and read.

They are those that the emulator was sent, to build everything and on the day after; Google's own analyzer takes them.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from cloud_year import NEXT, PUBLISHED_DAYS, SHOP, CloudYear
from day_scans import days_named, unbounded, views_in
from emulated_cloud import SAID, EmulatedCloud
from google_reading import KINDS, GoogleReader, in_words, kind
from test_dbt_pruning import GROWING_MODELS

from emulators.servers import Servers
from ingestion.config import CONFIG_VARIABLE
from pipeline.cost import make_cost

pytestmark = pytest.mark.long

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


@pytest.fixture(scope="module")
def google(year: CloudYear) -> GoogleReader:
    return GoogleReader(year.project, year.catalog)


@pytest.fixture(scope="module")
def taken(google: GoogleReader, year: CloudYear) -> Counter[str]:
    """What Google's analyzer took of all that was sent."""
    return google.read([*year.first, *year.later])


def test_google_takes_every_statement(taken: Counter[str], record_property: Callable[[str, object], None]) -> None:
    record_property(SAID, in_words(taken))
    assert set(taken) >= {*KINDS, "count"}


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


@pytest.mark.usefixtures("taken")
def test_a_day_costs_a_day_and_not_the_year(year: CloudYear, google: GoogleReader) -> None:
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
    for statement in {record["statement"] for record in asked}:
        assert google.analyzer.check(statement)
