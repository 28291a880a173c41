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
    {{ first_broken([
        ("rating between 1 and 5", 'rating outside 1 to 5'),
        ("transaction_id is not null or not is_verified_purchase", 'verified purchase without an order'),
    ]) }} as broken_rule
from renamed
