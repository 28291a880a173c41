"""Marts in the emulated cloud, built by a few statements instead of by dbt, shown by a run that is killed on its way.

Every row says of which build it is. So a reader who asks for all marts in one statement sees whether they are of one.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cloud_nursery import Nursery, Run
from cloud_reader import watch
from emulated_cloud import EmulatedCloud
from google.cloud import bigquery

from pipeline.settings import Settings

# What dbt would have built: the first build, one with a new mart, and one in which a mart has other columns, another
# is described otherwise, and a third is gone.
BUILDS = (
    """
    create table datamart_build.sales (day date options(description = 'UTC'), build int64) partition by day;
    create table datamart_build.totals (n int64, build int64);
    insert into datamart_build.sales values (date '2025-01-01', 1), (date '2025-01-02', 1);
    insert into datamart_build.totals values (10, 1), (20, 1);
    """,
    """
    delete from datamart_build.sales where true;
    insert into datamart_build.sales values (date '2025-01-02', 2), (date '2025-01-03', 2);
    update datamart_build.totals set build = 2 where true;
    create table datamart_build.reviews (build int64);
    insert into datamart_build.reviews values (2), (2);
    """,
    """
    drop table datamart_build.reviews;
    drop table datamart_build.totals;
    create table datamart_build.totals (n int64, name string, build int64);
    insert into datamart_build.totals values (1, 'x', 3), (2, 'y', 3);
    update datamart_build.sales set build = 3 where true;
    """,
)
ROWS = 2
# What follows after the others were shown: a mart of other columns is replaced on its own, one that is gone goes.
LATER = {3: {"totals", "reviews"}}

# By mart: the lowest and the highest build of its rows, and their number.
Sight = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Datamart:
    """A project of its own, with an empty datamart."""

    cloud: EmulatedCloud
    settings: Settings
    nursery: Nursery

    @classmethod
    def new(cls, folder: Path, cloud: EmulatedCloud, nursery: Nursery) -> "Datamart":
        folder.mkdir(parents=True)
        place = EmulatedCloud(cloud.servers, f"tillroll-{uuid.uuid4().hex[:8]}")
        made = cls(place, place.settings(folder / "data", source="external"), nursery)
        assert made.show().wait() == 0  # makes the datasets
        return made

    def build(self, number: int) -> None:
        """What dbt does, out of sight."""
        client = self.cloud.bigquery()
        for statement in filter(str.strip, BUILDS[number - 1].split(";")):
            client.query(statement).result()
        if number == len(BUILDS):
            sales = client.get_table("datamart_build.sales")
            sales.description = "What was sold"
            client.update_table(sales, ["description"])

    def show(self, **more: Any) -> Run:
        """A process that shows what is built."""
        settings = self.settings.model_dump(mode="json", exclude_unset=True)
        return self.nursery.start(do="show", settings=settings, **({"environment": {}} | more))

    def read(self, seen: Path) -> Run:
        """A reader, who looks until it is killed."""
        place = {"project": self.cloud.project, "location": self.cloud.location}
        return self.nursery.start(do="read marts", **place, seen=str(seen), environment={})

    def differs(self) -> list[str]:
        """The marts that are not shown as they were built."""
        built, shown = (self._described(dataset) for dataset in ("datamart_build", "datamart"))
        return sorted(name for name in built.keys() | shown.keys() if built.get(name) != shown.get(name))

    def _described(self, dataset: str) -> dict[str, Any]:
        client = self.cloud.bigquery()
        tables = [client.get_table(item.reference) for item in client.list_tables(dataset)]
        return {
            table.table_id: (
                table.schema,
                str(table.time_partitioning),
                table.description,
                table.expires,
                sorted(json.dumps(list(map(str, row.values()))) for row in client.list_rows(table)),
            )
            for table in tables
        }


def read_marts(task: dict[str, Any]) -> NoReturn:
    """Look at all marts until somebody ends this process."""
    watch(task, _look)


def wrong_marts(sights: Iterable[Sight]) -> list[str]:
    """What nobody should have seen: marts of several builds at once, half a mart, an older build after a newer."""
    wrong, reached = [], 0
    for sight in sights:
        filled = {name: entry for name, entry in sight.items() if entry[2]}
        if any(lowest != highest or rows != ROWS for lowest, highest, rows in filled.values()):
            wrong.append(f"half a mart: {sight}")
        builds = {name: entry[1] for name, entry in filled.items()}
        newest = max(builds.values(), default=0)
        behind = {name for name, build in builds.items() if build < newest}
        if behind - LATER.get(newest, set()):
            wrong.append(f"marts of several builds: {sight}")
        if newest < reached:
            wrong.append(f"build {newest} after build {reached}: {sight}")
        reached = max(reached, newest)
    return wrong


def _look(client: bigquery.Client) -> Sight:
    names = sorted(item.table_id for item in client.list_tables("datamart"))
    selects = [f"select '{name}', min(build), max(build), count(*) from datamart.{name}" for name in names]
    rows = client.query(" union all ".join(selects)).result() if selects else []
    return {name: entry for name, *entry in (tuple(row.values()) for row in rows)}
