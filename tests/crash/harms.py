"""What is done to the world while a run is stopped at a failpoint, and what has to be mended before the next run."""

import json
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil
import psycopg
from faults import CONNECTIONS, MANIFEST, NO_PERMISSION, OBJECT, SERVER_KILLED, SERVER_RESTARTED
from place import Place
from world import DAY

from pipeline.embedded.postgres import EmbeddedPostgres

# Where nothing may be written any more.
_FOLDERS = ("lake", "lake/source/csv", f"lake/source/csv/{DAY}", "lake/.writing", "warehouse", "run/dbt", "")
_DAMAGES = ("cut short", "emptied", "one bit flipped", "gone")


@dataclass(frozen=True)
class Scene:
    """What a fault can be done to."""

    place: Place
    server: EmbeddedPostgres
    chance: float


Mend = Callable[[], None]
_T = TypeVar("_T")


def harm(kind: str, scene: Scene) -> Mend:
    """Do it. What comes back has to be called after the run."""
    return _HARMS[kind](scene)


def harms() -> frozenset[str]:
    """The kinds of fault that are done here."""
    return frozenset(_HARMS)


def _nothing() -> None:
    """What needs no mending."""


def _kill_server(scene: Scene) -> Mend:
    process = scene.server.cluster.server()
    assert process is not None
    backends = process.children(recursive=True)
    process.send_signal(signal.SIGKILL)
    psutil.wait_procs([process, *backends], timeout=60)
    return scene.server.start


def _restart_server(scene: Scene) -> Mend:
    _kill_server(scene)()
    return _nothing


def _end_connections(scene: Scene) -> Mend:
    with psycopg.connect(f"{scene.place.server}/postgres") as connection:
        ended = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s"
        connection.execute(ended, [scene.place.database])
    return _nothing


def _forbid(scene: Scene) -> Mend:
    there = [folder for name in _FOLDERS if (folder := scene.place.folder / name).is_dir()]
    folder = _one_of(there, scene.chance)
    closed = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    modes = [(path, path.stat().st_mode) for path in closed]
    for path in closed:
        path.chmod(0o500)

    def allow() -> None:
        for path, mode in modes:
            with suppress(FileNotFoundError):
                path.chmod(mode)

    return allow


def _damage_object(scene: Scene) -> Mend:
    """Of those that the run is about to load, as its manifests say: they are of its own snapshot."""
    files = (scene.place.folder / "lake/source/csv").glob("*/manifest.json")
    manifests = [json.loads(file.read_text("utf-8")) for file in files]
    newest = max(manifest["run"]["sequence"] for manifest in manifests if manifest["run"])
    objects = [found for manifest in manifests for found in manifest["objects"].values()]
    paths = sorted(part["path"] for found in objects if found["sequence"] == newest for part in found["parts"])
    if paths:  # a run that finds nothing changed loads nothing
        file = scene.place.folder / "lake" / _one_of(paths, scene.chance)
        _damage(file, _one_of(_DAMAGES, scene.chance * 7 % 1))
    return _nothing


def _tear_manifest(scene: Scene) -> Mend:
    """What the message says is done: it is deleted.

    A heal is of an earlier day, whose manifest names other runs' objects, too: without it they would stay unnamed.
    """
    file = scene.place.folder / "lake/source/csv" / DAY / "manifest.json"
    if not file.exists():
        return _nothing
    os.truncate(file, int(file.stat().st_size * scene.chance))
    return file.unlink


def _damage(file: Path, how: str) -> None:
    content = bytearray(file.read_bytes())
    first = content.index(b"\n") + 1  # the names of the columns are not data
    if how == "gone":
        file.unlink()
        return
    if how == "one bit flipped" and first < len(content):
        content[(first + len(content)) // 2] ^= 1
    elif how == "emptied":
        content.clear()
    else:
        del content[len(content) * 2 // 3 :]
    file.write_bytes(content)


def _one_of(things: Sequence[_T], chance: float) -> _T:
    return things[int(chance * len(things)) % len(things)]


_HARMS: dict[str, Callable[[Scene], Mend]] = {
    SERVER_KILLED: _kill_server,
    SERVER_RESTARTED: _restart_server,
    CONNECTIONS: _end_connections,
    NO_PERMISSION: _forbid,
    OBJECT: _damage_object,
    MANIFEST: _tear_manifest,
}


def step_clock(place: Place, days: float) -> None:
    """Let the source's clock be `days` ahead, or behind: what PostgreSQL says the time is orders its snapshots."""
    with psycopg.connect(place.url) as connection:
        connection.execute(
            "create or replace function pg_catalog.clock_timestamp() returns timestamptz language sql volatile as "
            f"$$ select pg_catalog.statement_timestamp() + interval '{days} days' $$"
        )
