with renamed as (
    select
        review_id,
        product_id,
        customer_id,
        transaction_id,
        rating,
        title,
        body,
        is_verified_purchase,
        created_at as reviewed_at,
        updated_at,
        {{ utc_day('created_at') }} as day
    from {{ source('staging', 'review') }}
)

select
    *,
    case
        when rating not between 1 and 5 then 'rating outside 1 to 5'
        when is_verified_purchase and transaction_id is null then 'verified purchase without an order'
    end as broken_rule
from renamed
