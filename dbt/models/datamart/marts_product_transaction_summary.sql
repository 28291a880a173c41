{{ config(cluster_by=['product_id']) }}

with sales as (
    select
        product_id,
        {{ sales_measures() }},
        {{ money("sum(case when status = 'paid' then line_amount else 0 end)") }} as paid_line_amount,
        {{ whole("sum(case when status = 'paid' then quantity else 0 end)") }} as paid_units,
        count(distinct customer_id) as customers,
        min(day) as first_sold_on,
        max(day) as last_sold_on
    from {{ ref('fact_transaction') }}
    group by product_id
),

products as (
    select * from {{ ref('dim_product') }}
)

select
    products.product_id,
    products.sku,
    products.product_name,
    products.category,
    products.subcategory,
    products.brand,
    products.list_price,
    products.is_active,
    {{ sales_measures_or_zero('sales') }},
    coalesce(sales.paid_units, 0) as paid_units,
    coalesce(sales.paid_line_amount, 0) as paid_line_amount,
    {{ money(
        'coalesce(sales.paid_line_amount, 0) - coalesce(sales.paid_units, 0) * products.unit_cost'
    ) }} as margin_amount,
    coalesce(sales.customers, 0) as customers,
    sales.first_sold_on,
    sales.last_sold_on
from products
left join sales
    on products.product_id = sales.product_id
