"""Command `status`: which servers answer, and what is published."""

from pipeline.cli.app import app
from pipeline.cli.console import out, table
from pipeline.cli.options import Json
from pipeline.cli.servers import print_places, print_servers
from pipeline.reports import to_json
from pipeline.settings import Settings
from pipeline.status import TableStatus, published


@app.command()
def status(json: Json = False) -> None:
    """Say which servers answer, and up to which day each table is published.

    Example:  tillroll status --json
    """
    from pipeline.embedded.health import stack_health

    settings = Settings.load()
    tables = published(settings)
    if json:
        print(to_json({"servers": stack_health(settings), "published": tables}))
        return
    print_servers(settings)
    print_places(settings)
    rows = [(t.table, t.partitions, t.rows, t.first_day or "-", t.last_day or "-", _when(t)) for t in tables]
    out.print()
    table("published", ["table", "partitions", "rows", "from", "to", "published at (UTC)"], rows)


def _when(published_table: TableStatus) -> str:
    at = published_table.published_at
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "not published yet"
