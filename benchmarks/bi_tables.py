"""The BI tables of a shop of any size, by SQL alone: what the dashboard reads, at volumes no laptop's shop reaches.

Names, types and grains are those of dbt/models/datamart/bi, which a test holds them to. The rows are made up: sums
agree between tables, because all are made of the same orders and visits, but no shop sells like this.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

LAST_DAY = date(2025, 12, 31)


@dataclass(frozen=True, slots=True)
class Volume:
    """How much there is: order lines, over how many days, by how many customers."""

    lines: int
    days: int
    customers: int
    products: int = 60_000


# The practice shop after its first load, and a shop of three years that is twenty-five times as busy.
REFERENCE = Volume(lines=33_000, days=90, customers=100_000)
TEN_MILLION_LINES = Volume(lines=10_000_000, days=1_096, customers=2_000_000)

# Orders have one, two or three lines; every third visit ends in one.
_LINES_PER_ORDER, _VISITS_PER_ORDER = 2, 3

_BASE = """
create temp macro pick(seed, many) as cast(hash(seed) % many as bigint);
create temp macro money(x) as cast(x as decimal(18, 2));
create temp table store as select
    s as store_id,
    case s when 0 then 'Web shop' when 1 then 'App' when 2 then 'Marketplace North' when 3 then 'Marketplace South'
        else 'Springfield ' || s end as store_name,
    case when s = 0 then 'online' when s = 1 then 'app' when s < 4 then 'marketplace' else 'city' end as store_type,
    'Springfield' as city,
    ['DE', 'FR', 'GB', 'ES'][1 + s % 4] as country_code,
    case when s = 0 then 'web' when s = 1 then 'app' when s < 4 then 'marketplace' else 'store' end as channel
