with base as (
    select * from {{ ref('base_transaction') }}
),

quarantined as (
    select transaction_id from {{ ref('quarantine_transaction') }}
)

select
    transaction_id,
    session_id,
    customer_id,
    store_id,
    payment_method_id,
    channel,
    status,
    currency,
    items_amount,
    shipping_amount,
    tax_amount,
    total_amount,
    coupon_code,
    ordered_at,
    paid_at,
    refunded_at,
    updated_at,
    day
from base
where
    not exists (
        select 1 from quarantined
        where quarantined.transaction_id = base.transaction_id
    )
