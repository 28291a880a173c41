{{ partitioned_by_day(cluster_by=['store_id', 'channel', 'segment']) }}

-- not called orders: BigQuery would take `group by orders.day` to mean the count of that name
with every_order as (
    {{ orders_of_lines(['store_id', 'channel', 'customer_id'], ['shipping_amount', 'tax_amount']) }}
),

customers as (
    select
        customer_id,
        segment
    from {{ ref('dim_customer') }}
),

sales as (
    select
        every_order.day,
        every_order.store_id,
        every_order.channel,
        customers.segment,
        {{ sales_measures(one_row_per_order=true) }},
        {{ money('sum(every_order.shipping_amount)') }} as shipping_amount,
        {{ money('sum(every_order.tax_amount)') }} as tax_amount
    from every_order
    inner join customers
        on every_order.customer_id = customers.customer_id
    group by every_order.day, every_order.store_id, every_order.channel, customers.segment
),

converted as (
    select distinct session_id from {{ ref('fact_transaction') }}
),

visitors as (
    select
        every_session.day,
        every_session.store_id,
        every_session.channel,
        coalesce(customers.segment, 'visitor') as segment,
        converted.session_id as converted_session_id
    from {{ ref('dim_session') }} as every_session
    left join customers
        on every_session.customer_id = customers.customer_id
    left join converted
        on every_session.session_id = converted.session_id
),

visits as (
    select
        day,
        store_id,
        channel,
        segment,
        count(*) as sessions,
        count(converted_session_id) as sessions_with_order
    from visitors
    group by day, store_id, channel, segment
),

grain as (
    select
        day,
        store_id,
        channel,
        segment
    from sales
    union distinct
    select
        day,
        store_id,
        channel,
        segment
    from visits
),

days as (
    select * from {{ ref('dim_date') }}
),

stores as (
    select * from {{ ref('dim_store') }}
)

select
    grain.day,
    days.week_start,
    days.month_start,
    grain.store_id,
    stores.store_name,
    stores.store_type,
    stores.country_code,
    grain.channel,
    grain.segment,
    {{ sales_measures_or_zero('sales') }},
    coalesce(sales.shipping_amount, 0) as shipping_amount,
    coalesce(sales.tax_amount, 0) as tax_amount,
    coalesce(visits.sessions, 0) as sessions,
    coalesce(visits.sessions_with_order, 0) as sessions_with_order
from grain
inner join days
    on grain.day = days.day
inner join stores
    on grain.store_id = stores.store_id
left join sales
    on
        grain.day = sales.day
        and grain.store_id = sales.store_id
        and grain.channel = sales.channel
        and grain.segment = sales.segment
left join visits
    on
        grain.day = visits.day
        and grain.store_id = visits.store_id
        and grain.channel = visits.channel
        and grain.segment = visits.segment
