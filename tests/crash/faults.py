"""What can be done to a run, and where it makes sense: each kind of fault by its name, a column of the table."""

from dataclasses import dataclass

from sites import LAPTOP, SOURCE
from strike import Action, When


@dataclass(frozen=True)
class Kind:
    """A kind of fault: how the run is struck (None: from its start), and where. `weight`: how often it is drawn.

    `silent`: the run is dead then, and has said nothing.
    """

    name: str
    weight: int
    action: Action | None
    places: tuple[str, ...] = LAPTOP
    whens: tuple[When, ...] = ("before", "in", "after")

    @property
    def silent(self) -> bool:
        return self.action == "kill"


BEFORE, IN, AFTER = "SIGKILL before", "SIGKILL in", "SIGKILL after"
SMALL_DISK = "small disk"
NO_PERMISSION = "no permission"
CLOCK = "clock stepped"
TWICE = "same day twice"
BACKFILL = "backfill meanwhile"
MANIFEST = "manifest torn"
OBJECT = "object damaged"
SERVER_KILLED = "PostgreSQL killed"
SERVER_RESTARTED = "PostgreSQL restarted"
CONNECTIONS = "connections ended"
DISK_FULL = "disk full"

KINDS = {
    kind.name: kind
    for kind in (
        Kind(BEFORE, 8, "kill", whens=("before",)),
        Kind(IN, 8, "kill", whens=("in",)),
        Kind(AFTER, 8, "kill", whens=("after",)),
        Kind(SERVER_KILLED, 2, "stop", SOURCE),
        Kind(SERVER_RESTARTED, 2, "stop", SOURCE),
        Kind(CONNECTIONS, 3, "stop", SOURCE),
        Kind(DISK_FULL, 3, "fill", whens=("before", "after")),
        Kind(SMALL_DISK, 2, None),
        Kind(NO_PERMISSION, 3, "stop", whens=("before", "after")),
        Kind(OBJECT, 3, "stop", ("extract.manifest", "publish.load")),
        Kind(MANIFEST, 2, "stop", ("extract.manifest",), ("after",)),
        Kind(CLOCK, 3, "kill"),
        Kind(TWICE, 3, "stop"),
        Kind(BACKFILL, 3, "stop"),
    )
}
