{{ partitioned_by_day(cluster_by=['segment', 'store_id', 'channel', 'customer_id']) }}

with orders as (
    select
        transaction_id,
        customer_id,
        store_id,
        payment_method_id,
        channel,
        status,
        ordered_at,
        day,
        count(*) as lines,
        {{ whole('sum(quantity)') }} as units,
        {{ money('sum(total_amount)') }} as gross_amount,
        {{ money('sum(discount_amount)') }} as discount_amount
    from {{ ref('fact_transaction') }}
    group by transaction_id, customer_id, store_id, payment_method_id, channel, status, ordered_at, day
),

numbered as (
    select
        *,
        row_number() over (partition by customer_id order by ordered_at, transaction_id) as order_number,
        lag(day) over (partition by customer_id order by ordered_at, transaction_id) as previous_day
    from orders
),

customers as (
    select * from {{ ref('dim_customer') }}
),

stores as (
    select * from {{ ref('dim_store') }}
),

payments as (
    select * from {{ ref('dim_payment') }}
),

days as (
    select * from {{ ref('dim_date') }}
)

select
    numbered.day,
    numbered.ordered_at,
    numbered.transaction_id,
    numbered.customer_id,
    customers.segment,
    customers.country_code as customer_country_code,
    customers.city as customer_city,
    customers.signup_channel,
    numbered.store_id,
    stores.store_name,
    numbered.channel,
    payments.payment_method_name,
    numbered.status,
    numbered.order_number,
    numbered.order_number = 1 as is_first_order,
    {{ whole(dbt.datediff('numbered.previous_day', 'numbered.day', 'day')) }} as days_since_previous_order,
    days.day_of_week,
    days.day_name,
    {{ whole(utc_hour('numbered.ordered_at')) }} as hour,
    numbered.lines,
    numbered.units,
    numbered.gross_amount,
    {{ money("case when numbered.status = 'paid' then numbered.gross_amount else 0 end") }} as revenue,
    {{ money("case when numbered.status = 'refunded' then numbered.gross_amount else 0 end") }} as refunds,
    numbered.discount_amount,
    case
        when numbered.units >= 5 then '5+'
        else cast(numbered.units as {{ dbt.type_string() }})
    end as basket_size
from numbered
inner join customers
    on numbered.customer_id = customers.customer_id
inner join stores
    on numbered.store_id = stores.store_id
inner join payments
    on numbered.payment_method_id = payments.payment_method_id
inner join days
    on numbered.day = days.day
