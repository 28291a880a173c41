{{ config(cluster_by=['customer_id', 'product_id']) }}

-- Millions of small groups: first one row per order, for counting distinct ones in each would be slow.
with orders as (
    select
        customer_id,
        product_id,
        transaction_id,
        status,
        day,
        sum(quantity) as quantity,
        sum(total_amount) as total_amount,
        sum(discount_amount) as discount_amount
    from {{ ref('fact_transaction') }}
    group by customer_id, product_id, transaction_id, status, day
),

sales as (
    select
        customer_id,
        product_id,
        {{ sales_measures(one_row_per_order=true) }},
        min(day) as first_ordered_on,
        max(day) as last_ordered_on
    from orders
    group by customer_id, product_id
),

customers as (
    select * from {{ ref('dim_customer') }}
),

products as (
    select * from {{ ref('dim_product') }}
)

select
    sales.customer_id,
    sales.product_id,
    customers.segment,
    customers.country_code,
    products.product_name,
    products.category,
    products.brand,
    {{ sales_measures_or_zero('sales') }},
    sales.first_ordered_on,
    sales.last_ordered_on
from sales
inner join customers
    on sales.customer_id = customers.customer_id
inner join products
    on sales.product_id = products.product_id
