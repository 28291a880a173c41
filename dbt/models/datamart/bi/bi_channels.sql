{{ partitioned_by_day(cluster_by=['store_id', 'channel', 'device', 'traffic_source']) }}

-- not called orders: BigQuery would take `group by orders.day` to mean the count of that name
with every_order as (
    {{ orders_of_lines(['store_id', 'channel', 'session_id']) }}
),

every_session as (
    select * from {{ ref('dim_session') }}
),

converted as (
    select distinct session_id from every_order
),

-- An order may be of the day after its visit, and then counts there.
sales as (
    select
        every_order.day,
        every_order.store_id,
        every_order.channel,
        coalesce(every_session.device, 'unknown') as device,
        coalesce(every_session.traffic_source, 'unknown') as traffic_source,
        {{ sales_measures(one_row_per_order=true) }}
    from every_order
    left join every_session
        on every_order.session_id = every_session.session_id
    group by
        every_order.day,
        every_order.store_id,
        every_order.channel,
        coalesce(every_session.device, 'unknown'),
        coalesce(every_session.traffic_source, 'unknown')
),

visits as (
    select
        every_session.day,
        every_session.store_id,
        every_session.channel,
        every_session.device,
        every_session.traffic_source,
        count(*) as sessions,
        count(converted.session_id) as sessions_with_order,
        {{ whole('coalesce(sum(every_session.page_views), 0)') }} as page_views,
        {{ whole('coalesce(sum(every_session.duration_seconds), 0)') }} as duration_seconds
    from every_session
    left join converted
        on every_session.session_id = converted.session_id
    group by
        every_session.day,
        every_session.store_id,
        every_session.channel,
        every_session.device,
        every_session.traffic_source
),

grain as (
    select
        day,
        store_id,
        channel,
        device,
        traffic_source
    from sales
    union distinct
    select
        day,
        store_id,
        channel,
        device,
        traffic_source
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
    grain.device,
    grain.traffic_source,
    {{ sales_measures_or_zero('sales') }},
    coalesce(visits.sessions, 0) as sessions,
    coalesce(visits.sessions_with_order, 0) as sessions_with_order,
    coalesce(visits.page_views, 0) as page_views,
    coalesce(visits.duration_seconds, 0) as duration_seconds
from grain
inner join stores
    on grain.store_id = stores.store_id
left join sales
    on
        grain.day = sales.day
        and grain.store_id = sales.store_id
        and grain.channel = sales.channel
        and grain.device = sales.device
        and grain.traffic_source = sales.traffic_source
left join visits
    on
        grain.day = visits.day
        and grain.store_id = visits.store_id
        and grain.channel = visits.channel
        and grain.device = visits.device
        and grain.traffic_source = visits.traffic_source
