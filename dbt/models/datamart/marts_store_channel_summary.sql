{{ config(cluster_by=['day', 'store_id', 'channel']) }}

with sales as (
    select
        day,
        store_id,
        channel,
        {{ sales_measures() }}
    from {{ ref('fact_transaction') }}
    group by day, store_id, channel
),

visits as (
    select
        day,
        store_id,
        channel,
        count(*) as sessions
    from {{ ref('dim_session') }}
    group by day, store_id, channel
),

-- A day, store and channel may have visits and no order, or an order whose visit began the day before.
grain as (
    select
        day,
        store_id,
        channel
    from sales
    union distinct
    select
        day,
        store_id,
        channel
    from visits
),

stores as (
    select * from {{ ref('dim_store') }}
)

select
    grain.day,
    grain.store_id,
    stores.store_name,
    stores.store_type,
    stores.city,
    stores.country_code,
    grain.channel,
    {{ sales_measures_or_zero('sales') }},
    {{ ratio('sales.revenue', 'sales.paid_orders', 2) }} as average_order_value,
    coalesce(visits.sessions, 0) as sessions
from grain
inner join stores
    on grain.store_id = stores.store_id
left join sales
    on
        grain.day = sales.day
        and grain.store_id = sales.store_id
        and grain.channel = sales.channel
left join visits
    on
        grain.day = visits.day
        and grain.store_id = visits.store_id
        and grain.channel = visits.channel
