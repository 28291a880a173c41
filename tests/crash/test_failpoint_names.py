"""Every failpoint in the code has its line in docs/reliability.md and its place in the matrix."""

import ast
from collections.abc import Iterator
from pathlib import Path

from sites import CLOUD_PREFIXES, LAPTOP

from pipeline.settings import ROOT
from pipeline.transform_dbt import _FAILPOINTS

PAGE = (ROOT / "docs" / "reliability.md").read_text("utf-8")


def names_in(file: Path) -> Iterator[str]:
    """The names that this file passes to `failpoint` or `reached`."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).lstrip("_") in {"failpoint", "reached"}:
            name = node.args[0]
            if isinstance(name, ast.Constant):
                yield name.value


def names_in_code() -> list[str]:
    files = [file for package in ("ingestion", "pipeline") for file in sorted((ROOT / package).rglob("*.py"))]
    return [*(name for file in files for name in names_in(file)), *_FAILPOINTS.values()]


def test_no_name_stands_for_two_steps() -> None:
    names = names_in_code()

    assert len(names) > len(LAPTOP)
    assert sorted(names) == sorted(set(names))


def test_the_matrix_knows_the_laptops_failpoints() -> None:
    assert {name for name in names_in_code() if not name.startswith(CLOUD_PREFIXES)} == set(LAPTOP)


def test_every_failpoint_is_documented() -> None:
    assert [name for name in names_in_code() if f"`{name}`" not in PAGE] == []
