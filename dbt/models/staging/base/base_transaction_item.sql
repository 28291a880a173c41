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
    case
        when quantity < 1 then 'quantity below one'
        when unit_price < 0 or discount_amount < 0 or line_amount < 0 then 'negative amount'
        when quantity * unit_price - discount_amount <> line_amount then 'amount is not quantity, price and discount'
    end as broken_rule
from renamed
