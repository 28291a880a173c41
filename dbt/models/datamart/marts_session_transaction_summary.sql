{{ config(cluster_by=['day', 'channel', 'device', 'traffic_source']) }}

with sales as (
    select
        session_id,
        count(distinct transaction_id) as orders,
        sum(quantity) as units,
        sum(total_amount) as gross_amount,
        sum(case when status = 'paid' then total_amount else 0 end) as revenue
    from {{ ref('fact_transaction') }}
    group by session_id
),

visits as (
    select
        every_session.day,
        every_session.channel,
        every_session.device,
        every_session.traffic_source,
        count(*) as sessions,
        count(sales.session_id) as sessions_with_order,
        {{ whole('coalesce(sum(every_session.page_views), 0)') }} as page_views,
        {{ whole('coalesce(sum(every_session.duration_seconds), 0)') }} as duration_seconds,
        {{ whole('coalesce(sum(sales.orders), 0)') }} as orders,
        {{ whole('coalesce(sum(sales.units), 0)') }} as units,
        {{ money('coalesce(sum(sales.gross_amount), 0)') }} as gross_amount,
        {{ money('coalesce(sum(sales.revenue), 0)') }} as revenue
    from {{ ref('dim_session') }} as every_session
    left join sales
        on every_session.session_id = sales.session_id
    group by every_session.day, every_session.channel, every_session.device, every_session.traffic_source
)

select
    day,
    channel,
    device,
    traffic_source,
    sessions,
    sessions_with_order,
    {{ ratio('sessions_with_order', 'sessions', 4) }} as conversion_rate,
    page_views,
    duration_seconds,
    {{ ratio('duration_seconds', 'sessions', 2) }} as average_duration_seconds,
    orders,
    units,
    gross_amount,
    revenue
from visits
