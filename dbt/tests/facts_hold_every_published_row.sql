-- Day by day, what was proven equal to PostgreSQL is in the facts or in quarantine; and no fact has a day that is not published.
with published as (
    select
        table_name,
        day,
        published_rows
    from {{ ref('stg_ledger') }}
    where
        table_name in ('session', 'transaction_item', 'review')
        and published_rows > 0
),

built as (
    select
        'transaction_item' as table_name,
        day
    from {{ ref('fact_transaction') }}
    union all
    select
        'transaction_item' as table_name,
        day
    from {{ ref('quarantine_transaction_item') }}
    union all
    select
        'review' as table_name,
        day
    from {{ ref('fact_review') }}
    union all
    select
        'review' as table_name,
        day
    from {{ ref('quarantine_review') }}
    union all
    -- dim_session keeps its quarantined rows, but for those that lack a parent
    select
        'session' as table_name,
        day
    from {{ ref('dim_session') }}
    union all
    select
        'session' as table_name,
        day
    from {{ ref('quarantine_session') }}
    where missing_parent is not null
),

built_per_day as (
    select
        table_name,
        day,
        count(*) as built_rows
    from built
    group by table_name, day
)

select
    published.table_name as published_table,
    published.day as published_day,
    published.published_rows,
    built_per_day.table_name as built_table,
    built_per_day.day as built_day,
    built_per_day.built_rows
from published
full outer join built_per_day
    on
        published.table_name = built_per_day.table_name
        and published.day = built_per_day.day
where coalesce(published.published_rows, 0) <> coalesce(built_per_day.built_rows, 0)
