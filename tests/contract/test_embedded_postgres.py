"""The embedded PostgreSQL as its users see it: theirs alone, up while they use it, and up again after any crash."""

import multiprocessing
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event as EventType
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from pipeline.embedded import privileges
from pipeline.embedded.cluster import wheel_programs
from pipeline.embedded.postgres import EmbeddedPostgres
from pipeline.embedded.urls import source_url
from pipeline.errors import ConfigurationError, StepError
from pipeline.settings import Settings

pytestmark = pytest.mark.slow


def _server(folder: Path, **changes: object) -> EmbeddedPostgres:
    options = {"data_dir": folder, "host": "127.0.0.1", "postgres_port": 0, **changes}
    settings = Settings(**options)  # type: ignore[arg-type]
    return EmbeddedPostgres(settings, fsync="off")  # what a kill leaves is whole without it


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a cluster that was stopped cleanly."""
    folder = tmp_path_factory.mktemp("made")
    with _server(folder).running():
        pass
    return folder


@pytest.fixture
def server(made: Path, tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of this test's own; not running yet."""
    shutil.copytree(made / "postgres", tmp_path / "postgres")
    server = _server(tmp_path)
    yield server
    server.stop()
    assert server.cluster.server() is None


def _count(server: EmbeddedPostgres) -> int:
    with psycopg.connect(server.url("shop")) as connection:
        row = connection.execute("select count(*) from t").fetchone()
    return int(row[0]) if row else -1


def _write(server: EmbeddedPostgres, rows: int) -> None:
    with psycopg.connect(server.url("shop")) as connection:
        connection.execute("create table if not exists t (n int)")
        connection.execute("insert into t select generate_series(1, %s)", [rows])


@dataclass
class _User:
    """Another process that uses the server of a folder until it is told to leave."""

    process: SpawnProcess
    postmaster: int
    leave: EventType

    @classmethod
    def of(cls, folder: Path) -> "_User":
        context = multiprocessing.get_context("spawn")
        answer, leave = context.SimpleQueue(), context.Event()
        process = context.Process(target=_use, args=(folder, answer, leave))
        process.start()
        return cls(process, answer.get(), leave)

    def gone(self) -> int | None:
        self.leave.set()
        self.process.join(60)
        return self.process.exitcode


def _use(folder: Path, answer: SimpleQueue[int], leave: EventType) -> None:
    with _server(folder).running() as server:
        answer.put(server.cluster.server().pid)  # type: ignore[union-attr]
        leave.wait()


