with renamed as (
    select
        session_id,
        customer_id,
        store_id,
        channel,
        device,
        traffic_source,
        landing_page,
        page_views,
        created_at as started_at,
        ended_at,
        updated_at,
        {{ utc_day('created_at') }} as day
    from {{ source('staging', 'session') }}
)

select
    *,
    case
        when ended_at < started_at then 'ended before it began'
        when page_views < 0 then 'negative page views'
    end as broken_rule
from renamed
