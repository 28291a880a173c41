"""Commands for the laptop's servers: `up`, `down`, `url`, and `airflow`."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from enum import StrEnum

import typer
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

from pipeline.cli.app import app
from pipeline.cli.console import err, out
from pipeline.embedded.health import Health, stack_health
from pipeline.settings import Settings


class Place(StrEnum):
    """What has a URL."""

    SOURCE = "source"
    SHOP = "shop"
    LAKE = "lake"
    WAREHOUSE = "warehouse"
    AIRFLOW = "airflow"
    DASHBOARD = "dashboard"
    SMTP = "smtp"


@app.command()
def up() -> None:
    """Start the laptop's servers (PostgreSQL, inbox, Airflow, dashboard) and wait until each answers.

    What runs already is left alone. They stay up until `tillroll down`.

    Example:  tillroll up && psql "$(tillroll url source)"
    """
    from pipeline.embedded.stack import Stack

    settings, began = Settings.load(), time.monotonic()
    with _watching() as watch:
        started = Stack(settings).up(watch)
    out.print(f"All servers are up ({time.monotonic() - began:.0f} s)." if started else "All servers were up already.")
    print_places(settings)
    out.print("Stop them with `tillroll down`.")


@app.command()
def down() -> None:
    """Stop the laptop's servers, and wait until nothing of them is left. The data stays.

    Example:  tillroll down
    """
    from pipeline.embedded.stack import Stack

    with err.status("stopping the servers") if sys.stderr.isatty() else _said("stopping the servers"):
        stopped = Stack(Settings.load()).down()
    out.print("All servers are stopped." if stopped else "No servers were running.")


@app.command()
def url(place: Place) -> None:
    """Print the URL in use, and nothing else. The source's holds its password: that is what it is for.

    `shop` is the source where the practice shop may write, and refused where the source is a real shop's.

    Example:  psql "$(tillroll url source)"
    """
    from pipeline.embedded import urls

    settings = Settings.load()
    find: dict[Place, Callable[[], str]] = {
        Place.SOURCE: lambda: urls.source_url(settings),
        Place.SHOP: lambda: urls.shop_url(settings),
        Place.LAKE: lambda: settings.lake,
        Place.WAREHOUSE: lambda: settings.warehouse,
        Place.AIRFLOW: lambda: urls.airflow_url(settings),
        Place.DASHBOARD: lambda: urls.dashboard_url(settings),
        Place.SMTP: lambda: urls.smtp_url(settings),
    }
    print(find[place]())
    if _is_down(settings, place):
        err.print("It is not running: `tillroll up` starts it.")


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True}, add_help_option=False)
def airflow(context: typer.Context) -> None:
    """Run Airflow's own command line on Tillroll's Airflow; everything that follows is passed on.

    Example:  tillroll airflow dags list
    """
    from pipeline.airflow_support.prepare import prepare
    from pipeline.embedded.airflow_environment import airflow_environment
    from pipeline.embedded.postgres import EmbeddedPostgres

    settings = Settings.load()
    with EmbeddedPostgres(settings).running() if settings.airflow_database_url is None else nullcontext():
        os.environ.update(airflow_environment(settings))
        prepare(settings)
        code = subprocess.call([sys.executable, "-P", "-m", "airflow", *context.args])
    raise typer.Exit(code)


def print_servers(settings: Settings) -> None:
    """The servers and whether each answers, as `tillroll status` shows them."""
    out.print(_table(stack_health(settings)))


def print_places(settings: Settings) -> None:
    """Where people find the servers, and how they get in."""
    from pipeline.embedded.airflow_environment import USER, airflow_password, passwords_file
    from pipeline.embedded.urls import airflow_url, dashboard_url, smtp_url

    password = airflow_password(settings) if sys.stdout.isatty() else f"in {passwords_file(settings)}"
    lines = [
        f"Dashboard   {dashboard_url(settings)}",
        f"Airflow     {airflow_url(settings)}  user {USER}, password {password}",
        'PostgreSQL  psql "$(tillroll url source)"',
        f"Inbox       {settings.data / 'mail'}  takes mail at {smtp_url(settings)}",
        f"Logs        {settings.data / 'run' / 'logs'}",
    ]
    for line in lines:
        if settings.smtp_url is None or not line.startswith("Inbox"):
            out.print(f"  {line}", markup=False)


def _is_down(settings: Settings, place: Place) -> bool:
    from pipeline.embedded import health

    if place in {Place.SOURCE, Place.SHOP} and settings.source_url is None:
        return not health.postgres_health(settings).ok
    if place is Place.SMTP and settings.smtp_url is None:
        return not health.inbox_health(settings).ok
    if place is Place.DASHBOARD:
        return not health.dashboard_health(settings).ok
    return place is Place.AIRFLOW and not all(part.ok for part in health.airflow_health(settings))


@contextmanager
def _watching() -> Iterator[Callable[[Sequence[Health]], None]]:
    """On a terminal a table that comes to life; elsewhere a line for each server that has come up."""
    if sys.stderr.isatty():
        spinner = Spinner("dots")
        with Live(console=err, transient=True) as live:
            yield lambda servers: live.update(_table(servers, spinner))
        return
    answered: set[str] = set()

    def say(servers: Sequence[Health]) -> None:
        for server in servers:
            if server.ok and server.server not in answered:
                answered.add(server.server)
                err.print(f"{server.server} is up")

    yield say


def _table(servers: Sequence[Health], waiting: Spinner | None = None) -> Table:
    """A line for each server. While they are awaited, what one that is not up says is no news."""
    grid = Table(box=None, show_header=False, pad_edge=False)
    for server in servers:
        mark = "[green]up[/green]" if server.ok else waiting or "[yellow]down[/yellow]"
        grid.add_row(mark, server.server, "" if waiting and not server.ok else escape(server.detail))
    return grid


@contextmanager
def _said(what: str) -> Iterator[None]:
    err.print(what)
    yield
