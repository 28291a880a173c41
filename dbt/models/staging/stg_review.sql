with base as (
    select * from {{ ref('base_review') }}
),

quarantined as (
    select review_id from {{ ref('quarantine_review') }}
)

select
    review_id,
    product_id,
    customer_id,
    transaction_id,
    rating,
    title,
    body,
    is_verified_purchase,
    reviewed_at,
    updated_at,
    day
from base
where
    not exists (
        select 1 from quarantined
        where quarantined.review_id = base.review_id
    )
