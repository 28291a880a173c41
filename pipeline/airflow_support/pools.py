"""Airflow pools. A task whose pool does not exist stays queued for ever, so `tillroll up` creates each of these."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool: at most `slots` of its tasks run at once."""

    name: str
    slots: int
    description: str


# Of the tasks that wait for it, priority_weight lets the earlier ones of the chain go first: when several days are
# published, one transform takes in all of them, and those after it find nothing to do.
WAREHOUSE = Pool("warehouse", 1, "Tasks that open the warehouse: DuckDB lets one process in at a time")

POOLS = (WAREHOUSE,)
