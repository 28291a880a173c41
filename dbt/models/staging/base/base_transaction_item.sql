with renamed as (
    select
        transaction_item_id,
        transaction_id,
        product_id,
        line_number,
        quantity,
        {{ money('unit_price') }} as unit_price,
        {{ money('discount_amount') }} as discount_amount,
        {{ money('line_amount') }} as line_amount,
        created_at as ordered_at,
        updated_at,
        {{ utc_day('created_at') }} as day
    from {{ source('staging', 'transaction_item') }}
)

select
    *,
    {{ first_broken([
        ("quantity >= 1", 'quantity below one'),
        ("unit_price >= 0 and discount_amount >= 0 and line_amount >= 0", 'negative amount'),
        ("quantity * unit_price - discount_amount = line_amount", 'amount is not quantity, price and discount'),
    ]) }} as broken_rule
from renamed
