"""docs/reliability.md says what a run does when the source's columns change: each row of its table is run here."""

import re
from pathlib import Path

import pytest
from drifting_shop import DriftingShop

from pipeline.errors import SchemaDriftError
from pipeline.settings import ROOT

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "reliability.md").read_text("utf-8")
TABLE = PAGE.split("\n| the source | for example |")[1].split("\n\n")[0]
ROWS = re.findall(r"^\| [^|]+ \| `([^`]+)` \| (\w[\w ]*) \| (\w[\w ]*) \|$", TABLE, re.MULTILINE)

# How the lines end that a run says about it.
SAID = {
    "stops": "the run stops",
    "left out": "not moved",
    "followed": "is published anew with all its history",
    "arrives": "nulls arrive",
    "set apart": "rows without a day go to rejected_sale",
}


def require(shop: DriftingShop, outcome: str, policy: str, columns: dict[str, set[str]]) -> None:
    """Run, and see that this comes of it. `columns` are those that were published before the source changed."""
    if outcome == "stops":
        before = shop.everything()
        with pytest.raises(SchemaDriftError, match=rf"\(drift: {policy}\): .*{SAID[outcome]}"):
            shop.sync()
        assert shop.everything() == before
        return
    said = shop.sync().extract.warnings
    assert all(line.endswith(SAID[outcome]) for line in said)
    assert shop.published() == (columns | shop.in_source() if outcome == "followed" else columns)


def test_every_row_of_the_table_is_run() -> None:
    assert len(ROWS) == TABLE.count("\n| ")
    assert {row[n] for row in ROWS for n in (1, 2)} == SAID.keys()


@pytest.mark.parametrize(("change", "freeze", "evolve"), ROWS)
def test_a_change_of_the_source_does_what_the_document_says(
    shop_url_of_module: str, tmp_path: Path, change: str, freeze: str, evolve: str
) -> None:
    shop = DriftingShop.founded(shop_url_of_module, tmp_path)
    assert shop.sync().extract.warnings == ()
    columns = shop.published()
    shop.change(change)

    require(shop, freeze, "freeze", columns)
    shop.policy("evolve")
    require(shop, evolve, "evolve", columns)
    if evolve in {"followed", "stops", "left out"}:
        shop.take_over()
        report = shop.sync()
        assert report.extract.warnings == ()
        assert report.publish.nothing_to_do or evolve != "followed"
        assert shop.published() == columns | shop.in_source()

    assert shop.audit().equal
