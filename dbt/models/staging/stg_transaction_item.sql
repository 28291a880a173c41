with base as (
    select * from {{ ref('base_transaction_item') }}
),

quarantined as (
    select transaction_item_id from {{ ref('quarantine_transaction_item') }}
)

select
    transaction_item_id,
    transaction_id,
    product_id,
    line_number,
    quantity,
    unit_price,
    discount_amount,
    line_amount,
    ordered_at,
    updated_at,
    day
from base
where
    not exists (
        select 1 from quarantined
        where quarantined.transaction_item_id = base.transaction_item_id
    )
