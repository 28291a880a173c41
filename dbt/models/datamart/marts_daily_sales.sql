with sales as (
    select
        day,
        {{ sales_measures() }},
        {%- for status in order_statuses() %}
        {{ whole("sum(case when status = '" ~ status ~ "' then quantity else 0 end)") }} as {{ status }}_units,
        {%- endfor %}
        {{ money("sum(case when status = 'pending' then total_amount else 0 end)") }} as pending_amount,
        {{ money("sum(case when status = 'cancelled' then total_amount else 0 end)") }} as cancelled_amount,
        {{ money('sum(shipping_amount)') }} as shipping_amount,
        {{ money('sum(tax_amount)') }} as tax_amount,
        count(distinct customer_id) as customers
    from {{ ref('fact_transaction') }}
    group by day
),

converted as (
    select distinct session_id from {{ ref('fact_transaction') }}
),

visits as (
    select
        every_session.day,
        count(*) as sessions,
        count(converted.session_id) as sessions_with_order
    from {{ ref('dim_session') }} as every_session
    left join converted
        on every_session.session_id = converted.session_id
    group by every_session.day
),

reviews as (
    select
        day,
        count(*) as reviews
    from {{ ref('fact_review') }}
    group by day
),

days as (
    select * from {{ ref('dim_date') }}
    where is_published
)

select
    days.day,
    days.day_name,
    days.is_weekend,
    days.week_start,
    days.month_start,
    {{ sales_measures_or_zero('sales') }},
    {%- for status in order_statuses() %}
    coalesce(sales.{{ status }}_units, 0) as {{ status }}_units,
    {%- endfor %}
    coalesce(sales.pending_amount, 0) as pending_amount,
    coalesce(sales.cancelled_amount, 0) as cancelled_amount,
    coalesce(sales.shipping_amount, 0) as shipping_amount,
    coalesce(sales.tax_amount, 0) as tax_amount,
    {{ ratio('sales.revenue', 'sales.paid_orders', 2) }} as average_order_value,
    coalesce(sales.customers, 0) as customers,
    coalesce(visits.sessions, 0) as sessions,
    coalesce(visits.sessions_with_order, 0) as sessions_with_order,
    {{ ratio('visits.sessions_with_order', 'visits.sessions', 4) }} as conversion_rate,
    coalesce(reviews.reviews, 0) as reviews
from days
left join sales
    on days.day = sales.day
left join visits
    on days.day = visits.day
left join reviews
    on days.day = reviews.day
