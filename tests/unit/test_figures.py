"""A measured table lands in its own place of the page, and nowhere else."""

from pathlib import Path

import pytest

from benchmarks.figures import PAGE, write_table
from pipeline.settings import ROOT

ALERTS = ROOT / "docs" / "alerts.md"


def test_a_table_replaces_the_one_before(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("""# Page
<!-- one: begin -->
<!-- one: end -->
<!-- two: begin -->
old
<!-- two: end -->
end
""")

    write_table("one", "| 1 |\n", page)
    write_table("two", "new", page)

    assert page.read_text().splitlines() == [
        "# Page", "<!-- one: begin -->", "| 1 |", "<!-- one: end -->",
        "<!-- two: begin -->", "new", "<!-- two: end -->", "end",
    ]  # fmt: skip


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n")

    with pytest.raises(ValueError, match="one"):
        write_table("one", "| 1 |", page)


@pytest.mark.parametrize(
    ("page", "names"),
    [
        (PAGE, ("crash-matrix", "crash-matrix-cloud", "types", "corruption", "scale")),
        (ALERTS, ("alert-matrix", "alert-storm")),
    ],
)
def test_every_place_of_a_page_is_there_once(page: Path, names: tuple[str, ...]) -> None:
    text = page.read_text("utf-8")

    for name in names:
        assert (text.count(f"<!-- {name}: begin -->"), text.count(f"<!-- {name}: end -->")) == (1, 1)
