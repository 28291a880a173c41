-- Every order that keeps the rules is in fact_transaction with all its lines, and they add up to its amounts to the cent.
with orders as (
    select * from {{ ref('stg_transaction') }}
    where {{ in_changed_days('day') }}
),

lines as (
    select
        transaction_id,
        day,
        sum(line_amount) as items_amount,
        sum(shipping_amount) as shipping_amount,
        sum(tax_amount) as tax_amount,
        sum(total_amount) as total_amount,
        min(least(shipping_amount, tax_amount)) as least_share
    from {{ ref('fact_transaction') }}
    where {{ in_changed_days('day') }}
    group by transaction_id, day
)

select
    orders.transaction_id,
    orders.total_amount,
    lines.transaction_id as built_transaction_id,
    lines.total_amount as built_amount
from orders
full outer join lines
    on
        orders.transaction_id = lines.transaction_id
        and orders.day = lines.day
where
    orders.transaction_id is null
    or lines.transaction_id is null
    or orders.items_amount <> lines.items_amount
    or orders.shipping_amount <> lines.shipping_amount
    or orders.tax_amount <> lines.tax_amount
    or orders.total_amount <> lines.total_amount
    or lines.least_share < 0
