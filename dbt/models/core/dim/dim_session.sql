{{ replaced_by_day(cluster_by=['session_id']) }}

with sessions as (
    select * from {{ ref('stg_session') }}
    where {{ only_changed_days('day') }}
),

-- A session in quarantine keeps its orders: it stays here without the numbers that cannot be. One without its customer or its
-- store has no place here, and its orders go with it.
quarantined as (
    select * from {{ ref('quarantine_session') }}
    where
        missing_parent is null
        and {{ only_changed_days('day') }}
),

members as (
    select
        session_id,
        customer_id,
        store_id,
        channel,
        device,
        traffic_source,
        landing_page,
        page_views,
        {{ whole(seconds_between('started_at', 'ended_at')) }} as duration_seconds,
        false as is_quarantined,
        started_at,
        ended_at,
        day
    from sessions
    union all
    select
        session_id,
        customer_id,
        store_id,
        channel,
        device,
        traffic_source,
        landing_page,
        cast(null as {{ dbt.type_bigint() }}) as page_views,
        cast(null as {{ dbt.type_bigint() }}) as duration_seconds,
        true as is_quarantined,
        started_at,
        cast(null as {{ dbt.type_timestamp() }}) as ended_at,
        day
    from quarantined
)

select * from members
