"""As whom PostgreSQL runs: it refuses root, and a container's only user often is root.

An ordinary user runs it as themselves. Root runs it in a user namespace, where root's own files belong to an ordinary
user, so that it works in folders that only root may enter; where the system allows no such namespace, as `nobody`.
"""

import ctypes
import os
import pwd
import subprocess
import sys
from pathlib import Path

from pipeline.errors import ConfigurationError

SELF = "self"
NAMESPACE = "namespace"
CLONE_NEWUSER = 0x10000000
ID_IN_NAMESPACE = 1000


def choose(data: Path, postgres: Path) -> str:
    """`self`, `namespace`, or `uid:gid`: who can run the program `postgres` on the cluster in `data`.

    An existing cluster belongs to its folder's owner and is run as that user again.

    Raises:
        ConfigurationError: nobody can.
    """
    me, owner = os.geteuid(), data.stat() if data.exists() else None
    if me != 0:
        if owner and owner.st_uid != me:
            raise ConfigurationError(
                f"the database in {data} belongs to user {owner.st_uid}, not to you (user {me})",
                "Run as that user, or set TILLROLL_DATA_DIR to a folder of your own.",
            )
        return SELF
    nobody = pwd.getpwnam("nobody")
    candidates = [NAMESPACE, f"{nobody.pw_uid}:{nobody.pw_gid}"]
    if owner:
        candidates = [f"{owner.st_uid}:{owner.st_gid}" if owner.st_uid else NAMESPACE]
    for candidate in candidates:
        if _can_run(candidate, data.parent, postgres):
            return candidate
    raise ConfigurationError(
        f"PostgreSQL refuses to run as root, and no other user can run {postgres} in {data.parent}",
        "Run as an ordinary user, or move the project and its data where user `nobody` may enter every parent folder.",
    )


def owner_of_new_files(run_as: str) -> tuple[int, int]:
    """User and group to whom a file must belong so that a process run as `run_as` can own it."""
    if run_as in {SELF, NAMESPACE}:
        return os.geteuid(), os.getegid()
    uid, gid = run_as.split(":")
    return int(uid), int(gid)


def become(run_as: str) -> None:
    """Turn this process, which is about to exec, into what `run_as` says. Raises OSError where that is forbidden."""
    if run_as == NAMESPACE:
        _enter_namespace()
    elif run_as != SELF:
        uid, gid = owner_of_new_files(run_as)
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _enter_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER) failed")
    process = Path("/proc/self")
    (process / "setgroups").write_text("deny", encoding="ascii")
    (process / "uid_map").write_text(f"{ID_IN_NAMESPACE} {uid} 1", encoding="ascii")
    (process / "gid_map").write_text(f"{ID_IN_NAMESPACE} {gid} 1", encoding="ascii")


def _can_run(run_as: str, folder: Path, postgres: Path) -> bool:
    command = ["/bin/sh", "-c", 'cd "$0" && "$1" --version', str(folder), str(postgres)]
    return subprocess.run(keeper_command(run_as, command), capture_output=True, check=False).returncode == 0


def keeper_command(run_as: str, command: list[str], *options: str) -> list[str]:
    """The command line that runs `command` under `pipeline.embedded.keeper` as `run_as`."""
    return [sys.executable, "-P", "-m", "pipeline.embedded.keeper", f"--run-as={run_as}", *options, "--", *command]
