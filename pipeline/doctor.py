"""The doctor: try each setting, connection and permission before a run needs it, and name the remedy of what is wrong.

A check yields facts, and stops at the first without which the rest of it makes no sense.
"""

import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import duckdb
import psutil
import psycopg
from dotenv import dotenv_values
from filelock import FileLock, Timeout

from pipeline.alerts import smtp
from pipeline.alerts.channels import channels_of
from pipeline.alerts.routing_file import load_routing
from pipeline.catalog import load_catalog
from pipeline.doctor_source import examine_source
from pipeline.embedded import health, ports, urls
from pipeline.embedded.manager import Manager
from pipeline.errors import ConfigurationError, TillrollError
from pipeline.finding import Facts, Finding, Verdict
from pipeline.lake import open_lake
from pipeline.settings import ROOT, Settings
from pipeline.warehouse import open_warehouse

ENOUGH_BYTES, TOO_FEW_BYTES = 5_000_000_000, 500_000_000
MEMORY_FOR_SERVERS = 1_500_000_000
# The practice shop's own setting, which it reads itself.
OTHERS_VARIABLES = {"TILLROLL_INGESTION_CONFIG"}


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, one check after the other."""
    checks: dict[str, Callable[[Settings], Facts]] = {
        "settings": _settings,
        "data folder": _data_folder,
        "source": examine_source,
        "lake": _lake,
        "warehouse": _warehouse,
        "mail": _mail,
        "alerts": _alerts,
        "servers": _servers,
    }
    for name, check in checks.items():
        try:
            for verdict, detail, remedy in check(settings):
                yield Finding(name, verdict, detail, remedy)
        except TillrollError as error:
            wrong_use = isinstance(error, ConfigurationError)
            yield Finding(name, Verdict.FAIL, error.message, error.remedy, wrong_use)
        except (OSError, psycopg.Error, duckdb.Error) as error:
            yield Finding(name, Verdict.FAIL, f"{type(error).__name__}: {str(error).strip()}", "Repair what it names.")


def _settings(settings: Settings) -> Facts:
    file = ROOT / ".env"
    known = {f"TILLROLL_{name.upper()}" for name in Settings.model_fields} | OTHERS_VARIABLES
    for place, names in (("the environment", os.environ), (str(file), dotenv_values(file))):
        for name in sorted(names):
            if name.upper().startswith("TILLROLL_") and name.upper() not in known:
                yield Verdict.WARN, f"{name} in {place} is no setting", ".env.example lists them all; is it misspelt?"
    if file.exists() and file.stat().st_mode & 0o077 and any("_URL" in name for name in dotenv_values(file)):
        yield Verdict.WARN, f"others on this machine may read {file}", f"It can hold passwords: chmod 600 {file}"
    catalog = load_catalog(settings.catalog_path)
    yield Verdict.OK, f"{len(catalog.tables)} tables in {settings.catalog_path}", ""


def _data_folder(settings: Settings) -> Facts:
    folder = _existing(settings.data)
    if not os.access(folder, os.W_OK | os.X_OK):
        yield (
            Verdict.FAIL,
            f"{folder} cannot be written",
            "Change its owner, or set TILLROLL_DATA_DIR to a folder of yours.",
        )
        return
    yield _space(folder)


def _lake(settings: Settings) -> Facts:
    lake, path, content = open_lake(settings), f".doctor-{os.getpid()}", b"tillroll"
    lake.write(path, content)
    try:
        if lake.read(path) != content:
            yield Verdict.FAIL, f"{lake.url} does not return what was written", "Is the disk all right?"
            return
    finally:
        lake.delete(path)
    yield Verdict.OK, f"{lake.url} can be written, read and cleaned", ""
    if lake.url.startswith("file://"):
        folder = Path(unquote(urlsplit(lake.url).path))
        yield _space(folder)
        yield from _privacy(settings, folder)


def _warehouse(settings: Settings) -> Facts:
    warehouse = open_warehouse(settings)
    if settings.warehouse.startswith("duckdb://"):
        path = Path(unquote(urlsplit(settings.warehouse).path))
        folder = _existing(path.parent)
        if not os.access(folder, os.W_OK | os.X_OK):
            yield Verdict.FAIL, f"{folder} cannot be written", "Change its owner, or set TILLROLL_WAREHOUSE_URL."
            return
        yield from _privacy(settings, path.parent)
        if _is_locked(Path(f"{path}.lock")):
            yield Verdict.WARN, f"{path} is in use by a run", "Ask again once it is over."
            return
    published = len(warehouse.ledger())
    yield Verdict.OK, f"{settings.warehouse} opens; {published} published partitions", ""


def _mail(settings: Settings) -> Facts:
    if settings.smtp_url is None and not Manager(settings).is_running():
        yield Verdict.WARN, "the local inbox is not running: alerts would be lost", "`tillroll up` starts it."
        return
    yield Verdict.OK, f"{smtp.probe(urls.smtp_url(settings))} takes mail", ""
    for channel in channels_of(settings).values():
        if channel.name != "mail":
            yield Verdict.OK, f"alerts also go to {channel.reaches}; `tillroll alerts test` tries it", ""
    unreachable = [address for address in settings.alert_to if address.endswith("@localhost")]
    if settings.smtp_url is not None and (unreachable or not settings.alert_to):
        yield Verdict.WARN, f"alerts go to {', '.join(unreachable) or 'nobody'}", "Set TILLROLL_ALERT_TO."


def _alerts(settings: Settings) -> Facts:
    rules = load_routing(settings, channels_of(settings)).rules
    routes = ", ".join(route.name for route in rules.routes) or "none"
    quiet = "quiet hours" if rules.quiet_hours else "no quiet hours"
    yield Verdict.OK, f"routes: {routes}; {quiet}; as {settings.alerts_path} says", ""


def _servers(settings: Settings) -> Facts:
    if settings.airflow_api_url is None and not Manager(settings).is_running():
        free = psutil.virtual_memory().available
        if free < MEMORY_FOR_SERVERS:
            yield (
                Verdict.WARN,
                f"{free / 1e9:.1f} GB of memory are free",
                "The servers take about 1 GB: close something.",
            )
        for server in ("airflow", *(() if settings.smtp_url else ("smtp",))):
            ports.port_to_listen(settings, server)
        yield Verdict.WARN, "Airflow is not running: nothing runs by the clock", "`tillroll up` starts it."
        return
    for server in health.stack_health(settings):
        verdict = Verdict.OK if server.ok else Verdict.FAIL
        remedy = "" if server.ok else f"`tillroll up` starts what is down; logs: {settings.data / 'run' / 'logs'}"
        yield verdict, f"{server.server}: {server.detail}", remedy


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists: the one in which it would be made."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _privacy(settings: Settings, folder: Path) -> Facts:
    """May others on this machine get at the customers' rows in a folder?"""
    if folder.exists() and folder.stat().st_mode & 0o077:
        ours = folder.is_relative_to(settings.data)
        close = f"chmod 700 {shlex.quote(str(folder))}" if ours else "choose a folder of its own, and chmod 700 it"
        yield Verdict.WARN, f"{folder} is open to others on this machine", f"Unless customers' rows are theirs: {close}"


def _space(folder: Path) -> tuple[Verdict, str, str]:
    free = shutil.disk_usage(_existing(folder)).free
    verdict = Verdict.OK if free >= ENOUGH_BYTES else Verdict.WARN if free >= TOO_FEW_BYTES else Verdict.FAIL
    remedy = "" if verdict is Verdict.OK else "Make room, or move it to another disk."
    return verdict, f"{free / 1e9:.1f} GB free in {folder}", remedy


def _is_locked(file: Path) -> bool:
    if not file.exists():
        return False
    try:
        with FileLock(file, timeout=0):
            return False
    except Timeout:
        return True
