-- What dashboards say of fees and margins is what the marts say, of the same way to pay on the same day and the same product.
with fees as (
    select
        day,
        payment_method_id,
        round(sum(fee_amount), 2) as fee_amount
    from {{ ref('bi_payments') }}
    group by day, payment_method_id
),

margins as (
    select
        product_id,
        sum(margin_amount) as margin_amount
    from {{ ref('bi_products') }}
    group by product_id
),

differences as (
    select
        'fee_amount' as measure,
        payments.payment_method_id as id
    from {{ ref('marts_payment_transaction_summary') }} as payments
    left join fees
        on
            payments.day = fees.day
            and payments.payment_method_id = fees.payment_method_id
    where
        fees.fee_amount is null
        or payments.fee_amount <> fees.fee_amount
    union all
    select
        'margin_amount' as measure,
        products.product_id as id
    from {{ ref('marts_product_transaction_summary') }} as products
    left join margins
        on products.product_id = margins.product_id
    -- a product never sold has a margin of 0 there and no row here
    where coalesce(products.margin_amount, 0) <> coalesce(margins.margin_amount, 0)
)

select * from differences