from range(36) t(s);
create temp table visit as select
    i,
    date '{first}' + cast(i * {days} // {visits} as integer) as day,
    case when pick(i, 100) < 58 then 0 when pick(i, 100) < 82 then 1 when pick(i, 100) < 92 then 2 + pick(i + 8, 2)
        else 4 + pick(i + 7, 32) end as store_id,
    case when i % 3 = 0 or pick(i + 1, 3) > 0 then 1 + pick(i + 2, {customers}) end as customer_id,
    case when store_id > 3 then 'till' else ['desktop', 'mobile', 'tablet'][1 + pick(i + 3, 3)] end as device,
    case when store_id > 3 then 'walk-in'
        else ['direct', 'search', 'social', 'email', 'ads', 'affiliate'][1 + pick(i + 4, 6)] end as traffic_source,
    1 + pick(i + 5, 12) as page_views,
    10 + pick(i + 6, 900) as duration_seconds,
    i % 3 = 0 as has_order
from range({visits}) t(i);
create temp table line as select
    visit.i // 3 as transaction_id,
    n as line_number,
    1 + (least(pick(visit.i, {products}), pick(visit.i * 5, {products})) + 7919 * n) % {products} as product_id,
    1 + pick(visit.i + 8 * n, 3) as quantity,
    money(1 + pick(visit.i + 9 * n, 20000) / 100.0) as line_amount
from visit, range(1, 4) t(n)
where has_order and n <= 1 + (visit.i // 3) % 3;
create temp table everything as select
    visit.*, store.* exclude (store_id),
    case when visit.customer_id is null then 'visitor'
        else ['consumer', 'consumer', 'business', 'vip'][1 + pick(visit.customer_id, 4)] end as segment,
    bought.transaction_id,
    cast(visit.day as timestamp) + to_seconds(pick(visit.i, 86400)) as ordered_at,
    1 + pick(visit.i + 11, 11) as payment_method_id,
    case pick(visit.i, 9) when 0 then 'pending' when 1 then 'refunded' when 2 then 'cancelled' else 'paid' end
        as status,
    bought.lines, bought.units, bought.amount,
    money(case when pick(visit.i, 8) = 0 then bought.amount * 0.1 else 0 end) as discount_amount
from visit
join store using (store_id)
left join (
    select transaction_id, count(*) as lines, cast(sum(quantity) as bigint) as units, money(sum(line_amount)) as amount
    from line group by transaction_id
) as bought on visit.has_order and visit.i // 3 = bought.transaction_id;
"""

_STATUSES = ("pending", "paid", "refunded", "cancelled")
_MEASURES = ",\n    ".join(
    [
        "count(transaction_id) as orders",
        *(f"count(transaction_id) filter (status = '{s}') as {s}_orders" for s in _STATUSES),
        "cast(coalesce(sum(units), 0) as bigint) as units",
        "money(coalesce(sum(amount), 0)) as gross_amount",
        "money(coalesce(sum(amount) filter (status = 'paid'), 0)) as revenue",
        "money(coalesce(sum(amount) filter (status = 'refunded'), 0)) as refunds",
        "money(coalesce(sum(discount_amount), 0)) as discount_amount",
    ]
)
_VISITS = """cast(count(i) as bigint) as sessions,
    count(i) filter (has_order) as sessions_with_order"""

# Each visit and, where it ended in an order, that order: at the grain of what is asked for, the sums are the marts'.
_TABLES = {
    "bi_sales": f"""
select day, date_trunc('week', day)::date as week_start, date_trunc('month', day)::date as month_start,
    store_id, store_name, store_type, country_code, channel, segment, {_MEASURES},
    money(coalesce(sum(amount * 0.05), 0)) as shipping_amount, money(coalesce(sum(amount * 0.16), 0)) as tax_amount,
    {_VISITS}
from everything group by all""",
    "bi_channels": f"""
select day, store_id, store_name, store_type, city, country_code, channel, device, traffic_source, {_MEASURES},
    {_VISITS}, cast(sum(page_views) as bigint) as page_views, cast(sum(duration_seconds) as bigint) as duration_seconds
from everything group by all""",
    "bi_payments": f"""
select *, cast(revenue * payment_method_id * 0.01 as decimal(18, 7)) as fee_amount
from (select day, payment_method_id, 'Way ' || payment_method_id as payment_method_name,
    ['card', 'wallet', 'cash'][1 + payment_method_id % 3] as payment_type, 'Provider ' || payment_method_id as provider,
    store_id, store_name, channel, {_MEASURES}
from everything where has_order group by all)""",
    "bi_customers": """
select day, ordered_at, transaction_id, customer_id, segment,
    ['DE', 'FR', 'GB', 'ES', 'IT', 'NL', 'CZ', 'PL'][1 + pick(customer_id, 8)] as customer_country_code,
    'City ' || pick(customer_id, 5000) as customer_city,
    ['web', 'app', 'store', 'marketplace'][1 + pick(customer_id + 1, 4)] as signup_channel,
    store_id, store_name, channel, 'Way ' || payment_method_id as payment_method_name, status,
    1 + pick(i, 6) as order_number, order_number = 1 as is_first_order,
    case when order_number > 1 then 1 + pick(i, 90) end as days_since_previous_order,
    cast(isodow(day) as bigint) as day_of_week, dayname(day) as day_name, cast(hour(ordered_at) as bigint) as hour,
    lines, units, amount as gross_amount, money(case when status = 'paid' then amount else 0 end) as revenue,
    money(case when status = 'refunded' then amount else 0 end) as refunds, discount_amount,
    case when units >= 5 then '5+' else cast(units as varchar) end as basket_size
from everything where has_order""",
    "bi_products": f"""
select day, product_id, 'SKU-' || product_id as sku, 'Compact Headphones No. ' || product_id as product_name,
    'Compact Headphones No. ' || product_id || ' · SKU-' || product_id as product_label,
    'Category ' || product_id % 10 as category, 'Subcategory ' || product_id % 16 as subcategory,
    'Brand ' || product_id % 120 as brand, store_id, store_name, channel, {_MEASURES},
    cast(coalesce(sum(units) filter (status = 'paid'), 0) as bigint) as paid_units,
    money(coalesce(sum(amount) filter (status = 'paid'), 0)) as paid_line_amount,
    money(paid_line_amount * 0.4) as margin_amount, money(3 + pick(product_id, 20) / 10.0) as average_rating,
    pick(product_id, 200) as reviews
from (
    select e.* exclude (units, amount), l.product_id, l.quantity as units, l.line_amount as amount
    from everything e join line l using (transaction_id)
) group by all""",
    "bi_health": """
select day, table_name, 'daily' as kind, false as is_companion, day as run_day,
    cast(day + 1 as timestamp) + interval 2 hour as published_at, 1000 + pick(day, 900) as source_rows,
    cast(hash(day, table_name) as varchar) as source_checksum, source_rows as warehouse_rows, true as is_equal,
    0::bigint as quarantined_rows, 0::bigint as rejected_rows,
    cast(day + 1 as timestamp) + interval 6 hour as deadline_at, false as is_late
from (select distinct day from visit), unnest(['session', 'transaction', 'transaction_item', 'review']) t(table_name)
union all
select null, table_name, 'whole', false, max(day), cast(max(day) + 1 as timestamp), 100000, '1', 100000, true, 0, 0,
    null, false
from visit, unnest(['customer', 'product', 'store', 'payment_method']) t(table_name) group by table_name""",
}


def make_tables(connection: duckdb.DuckDBPyConnection, volume: Volume, *, by_day: bool = False) -> None:
    """Make the six tables of this volume, and leave nothing else. `by_day`: each in the order of its days."""
    orders = volume.lines // _LINES_PER_ORDER
    sizes = {"visits": orders * _VISITS_PER_ORDER, "days": volume.days, "customers": volume.customers}
    first = LAST_DAY - timedelta(days=volume.days - 1)
    connection.execute(_BASE.format(first=first, products=volume.products, **sizes))
    for name, query in _TABLES.items():
        ordered = f"select * from ({query}) order by day" if by_day else query
        connection.execute(f"create table {name} as {ordered}")
    connection.execute("drop table everything; drop table line; drop table visit; drop table store")
