"""What is done to an installation so that something fails: processes are killed or kept down, files spoilt."""

from datetime import date
from pathlib import Path
from xmlrpc.client import ServerProxy

import psutil

from benchmarks.alerts.site import Site, wait_for
from pipeline import checksum, steps
from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.embedded.unix_rpc import UnixTransport
from pipeline.manifest import manifest_path, manifest_text, parse_manifest
from pipeline.settings import Settings


def server_of(site: Site, program: str) -> psutil.Process:
    """A server's own process, under its keeper."""
    (keeper,) = (running for running in site.manager.programs() if running.name == program)
    (server,) = psutil.Process(keeper.pid).children()
    return server


def kill(site: Site, program: str) -> None:
    """SIGKILL to a server, which its keeper sees, and the process manager starts again."""
    server_of(site, program).kill()


def kill_database(site: Site) -> None:
    """SIGKILL to PostgreSQL's first process."""
    server = wait_for("PostgreSQL runs", EmbeddedPostgres(site.settings).cluster.server)
    server.kill()


def keep_down(site: Site, program: str) -> None:
    """End a program of the manager (`group:name`, or its name), and keep it from being started again."""
    socket, name = site.manager.run / "supervisor.sock", program.rpartition(":")[2]
    with ServerProxy("http://localhost", transport=UnixTransport(socket)) as manager:
        manager.supervisor.stopProcess(program, False)
    wait_for(f"{program} has ended", lambda: (name, "STOPPED") in {(p.name, p.state) for p in site.manager.programs()})


def bring_back(site: Site) -> None:
    """Start what is down, and wait until every server answers."""
    site.installation.tillroll("up")


def extract_with_a_fault(settings: Settings, day: date, table: str) -> None:
    """Extract a day, and change one value in the lake, with a manifest that fits the file as it is now."""
    steps.extract_day(settings, day)
    lake = Path(settings.lake.removeprefix("file://"))
    path = lake / manifest_path(day)
    manifest = parse_manifest(path.read_bytes(), manifest_path(day))
    spoilt = manifest.objects[table]
    (part,) = spoilt.parts
    (lake / part.path).write_bytes(content := _with_another_letter((lake / part.path).read_bytes()))
    fitted = part.model_copy(update={"crc32c": checksum.of_bytes(content)})
    objects = {**manifest.objects, table: spoilt.model_copy(update={"parts": (fitted,)})}
    path.write_bytes(manifest_text(manifest.model_copy(update={"objects": objects})))


def _with_another_letter(csv: bytes) -> bytes:
    """The file with the last letter of its last text changed."""
    at = csv.rindex(b'"') - 1
    return csv[:at] + (b"x" if csv[at : at + 1] != b"x" else b"y") + csv[at + 1 :]
