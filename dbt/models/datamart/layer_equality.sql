-- What the report of a run shows, and what the test `layers_are_equal` holds: every layer beside the one it came from.
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
        coalesce(sum(quantity), 0) as units,
        coalesce(sum(total_amount), 0) as gross_amount,
        coalesce(sum(case when status = 'paid' then total_amount else 0 end), 0) as revenue
    from {{ ref('fact_transaction') }}
),

built as (
    -- dim_session keeps what is in quarantine
    select
        'session' as table_name,
        count(*) as built_rows
    from {{ ref('dim_session') }}
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

marts as (
    {%- for mart in [
        'marts_customer_product_summary',
        'marts_customer_transaction_summary',
        'marts_daily_sales',
        'marts_payment_transaction_summary',
        'marts_product_transaction_summary',
        'marts_session_transaction_summary',
        'marts_store_channel_summary',
    ] %}
    select
        '{{ mart }}' as mart,
        coalesce(sum(units), 0) as units,
        coalesce(sum(gross_amount), 0) as gross_amount,
        coalesce(sum(revenue), 0) as revenue
    from {{ ref(mart) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

measures as (
    select
        'core' as layer,
        concat('rows of ', built_per_table.table_name, ', in facts and quarantine') as measure,
        built_per_table.built_rows as value,
        coalesce(published.published_rows, 0) as expected
    from built_per_table
    left join published
        on built_per_table.table_name = published.table_name
    union all
    select
        'core' as layer,
        'gross_amount of fact_transaction' as measure,
        facts.gross_amount as value,
        orders.gross_amount as expected
    from facts
    cross join orders
    {%- for measure in ['units', 'gross_amount', 'revenue'] %}
    union all
    select
        'datamart' as layer,
        concat('{{ measure }} of ', marts.mart) as measure,
        marts.{{ measure }} as value,
        facts.{{ measure }} as expected
    from marts
    cross join facts
    {%- endfor %}
    union all
    select
        'datamart' as layer,
        'reviews of marts_review_product_summary' as measure,
        (select coalesce(sum(reviews), 0) from {{ ref('marts_review_product_summary') }}) as value,
        (select count(*) from {{ ref('fact_review') }}) as expected
)

select
    layer,
    measure,
    {{ money('value') }} as value,
    {{ money('expected') }} as expected
from measures
