{{ replaced_by_day(cluster_by=['product_id']) }}

select
    review_id,
    product_id,
    customer_id,
    transaction_id,
    rating,
    is_verified_purchase,
    coalesce(length(body), 0) > 0 as has_text,
    reviewed_at,
    day
from {{ ref('stg_review') }}
where {{ only_changed_days('day') }}
