"""A small published file with the tables that the dashboard reads, made of orders and visits that a formula gives.

A test holds its columns to the contracts in bi.yml, so that it cannot become another file than the one dbt makes.
"""

from datetime import date
from pathlib import Path

import duckdb

FIRST, LAST = date(2026, 1, 1), date(2026, 3, 1)

# Five orders on a Monday, six on a Tuesday, and so on; orders of twenty customers, of whom one is a business.
_ORDERS = """
create table orders as
with days as (select unnest(generate_series($first, $last, interval 1 day))::date as day),
numbered as (
    select day, n, row_number() over (order by day, n) as transaction_id
    from days, (select unnest(range(0, 11)) as n) where n < 4 + isodow(day)
),
chosen as (
    select *, transaction_id * 7 % 20 + 1 as customer_id, transaction_id * 13 % 4 as c, transaction_id * 11 % 10 as s
    from numbered
)
select
    day, transaction_id, customer_id,
    day + to_hours((transaction_id * 5 % 24)::int) as ordered_at,
    ['consumer', 'consumer', 'consumer', 'business'][customer_id % 4 + 1] as segment,
    ['web', 'app', 'marketplace', 'store'][c + 1] as channel, c + 1 as store_id,
    ['Web shop', 'App', 'Market & Co', 'Berlin “Mitte”'][c + 1] as store_name,
    ['web', 'app', 'marketplace', 'branch'][c + 1] as store_type,
    ['DE', 'DE', 'FR', 'DE'][c + 1] as country_code, ['Berlin', 'Berlin', 'Paris', 'Berlin'][c + 1] as city,
    ['desktop', 'mobile', 'tablet', 'till'][c + 1] as device,
    ['search', 'direct', 'ads', 'walk-in'][c + 1] as traffic_source,
    transaction_id % 3 + 1 as payment_method_id,
    ['Card', 'PayPal', 'Invoice'][transaction_id % 3 + 1] as payment_method_name,
    ['card', 'wallet', 'invoice'][transaction_id % 3 + 1] as payment_type,
    ['Bank', 'PayPal', 'Shop'][transaction_id % 3 + 1] as provider,
    case s when 0 then 'refunded' when 1 then 'pending' when 2 then 'cancelled' else 'paid' end as status,
    transaction_id % 5 + 1 as product_id, transaction_id % 6 + 1 as units,
    ((transaction_id * 37 % 400 + 10.37) * 1.01)::decimal(18,2) as amount,
    row_number() over (partition by customer_id order by transaction_id) as order_number
from chosen
"""

_MEASURES = """
    count(transaction_id) as orders, count(*) filter (status = 'pending') as pending_orders,
    count(*) filter (status = 'paid') as paid_orders, count(*) filter (status = 'refunded') as refunded_orders,
    count(*) filter (status = 'cancelled') as cancelled_orders, coalesce(sum(units), 0)::bigint as units,
    coalesce(sum(amount), 0)::decimal(18,2) as gross_amount,
    coalesce(sum(amount) filter (status = 'paid'), 0)::decimal(18,2) as revenue,
    coalesce(sum(amount) filter (status = 'refunded'), 0)::decimal(18,2) as refunds,
    (0.5 * count(transaction_id))::decimal(18,2) as discount_amount
"""

# Every tenth visit leads to an order, with a row of visits for each group of orders, and a few by nobody known.
_TABLES = f"""
create table bi_sales as
with sold as (
    select day, store_id, store_name, store_type, country_code, channel, segment, {_MEASURES},
        (2.5 * count(*))::decimal(18,2) as shipping_amount, (0.19 * sum(amount))::decimal(18,2) as tax_amount,
        (10 * count(*))::bigint as sessions, count(*) as sessions_with_order
    from orders group by all
)
select day, date_trunc('week', day)::date as week_start, date_trunc('month', day)::date as month_start, * exclude (day)
from sold;

create table bi_products as
select day, product_id, 'SKU-' || product_id as sku, 'Product ' || product_id as product_name,
    'Product ' || product_id || ' · SKU-' || product_id as product_label,
    ['Books', 'Games', 'Garden', 'Home', 'Toys'][product_id] as category, 'All' as subcategory,
    ['Acme', 'Umbra'][product_id % 2 + 1] as brand, store_id, store_name, channel, {_MEASURES},
    coalesce(sum(units) filter (status = 'paid'), 0)::bigint as paid_units,
    coalesce(sum(amount) filter (status = 'paid'), 0)::decimal(18,2) as paid_line_amount,
    (sum(0.3 * amount) filter (status = 'paid' and product_id < 5))::decimal(18,2) as margin_amount,
    case when product_id < 4 then (3 + product_id / 10)::decimal(18,2) end as average_rating, product_id * 3 as reviews
from orders group by all;

create table bi_customers as
select day, ordered_at, transaction_id, customer_id, segment, ['DE', 'FR', 'AT'][customer_id % 3 + 1] as customer_country_code,
    'City ' || customer_id % 5 as customer_city, ['web', 'app'][customer_id % 2 + 1] as signup_channel, store_id, store_name,
    channel, payment_method_name, status, order_number, order_number = 1 as is_first_order,
    day - lag(day) over (partition by customer_id order by transaction_id) as days_since_previous_order,
    isodow(day) as day_of_week, dayname(day) as day_name, hour(ordered_at) as hour, 1::bigint as lines, units,
    amount as gross_amount, case when status = 'paid' then amount else 0 end::decimal(18,2) as revenue,
    case when status = 'refunded' then amount else 0 end::decimal(18,2) as refunds, 0.5::decimal(18,2) as discount_amount,
    case when units > 4 then '5+' else units::text end as basket_size
from orders;

create table bi_payments as
select day, payment_method_id, payment_method_name, payment_type, provider, store_id, store_name, channel, {_MEASURES},
    (coalesce(sum(amount) filter (status = 'paid'), 0) * 0.0175)::decimal(18,7) as fee_amount
from orders group by all;

create table bi_channels as
select day, store_id, store_name, store_type, city, country_code, channel, device, traffic_source, {_MEASURES},
    (10 * count(*))::bigint as sessions, count(*) as sessions_with_order, (45 * count(*))::bigint as page_views,
    (1234 * count(*))::bigint as duration_seconds
from orders group by all;

create table bi_health as
with tables as (select * from (values ('transaction', 'daily', 1), ('session', 'daily', 10), ('product', 'whole', 0)) t (table_name, kind, times)),
partitions as (
    select day, table_name, kind, (n * times)::bigint as n from tables, (select day, count(*) as n from orders group by all)
    where kind = 'daily'
    union all select null, table_name, kind, 5 from tables where kind = 'whole'
)
select day, table_name, kind, false as is_companion, coalesce(day, $last) as run_day,
    coalesce(day, $last)::timestamp + interval 29 hour as published_at, n as source_rows, (n * 97)::text as source_checksum,
    n as warehouse_rows, true as is_equal, 0::bigint as quarantined_rows, 0::bigint as rejected_rows,
    day::timestamp + interval 30 hour as deadline_at, false as is_late
from partitions;

drop table orders;
"""  # noqa: E501


def publish(file: Path, *changes: str, first: date = FIRST, last: date = LAST) -> None:
    """Put the file in place as a run does, at once; `changes` are SQL that a test wants done to it before."""
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with duckdb.connect(str(new)) as connection:
        days = {"first": first, "last": last}
        connection.execute(_ORDERS, days)
        for statement in _TABLES.split(";"):
            if statement.strip():
                connection.execute(statement, {"last": last} if "$last" in statement else {})
        for change in changes:
            connection.execute(change)
    new.replace(file)
