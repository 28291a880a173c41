{{ replaced_by_day(cluster_by=['transaction_id']) }}

with lines as (
    select * from {{ ref('stg_transaction_item') }}
    where {{ only_changed_days('day') }}
),

orders as (
    select * from {{ ref('stg_transaction') }}
    where {{ only_changed_days('day') }}
),

-- How much of its order's items amount each line and the lines before it make up.
ordered_lines as (
    select
        lines.*,
        row_number() over (
            partition by lines.transaction_id
            order by lines.line_number, lines.transaction_item_id
        ) as place,
        sum(lines.line_amount) over (
            partition by lines.transaction_id
            order by lines.line_number, lines.transaction_item_id
            rows between unbounded preceding and current row
        ) as reached
    from lines
),

{% set before_it = 'ordered_lines.reached - ordered_lines.line_amount' -%}
-- Shipping and tax belong to the order. Each line carries its share by amount, in whole cents, and the shares of an order
-- add up to the order's exactly. An order whose items cost nothing carries them on its first line.
allocated as (
    select
        ordered_lines.transaction_item_id,
        ordered_lines.transaction_id,
        ordered_lines.line_number,
        ordered_lines.product_id,
        orders.customer_id,
        orders.store_id,
        orders.payment_method_id,
        orders.session_id,
        orders.channel,
        orders.status,
        orders.currency,
        orders.coupon_code,
        ordered_lines.quantity,
        ordered_lines.unit_price,
        ordered_lines.discount_amount,
        ordered_lines.line_amount,
        {%- for amount in ['shipping_amount', 'tax_amount'] %}
        case
            when orders.items_amount > 0
                then
                    {{ share_up_to('orders.' ~ amount, 'ordered_lines.reached', 'orders.items_amount') }}
                    - {{ share_up_to('orders.' ~ amount, before_it, 'orders.items_amount') }}
            when ordered_lines.place = 1 then orders.{{ amount }}
            else 0
        end as {{ amount }},
        {%- endfor %}
        orders.ordered_at,
        ordered_lines.day
    from ordered_lines
    inner join orders
        on
            ordered_lines.transaction_id = orders.transaction_id
            and ordered_lines.ordered_at = orders.ordered_at
)

select
    transaction_item_id,
    transaction_id,
    line_number,
    product_id,
    customer_id,
    store_id,
    payment_method_id,
    session_id,
    channel,
    status,
    currency,
    coupon_code,
    quantity,
    unit_price,
    discount_amount,
    line_amount,
    {{ money('shipping_amount') }} as shipping_amount,
    {{ money('tax_amount') }} as tax_amount,
    {{ money('line_amount + shipping_amount + tax_amount') }} as total_amount,
    ordered_at,
    day
from allocated
