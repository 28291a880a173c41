"""Command `discover`: the catalog of any PostgreSQL schema."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.options import Json
from pipeline.discover import PARTITION_COLUMN, Discovery
from pipeline.errors import ConfigurationError
from pipeline.reports import to_json, to_plain
from pipeline.settings import Settings

Schema = Annotated[
    str | None, typer.Option("--schema", metavar="NAME", help="Schema to read. Default: the only one that has tables.")
]
Tables = Annotated[
    list[str] | None, typer.Option("--table", metavar="NAME", help="Only this table; may be given again.")
]
PartitionColumn = Annotated[
    str,
    typer.Option("--partition-column", metavar="NAME", help="A table that has it, not null, is moved by UTC day."),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write. Default: stdout.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]


@app.command()
def discover(
    schema: Schema = None,
    tables: Tables = None,
    partition_column: PartitionColumn = PARTITION_COLUMN,
    output: Output = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write a catalog (the format of config/tables.yml) for the tables of any PostgreSQL schema.

    Columns whose type no warehouse has are named on stderr: they arrive as text. With --json, stdout has a summary
    instead of the catalog.

    Examples:  tillroll discover   ·   tillroll discover --schema sales --output config/sales.yml
    """
    from pipeline.discover import discover as read
    from pipeline.snapshot import connect
    from pipeline.steps import source

    if output is not None and output.exists() and not force:
        raise _exists(output)
    with source(Settings.load()) as url, connect(url) as connection:
        found = read(connection, schema, tables or (), partition_column)
    for line in (*found.as_text, *_daily(found)):
        print(line, file=sys.stderr)
    if output is not None:
        _write(output, found.text, force)
        print(f"{output}: {len(found.tables)} tables of schema {found.schema}", file=sys.stderr)
    if json:
        print(_summary(found, output))
    elif output is None:
        print(found.text, end="")


def _daily(found: Discovery) -> list[str]:
    """What only the owner of the tables knows: whether old rows change."""
    names = ", ".join(table.name for table in found.tables if table.partition)
    remedy = "where older rows change at any time (customers, products), write `partition: null`"
    return [f"moved by day, and compared for the lookback's days only: {names}; {remedy}"] if names else []


def _summary(found: Discovery, output: Path | None) -> str:
    plain = to_plain(found)
    del plain["text"]
    return to_json({"output": None if output is None else str(output), **plain})


def _exists(output: Path) -> ConfigurationError:
    return ConfigurationError(f"{output} exists", "Choose another --output, or replace it with --force.")


def _write(output: Path, text: str, force: bool) -> None:
    try:
        with output.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise _exists(output) from None
    except OSError as error:
        raise ConfigurationError(f"cannot write {output}: {error.strerror}", "Choose another --output.") from error
