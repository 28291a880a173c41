"""The `tillroll` program: one Typer app; each module of this package adds its commands."""

import typer

app = typer.Typer(
    name="tillroll",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="Move a shop's data from PostgreSQL to the warehouse, and prove that what was published equals its source.",
)
