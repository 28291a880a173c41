-- What the report of a run shows, and what the test `layers_are_equal` holds: every layer beside the one it came from. Core's
-- own lines are those it was built with.
with core_measures as (
    select * from {{ ref('core_equality') }}
),

facts as (
    select
        coalesce(sum(quantity), 0) as units,
        coalesce(sum(total_amount), 0) as gross_amount,
        coalesce(sum(case when status = 'paid' then total_amount else 0 end), 0) as revenue
    from {{ ref('fact_transaction') }}
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
        measure,
        value,
        expected
    from core_measures
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