def test_server_is_what_the_fingerprints_rely_on(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        locale = connection.execute("select datlocprovider, datlocale from pg_database where datname = 'postgres'")
        assert locale.fetchone() == ("b", "C.UTF-8")
        assert connection.execute("show server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("show timezone").fetchone() == ("UTC",)
        assert connection.execute("show unix_socket_directories").fetchone() == ("",)


def test_fresh_database_is_empty_and_separate(shop_url: str, postgres_url: str) -> None:
    assert conninfo_to_dict(shop_url)["dbname"] != conninfo_to_dict(postgres_url)["dbname"]
    with psycopg.connect(shop_url) as connection:
        tables = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()
        assert tables == (0,)


def test_only_the_password_opens_it_and_only_on_loopback(server: EmbeddedPostgres) -> None:
    with server.running():
        url = source_url(server.settings)
        with psycopg.connect(url) as connection:
            assert connection.execute("select current_user, current_database()").fetchone() == ("tillroll", "shop")
        password = str(conninfo_to_dict(url)["password"])
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url.replace(password, "x" + password[1:]))
        postmaster = server.cluster.server()
        assert postmaster is not None
        assert {c.laddr[0] for c in postmaster.net_connections("tcp") if c.status == "LISTEN"} == {"127.0.0.1"}


def test_owners_see_only_their_own_database(server: EmbeddedPostgres) -> None:
    with server.running():
        for database, role in (("shop", "tillroll"), ("airflow", "airflow")):
            with psycopg.connect(server.url(database)) as connection:
                granted = connection.execute("select rolsuper, rolcreatedb from pg_roles where rolname = %s", [role])
                assert granted.fetchone() == (False, False)


def test_secrets_stay_in_their_file(made: Path) -> None:
    secrets_file = made / "postgres" / "secrets.json"
    assert stat.S_IMODE(secrets_file.stat().st_mode) == 0o600
    server = _server(made)
    passwords = [str(password).encode() for password in server.cluster.secrets.read().values()]
    assert len(passwords) == 3
    with server.running():
        for process in psutil.process_iter():
            try:
                seen = " ".join(process.cmdline()).encode()
            except psutil.Error:
                continue
            assert not any(password in seen for password in passwords)
    holders = [path for path in made.rglob("*") if path.is_file() and any(p in path.read_bytes() for p in passwords)]
    assert holders == [secrets_file]


def test_commands_at_once_share_a_server_and_the_last_stops_it(server: EmbeddedPostgres, tmp_path: Path) -> None:
    first = _User.of(tmp_path)
    second = _User.of(tmp_path)
    assert first.postmaster == second.postmaster
    assert first.gone() == 0
    time.sleep(0.5)  # the keeper looks more often
    _write(server, 1)
    assert _count(server) == 1
    assert second.gone() == 0
    assert server.cluster.server() is None


def test_server_ends_with_a_user_that_is_killed(server: EmbeddedPostgres, tmp_path: Path) -> None:
    user = _User.of(tmp_path)
    postmaster = psutil.Process(user.postmaster)
    user.process.kill()
    assert not psutil.wait_procs([postmaster], timeout=20)[1]
    user.process.join()
    assert "database system is shut down" in server.log.read_text()


@pytest.mark.parametrize("who", ["postmaster", "keeper"])
def test_committed_rows_survive_a_kill_and_others_do_not(server: EmbeddedPostgres, who: str) -> None:
    server.start()
    _write(server, 1000)
    postmaster = server.cluster.server()
    assert postmaster is not None
    backends = postmaster.children()
    with psycopg.connect(server.url("shop")) as connection:
        connection.execute("insert into t select generate_series(1, 500)")
        (postmaster if who == "postmaster" else postmaster.parent()).kill()  # type: ignore[union-attr]
        assert not psutil.wait_procs([postmaster, *backends], timeout=20)[1]
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    assert not server.is_running()
    server.stop()
    with server.running():
        assert _count(server) == 1000


def test_pid_file_of_another_programs_process_does_not_matter(server: EmbeddedPostgres) -> None:
    """After a reboot, or in a new container, the old process id is somebody else's."""
    server.start()
    postmaster = server.cluster.server()
    assert postmaster is not None
    postmaster.kill()
    server.stop()
    pid_file = server.cluster.data / "postmaster.pid"
    if not pid_file.exists():
        pytest.fail("the killed server left no pid file")
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert not server.is_running()
    with server.running():
        assert server.is_running()


def test_port_that_was_taken_meanwhile_is_left_to_its_owner(server: EmbeddedPostgres) -> None:
    with server.running():
        _write(server, 3)
        before = server.cluster.ready_port()
    assert before is not None
    with socket.create_server(("127.0.0.1", before)), server.running():
        assert server.cluster.ready_port() != before
        assert _count(server) == 3
    after = EmbeddedPostgres(server.settings)
    assert f":{before}/" not in after.url("shop")


def test_configured_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = _server(tmp_path, postgres_port=taken.getsockname()[1])
        with pytest.raises(ConfigurationError, match="TILLROLL_POSTGRES_PORT"):
            server.start()


def test_data_of_another_version_is_named_and_left_alone(server: EmbeddedPostgres) -> None:
    (server.cluster.data / "PG_VERSION").write_text("13\n")
    with pytest.raises(ConfigurationError, match=r"made by PostgreSQL 13.*\n.*TILLROLL_POSTGRES_BIN"):
        server.start()
    assert (server.cluster.data / "PG_VERSION").read_text() == "13\n"


def test_damaged_data_is_reported_with_the_servers_own_words(server: EmbeddedPostgres) -> None:
    (server.cluster.data / "global" / "pg_control").write_bytes(b"\0" * 8192)
    with pytest.raises(StepError, match=r"(?s)did not start.*incompatible with server.*server\.log"):
        server.start()
    assert not server.is_running()


def test_first_start_that_was_killed_is_begun_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres" / "cluster.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    server = _server(tmp_path)
    with server.running():
        assert server.is_running()
    assert not unfinished.exists()


def test_lost_password_is_explained(server: EmbeddedPostgres) -> None:
    server.cluster.secrets.path.unlink()
    with pytest.raises(ConfigurationError, match=r"(?s)password authentication failed.*secrets\.json"):
        server.start()


def test_folder_that_is_not_postgresql_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="TILLROLL_POSTGRES_BIN"):
        _server(tmp_path, postgres_bin=Path("/usr/bin/no-such-folder")).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_runs_it_as_nobody_where_namespaces_are_forbidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = Path(f"/var/tmp/tillroll-test-{os.getpid()}")  # pytest's own folder is closed to others  # noqa: S108
    allowed = privileges._can_run
    monkeypatch.setattr(privileges, "_can_run", lambda who, *rest: who != privileges.NAMESPACE and allowed(who, *rest))
    server = _server(folder)
    try:
        with server.running():
            postmaster = server.cluster.server()
            assert postmaster is not None
            assert postmaster.uids().real == pwd.getpwnam("nobody").pw_uid
            assert stat.S_IMODE(server.cluster.secrets.path.stat().st_mode) == 0o600
        with server.running():  # the cluster keeps the owner it was made with
            assert server.is_running()
    finally:
        shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_in_a_folder_nobody_may_enter_without_namespaces_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    allowed = privileges._can_run
    monkeypatch.setattr(privileges, "_can_run", lambda who, *rest: who != privileges.NAMESPACE and allowed(who, *rest))
    with pytest.raises(ConfigurationError, match="refuses to run as root"):
        _server(tmp_path).start()


def test_program_serves_until_it_is_told_to_stop(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """What the process manager runs."""
    environment = {**os.environ, "TILLROLL_DATA_DIR": str(tmp_path), "TILLROLL_POSTGRES_PORT": "0"}
    program = subprocess.Popen(
        [sys.executable, "-P", "-m", "pipeline.embedded.postgres_service"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while not server.is_running():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.cluster.server().kill()  # type: ignore[union-attr]
        assert program.wait(20) == 1  # to be started again
    finally:
        program.kill()
        program.wait(20)


def test_cluster_of_somebody_else_is_left_to_them(monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 12345)
    with pytest.raises(ConfigurationError, match="belongs to user"):
        privileges.choose(made / "postgres" / "cluster", wheel_programs() / "postgres")


def test_stop_is_clean(server: EmbeddedPostgres) -> None:
    with server.running():
        connection = psycopg.connect(server.url("shop"))  # a client that does not leave does not hold it up
        connection.execute("begin")
        began = time.monotonic()
    assert time.monotonic() - began < 10
    connection.close()
    assert server.log.read_text().rstrip().endswith("database system is shut down")
