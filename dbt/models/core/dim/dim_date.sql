{% set next_year = dbt.dateadd('year', 1, dbt.date_trunc('year', 'last_day')) -%}
with published as (
    select
        min(day) as first_day,
        max(day) as last_day
    from {{ ref('stg_ledger') }}
    -- not rejected rows, which may have no day
    where table_name in ('session', 'transaction', 'transaction_item', 'review')
),

years as (
    select
        cast({{ dbt.date_trunc('year', 'first_day') }} as date) as first_day,
        cast({{ dbt.dateadd('day', -1, next_year) }} as date) as last_day
    from published
    where first_day is not null
),

spine as (
    select cast(day as date) as day
    from years, {{ each_day('years.first_day', 'years.last_day') }}
),

parts as (
    select
        day,
        {{ whole('extract(year from day)') }} as year,
        {{ whole('extract(quarter from day)') }} as quarter,
        {{ whole('extract(month from day)') }} as month,
        {{ whole('extract(day from day)') }} as day_of_month,
        {{ whole(iso_day_of_week('day')) }} as day_of_week
    from spine
)

select
    parts.day,
    parts.year,
    parts.quarter,
    parts.month,
    parts.day_of_month,
    parts.day_of_week,
    case parts.day_of_week
        when 1 then 'Monday'
        when 2 then 'Tuesday'
        when 3 then 'Wednesday'
        when 4 then 'Thursday'
        when 5 then 'Friday'
        when 6 then 'Saturday'
        when 7 then 'Sunday'
    end as day_name,
    parts.day_of_week >= 6 as is_weekend,
    cast({{ dbt.dateadd('day', '1 - parts.day_of_week', 'parts.day') }} as date) as week_start,
    cast({{ dbt.date_trunc('month', 'parts.day') }} as date) as month_start,
    parts.day between published.first_day and published.last_day as is_published
from parts
cross join published
