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
    {{ first_broken([
        ("ended_at >= started_at", 'ended before it began'),
        ("page_views >= 0", 'negative page views'),
    ]) }} as broken_rule
from renamed
