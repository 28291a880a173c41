{{ partitioned_by_day(cluster_by=['table_name']) }}

-- Where a schedule and its deadline are set: `tillroll transform` says so from Tillroll's own settings.
{% set fresh_by = env_var('TILLROLL_DBT_FRESH_BY', '') -%}
{% set schedule_from = env_var('TILLROLL_DBT_SCHEDULE_FROM', '') -%}
with partitions as (
    select
        *,
        {%- if fresh_by and schedule_from %}
        case when day >= date '{{ schedule_from }}' then {{ on_the_day_after('day', fresh_by) }} end as deadline_at
        {%- else %}
        cast(null as {{ dbt.type_timestamp() }}) as deadline_at
        {%- endif %}
    from {{ ref('published_partition') }}
)

select
    day,
    table_name,
    kind,
    is_companion,
    run_day,
    published_at,
    source_rows,
    source_checksum,
    warehouse_rows,
    -- rows counted again; fingerprints were equal when they were published, and `tillroll audit` compares them again
    source_rows = warehouse_rows as is_equal,
    quarantined_rows,
    rejected_rows,
    deadline_at,
    -- the run of another day comes after the deadline by its nature, whether it healed what had been there in time or
    -- brought what had not: of the second, the sentinel tells
    coalesce(published_at > deadline_at and run_day = day, false) as is_late
from partitions
