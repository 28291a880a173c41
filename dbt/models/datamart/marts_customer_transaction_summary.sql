{{ config(cluster_by=['customer_id']) }}

with sales as (
    select
        customer_id,
        {{ sales_measures() }},
        count(distinct product_id) as products,
        min(day) as first_ordered_on,
        max(day) as last_ordered_on
    from {{ ref('fact_transaction') }}
    group by customer_id
),

visits as (
    select
        customer_id,
        count(*) as sessions
    from {{ ref('dim_session') }}
    group by customer_id
),

customers as (
    select * from {{ ref('dim_customer') }}
)

select
    customers.customer_id,
    customers.segment,
    customers.signup_channel,
    customers.city,
    customers.country_code,
    customers.signed_up_on,
    {{ sales_measures_or_zero('sales') }},
    {{ ratio('sales.revenue', 'sales.paid_orders', 2) }} as average_order_value,
    coalesce(sales.products, 0) as products,
    coalesce(visits.sessions, 0) as sessions,
    sales.first_ordered_on,
    sales.last_ordered_on
from customers
left join sales
    on customers.customer_id = sales.customer_id
left join visits
    on customers.customer_id = visits.customer_id
