{{ partitioned_by_day(cluster_by=['store_id', 'channel', 'payment_method_id']) }}

with orders as (
    {{ orders_of_lines(['payment_method_id', 'store_id', 'channel']) }}
),

sales as (
    select
        day,
        payment_method_id,
        store_id,
        channel,
        {{ sales_measures(one_row_per_order=true) }}
    from orders
    group by day, payment_method_id, store_id, channel
),

payments as (
    select * from {{ ref('dim_payment') }}
),

stores as (
    select * from {{ ref('dim_store') }}
)

select
    sales.day,
    sales.payment_method_id,
    payments.payment_method_name,
    payments.payment_type,
    payments.provider,
    sales.store_id,
    stores.store_name,
    sales.channel,
    {{ sales_measures_or_zero('sales') }},
    -- two digits of money, three of the fee, two of a hundredth: exact, so that any sum of it may be rounded
    cast(sales.revenue * payments.fee_percent * 0.01 as {{ type_decimal(18, 7) }}) as fee_amount
from sales
inner join payments
    on sales.payment_method_id = payments.payment_method_id
inner join stores
    on sales.store_id = stores.store_id
