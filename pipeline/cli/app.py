"""The `tillroll` program: one Typer app; each module of this package adds its commands."""

import errno
import logging
import sys
import traceback
from typing import Annotated, Any

import psycopg
import typer
import typer.core

from pipeline.errors import TillrollError


class _Group(typer.core.TyperGroup):
    """Turns errors into one message and an exit code: 1 differs or failed, 2 wrong use or configuration."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TillrollError as error:
            print(f"error: {error}", file=sys.stderr)
            raise typer.Exit(error.exit_code) from None
        except Exception as error:
            if not _is_from_outside(error):
                raise
            if ctx.params.get("verbose"):
                traceback.print_exc()
            print(f"error: {_described(error)}\n  remedy: {_LAST_REMEDY}", file=sys.stderr)
            raise typer.Exit(1) from None


_LAST_REMEDY = "Repair what it names, and run the command again; `tillroll --verbose` before the command shows where."


def _is_from_outside(error: Exception) -> bool:
    """Whether the system, PostgreSQL or DuckDB says it. A closed pipe is Click's: its reader has seen enough."""
    if isinstance(error, OSError):
        return error.errno != errno.EPIPE
    duckdb = sys.modules.get("duckdb")  # slow to import, and where nobody did it has raised nothing
    return isinstance(error, psycopg.Error) or (duckdb is not None and isinstance(error, duckdb.Error))


def _described(error: Exception) -> str:
    """An error that no part of the program has explained, in one line that names the file or who says it."""
    from pipeline.alerts.masking import mask

    if isinstance(error, OSError) and error.strerror:
        files = [str(name) for name in (error.filename, error.filename2) if name is not None]
        return ": ".join([error.strerror, *files])
    kind = type(error)
    said = (str(error).strip().splitlines() or ["it says nothing"])[0]
    return mask(f"{kind.__module__.split('.')[0].lstrip('_')}.{kind.__name__}: {said}")


app = typer.Typer(
    name="tillroll",
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Move a shop's data from PostgreSQL to the warehouse, and prove that what was published equals its source.",
)


@app.callback()
def _options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say what is done while it is done.")] = False,
) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s" if verbose else "%(levelname)s: %(message)s",
        stream=sys.stderr,
    )
