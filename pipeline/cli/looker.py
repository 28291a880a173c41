"""Command `looker-link`: the report in Looker Studio, over this project's tables."""

from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.console import err
from pipeline.settings import Settings

_NO_TEMPLATE = (
    "TILLROLL_LOOKER_REPORT is not set: this opens a report without charts, to be drawn once as "
    "docs/looker-studio.md says. Set its id, and the link opens copies of it."
)


@app.command()
def looker_link(
    name: Annotated[str, typer.Option("--name", help="What the copy is called.")] = "Tillroll",
) -> None:
    """Print the URL that opens a copy of the report in Looker Studio, bound to this project's tables, and nothing else.

    Whoever follows it reads BigQuery with their own rights. TILLROLL_LOOKER_REPORT is the id of the report to copy.

    Example:  tillroll looker-link --name "Shop, Europe"
    """
    from pipeline.looker import data_sources, linking_url

    settings = Settings.load()
    print(linking_url(settings, data_sources(), name))
    if not settings.looker_report:
        err.print(_NO_TEMPLATE)
