"""The `tillroll` program: one Typer app; each module of this package adds its commands."""

import logging
import sys
from typing import Annotated, Any

import typer
import typer.core

from pipeline.errors import TillrollError


class _Group(typer.core.TyperGroup):
    """Turns Tillroll's errors into one message and an exit code: 1 differs or failed, 2 wrong use or configuration."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TillrollError as error:
            print(f"error: {error}", file=sys.stderr)
            raise typer.Exit(error.exit_code) from None


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
