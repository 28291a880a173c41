{{ partitioned_by_day(cluster_by=['category', 'store_id', 'channel', 'product_id']) }}

-- Nearly every line is a group of its own: first one row per order, for counting distinct ones in each would be slow.
with orders as (
    {{ orders_of_lines(['product_id', 'store_id', 'channel'], ['line_amount']) }}
),

sales as (
    select
        day,
        product_id,
        store_id,
        channel,
        {{ sales_measures(one_row_per_order=true) }},
        {{ whole("sum(case when status = 'paid' then quantity else 0 end)") }} as paid_units,
        {{ money("sum(case when status = 'paid' then line_amount else 0 end)") }} as paid_line_amount
    from orders
    group by day, product_id, store_id, channel
),

ratings as (
    select
        product_id,
        count(*) as reviews,
        sum(rating) as stars
    from {{ ref('fact_review') }}
    group by product_id
),

products as (
    select
        every_product.product_id,
        every_product.sku,
        every_product.product_name,
        every_product.category,
        every_product.subcategory,
        every_product.brand,
        every_product.unit_cost,
        {{ ratio('ratings.stars', 'ratings.reviews', 2) }} as average_rating,
        coalesce(ratings.reviews, 0) as reviews
    from {{ ref('dim_product') }} as every_product
    left join ratings
        on every_product.product_id = ratings.product_id
),

stores as (
    select * from {{ ref('dim_store') }}
)

select
    sales.day,
    sales.product_id,
    products.sku,
    products.product_name,
    products.product_name || ' · ' || products.sku as product_label,
    products.category,
    products.subcategory,
    products.brand,
    sales.store_id,
    stores.store_name,
    sales.channel,
    {{ sales_measures_or_zero('sales') }},
    sales.paid_units,
    sales.paid_line_amount,
    {{ money('sales.paid_line_amount - sales.paid_units * products.unit_cost') }} as margin_amount,
    products.average_rating,
    products.reviews
from sales
inner join products
    on sales.product_id = products.product_id
inner join stores
    on sales.store_id = stores.store_id
