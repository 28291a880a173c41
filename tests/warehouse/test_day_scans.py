"""The finder of scans of every day, held to scans of some and of all: a gate must be able to fail."""

import pytest
from day_scans import days_named, unbounded, views_in

VIEWS = views_in(
    ["create view `p`.`staging`.`stg_orders` as select id, at, date(at, 'UTC') as day from `p`.`staging`.`orders`"]
)
MERGE = "merge into `p.staging.orders` as o using (select 1 as id) as n on"


def found(script: str) -> set[str]:
    return unbounded(script, {"orders": "at"}, VIEWS)


@pytest.mark.parametrize(
    "script",
    [
        "select * from `p`.`staging`.`orders`",
        "select * from `p`.`staging`.`stg_orders`",
        "select * from `p`.`staging`.`stg_orders` where day = date '2025-01-01' or id = 7",
        "select * from `p`.`staging`.`stg_orders` where day > (select max(d) from `p`.`x`.`y` where d < '2025-01-01')",
        "select * from `p`.`staging`.`stg_orders` where date_diff(day, other_day, day) < 7",
        "select * from `p`.`staging`.`stg_orders` where cast(id as date) = date '2025-01-01'",
        "with a as (select * from `p.staging.orders`) select * from a join a as b on a.at = b.at",
        "create table `p.x.y` as (select * from `p.staging.orders`)",
        "delete from `p.staging.orders` as t where t.id = 7",
        "insert into `p.x.y` (a) select t.a from `p.staging.orders` as t",
        f"{MERGE} o.id = n.id when matched then update set id = 2",
        f"{MERGE} false when not matched by source then delete",
        f"{MERGE} false when not matched by source and o.id = 7 then delete",
    ],
)
def test_a_scan_of_every_day_is_found(script: str) -> None:
    assert found(script) == {"orders"}


@pytest.mark.parametrize(
    "script",
    [
        "select * from `p.staging.customers`",
        "select * from `p`.`staging`.`stg_orders` where day in (date '2025-01-01') and id = 7",
        "select * from `p`.`staging`.`stg_orders` where day = date '2025-01-01' or day = date '2025-01-07'",
        "with a as (select * from `p`.`staging`.`stg_orders`) select a.id from a where a.day = date '2025-01-01'",
        "delete from `p.staging.orders` as t where t.at >= timestamp '2025-01-01' and (t.at < timestamp '2025-01-02')",
        f"{MERGE} false when not matched by source and date(o.at) in (date '2025-01-01') then delete",
        "create or replace view `p`.`x`.`v` as select * from `p`.`staging`.`stg_orders`",
    ],
)
def test_a_scan_of_some_days_is_none_of_all(script: str) -> None:
    assert found(script) == set()


def test_days_are_seen_in_literals_of_any_type() -> None:
    script = "select 1 from t where a = date '2025-01-01' and b < timestamp '2025-01-02 00:00:00+00' and c = '2025'"
    assert days_named(script) == {"2025-01-01", "2025-01-02"}
