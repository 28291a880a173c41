{{ config(cluster_by=['table_name']) }}

-- What is published, and how many rows of it are here. Looked at in the step that builds core: a later step may find another
-- day published.
{% set whole_tables = ['customer', 'payment_method', 'product', 'store'] -%}
{% set daily_tables = ['review', 'session', 'transaction', 'transaction_item'] -%}
with ledger as (
    select
        *,
        case when starts_with(table_name, 'rejected_') then substr(table_name, 10) end as rejecting_table
    from {{ ref('stg_ledger') }}
),

counted as (
    {%- for table in whole_tables %}
    select
        '{{ table }}' as table_name,
        cast(null as date) as day,
        count(*) as warehouse_rows
    from {{ ref(('base_' if table == 'product' else 'stg_') ~ table) }}
    union all
    {%- endfor %}
    {%- for table in daily_tables %}
    select
        '{{ table }}' as table_name,
        day,
        count(*) as warehouse_rows
    from {{ ref('base_' ~ table) }}
    group by day
    union all
    {%- endfor %}
    select
        table_name,
        day,
        rejected_rows as warehouse_rows
    from {{ ref('stg_rejected') }}
),

quarantined as (
    {%- for table in daily_tables %}
    select
        '{{ table }}' as table_name,
        day,
        count(*) as quarantined_rows
    from {{ ref('quarantine_' ~ table) }}
    group by day
    union all
    {%- endfor %}
    select
        'product' as table_name,
        cast(null as date) as day,
        count(*) as quarantined_rows
    from {{ ref('quarantine_product') }}
)

select
    ledger.day,
    ledger.table_name,
    case when ledger.day is null then 'whole' else 'daily' end as kind,
    ledger.rejecting_table is not null as is_companion,
    ledger.run_day,
    ledger.published_at,
    ledger.published_rows as source_rows,
    cast(ledger.checksum as {{ dbt.type_string() }}) as source_checksum,
    coalesce(counted.warehouse_rows, 0) as warehouse_rows,
    coalesce(quarantined.quarantined_rows, 0) as quarantined_rows,
    -- a companion's own, only where its table has nothing of the day: so that each is counted once
    case
        when ledger.rejecting_table is null then coalesce(companion.published_rows, 0)
        when rejecting.table_name is null then ledger.published_rows
        else 0
    end as rejected_rows
from ledger
left join ledger as companion
    on
        ledger.table_name = companion.rejecting_table
        and ledger.partition_label = companion.partition_label
left join ledger as rejecting
    on
        ledger.rejecting_table = rejecting.table_name
        and ledger.partition_label = rejecting.partition_label
left join counted
    on
        ledger.table_name = counted.table_name
        and ledger.partition_label = coalesce(cast(counted.day as {{ dbt.type_string() }}), 'whole')
left join quarantined
    on
        ledger.table_name = quarantined.table_name
        and ledger.partition_label = coalesce(cast(quarantined.day as {{ dbt.type_string() }}), 'whole')
