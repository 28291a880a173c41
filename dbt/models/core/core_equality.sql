-- Core beside what is published. Both are looked at in the step that builds core: a later step may find another day published.
with published as (
    select
        table_name,
        sum(published_rows) as published_rows
    from {{ ref('stg_ledger') }}
    where table_name in ('session', 'transaction', 'transaction_item', 'review')
    group by table_name
),

orders as (
    select coalesce(sum(total_amount), 0) as gross_amount
    from {{ ref('stg_transaction') }}
),

facts as (
    select
        count(*) as order_lines,
        count(distinct transaction_id) as orders,
        coalesce(sum(total_amount), 0) as gross_amount
    from {{ ref('fact_transaction') }}
),

built as (
    -- dim_session keeps what is in quarantine, but for visits that lack a parent
    select
        'session' as table_name,
        count(*) as built_rows
    from {{ ref('dim_session') }}
    union all
    select
        'session' as table_name,
        count(*) as built_rows
    from {{ ref('quarantine_session') }}
    where missing_parent is not null
    union all
    select
        'review' as table_name,
        count(*) as built_rows
    from {{ ref('fact_review') }}
    union all
    select
        'transaction' as table_name,
        orders as built_rows
    from facts
    union all
    select
        'transaction_item' as table_name,
        order_lines as built_rows
    from facts
    {%- for table in ['review', 'transaction', 'transaction_item'] %}
    union all
    select
        '{{ table }}' as table_name,
        count(*) as built_rows
    from {{ ref('quarantine_' ~ table) }}
    {%- endfor %}
),

built_per_table as (
    select
        table_name,
        sum(built_rows) as built_rows
    from built
    group by table_name
),

measures as (
    select
        concat('rows of ', built_per_table.table_name, ', in facts and quarantine') as measure,
        built_per_table.built_rows as value,
        coalesce(published.published_rows, 0) as expected
    from built_per_table
    left join published
        on built_per_table.table_name = published.table_name
    union all
    select
        'gross_amount of fact_transaction' as measure,
        facts.gross_amount as value,
        orders.gross_amount as expected
    from facts
    cross join orders
)

select
    measure,
    {{ money('value') }} as value,
    {{ money('expected') }} as expected
from measures
