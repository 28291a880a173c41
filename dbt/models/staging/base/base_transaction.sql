with renamed as (
    select
        transaction_id,
        session_id,
        customer_id,
        store_id,
        payment_method_id,
        channel,
        status,
        currency,
        {{ money('items_amount') }} as items_amount,
        {{ money('shipping_amount') }} as shipping_amount,
        {{ money('tax_amount') }} as tax_amount,
        {{ money('total_amount') }} as total_amount,
        coupon_code,
        created_at as ordered_at,
        paid_at,
        refunded_at,
        updated_at,
        {{ utc_day('created_at') }} as day
    from {{ source('staging', 'transaction') }}
)

select
    *,
    {{ first_broken([
        ('status in (' ~ order_statuses_sql() ~ ')', 'unknown status'),
        ("currency = '" ~ var('currency') ~ "'", 'another currency'),
        ("items_amount >= 0 and shipping_amount >= 0 and tax_amount >= 0", 'negative amount'),
        ("items_amount + shipping_amount + tax_amount = total_amount", 'total is not items, shipping and tax'),
    ]) }} as broken_rule
from renamed
