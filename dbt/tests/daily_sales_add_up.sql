-- A day's orders, units and amounts are those of the four statuses together, and of the stores and channels together.
with by_store as (
    select
        day,
        sum(orders) as orders,
        sum(units) as units,
        sum(gross_amount) as gross_amount,
        sum(sessions) as sessions
    from {{ ref('marts_store_channel_summary') }}
    group by day
)

select daily.*
from {{ ref('marts_daily_sales') }} as daily
left join by_store
    on daily.day = by_store.day
where
    daily.orders <> daily.pending_orders + daily.paid_orders + daily.refunded_orders + daily.cancelled_orders
    or daily.units <> daily.pending_units + daily.paid_units + daily.refunded_units + daily.cancelled_units
    or daily.gross_amount <> daily.pending_amount + daily.revenue + daily.refunds + daily.cancelled_amount
    or daily.orders <> coalesce(by_store.orders, 0)
    or daily.units <> coalesce(by_store.units, 0)
    or daily.gross_amount <> coalesce(by_store.gross_amount, 0)
    or daily.sessions <> coalesce(by_store.sessions, 0)
