with base as (
    select * from {{ ref('base_session') }}
),

quarantined as (
    select session_id from {{ ref('quarantine_session') }}
)

select
    session_id,
    customer_id,
    store_id,
    channel,
    device,
    traffic_source,
    landing_page,
    page_views,
    started_at,
    ended_at,
    updated_at,
    day
from base
where
    not exists (
        select 1 from quarantined
        where quarantined.session_id = base.session_id
    )
