-- Day by day, every table that dashboards read adds up to the day's sales and visits, as far as it has them.
{%- set amounts = ['units', 'gross_amount', 'revenue', 'refunds', 'discount_amount'] %}
{%- set orders = ['orders', 'pending_orders', 'paid_orders', 'refunded_orders', 'cancelled_orders'] %}
{%- set visits = ['sessions', 'sessions_with_order'] %}
{%- set measures = {
    'bi_channels': amounts + orders + visits,
    'bi_customers': amounts,
    'bi_payments': amounts + orders,
    'bi_products': amounts,
    'bi_sales': amounts + orders + visits + ['shipping_amount', 'tax_amount'],
} %}

with daily as (
    select * from {{ ref('marts_daily_sales') }}
),
{% for table, columns in measures.items() %}
{{ table }}_by_day as (
    select
        {%- for column in columns %}
        sum({{ column }}) as {{ column }},
        {%- endfor %}
        {{ 'count(*) as orders,' if table == 'bi_customers' }}
        day
    from {{ ref(table) }}
    group by day
),
{% endfor %}
differences as (
    {%- for table, columns in measures.items() %}
    select
        '{{ table }}' as table_name,
        coalesce(daily.day, found.day) as day
    from daily
    full outer join {{ table }}_by_day as found
        on daily.day = found.day
    where
        daily.day is null
        {%- for column in columns + (['orders'] if table == 'bi_customers' else []) %}
        or daily.{{ column }} <> coalesce(found.{{ column }}, 0)
        {%- endfor %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from differences
