{{ config(cluster_by=['day', 'payment_method_id']) }}

with sales as (
    select
        day,
        payment_method_id,
        {{ sales_measures() }}
    from {{ ref('fact_transaction') }}
    group by day, payment_method_id
),

payments as (
    select * from {{ ref('dim_payment') }}
)

select
    sales.day,
    sales.payment_method_id,
    payments.payment_method_name,
    payments.payment_type,
    payments.provider,
    {{ sales_measures_or_zero('sales') }},
    {{ ratio('sales.revenue', 'sales.paid_orders', 2) }} as average_order_value,
    {{ money('round(sales.revenue * payments.fee_percent * 0.01, 2)') }} as fee_amount
from sales
inner join payments
    on sales.payment_method_id = payments.payment_method_id
