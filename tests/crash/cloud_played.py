"""What is played, and what came of it: the twins that nobody disturbs, and the outcomes of schedules held to them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud_chain import Marts
from cloud_schedules import Disturbance, Measured, Place
from cloud_verdict import Sight

KILLED = -9
ABSORBED, NOT_MET = "got through", "met nothing"


@dataclass(frozen=True)
class Twin:
    """The same story without disturbance: what everybody could see after each chapter, and what there is at the end.

    `marts` are the runs that show each build of the marts.
    """

    sights: tuple[Sight, ...]
    state: dict[str, Any]
    measured: tuple[Measured, ...]
    marts: tuple[Measured, ...]
    catalogs: tuple[Path, ...]


@dataclass(frozen=True)
class ChainTwin:
    """The whole chain without disturbance: the marts after each day, and every row at the end."""

    marts: tuple[Marts, ...]
    state: dict[str, Any]
    measured: tuple[Measured, ...]


@dataclass(frozen=True)
class Outcome:
    """What a disturbance led to, in words; and its places that the run came to: a plan can miss."""

    words: str
    met: tuple[Place, ...]


@dataclass(frozen=True)
class Played:
    """What became of a schedule: its disturbances; what they led to; what is wrong, if anything; how often was read."""

    seed: int
    plan: tuple[Disturbance, ...]
    outcomes: tuple[Outcome, ...]
    wrong: tuple[str, ...]
    looks: int
