{{ replaced_by_day(cluster_by=['transaction_id']) }}

with orders as (
    select * from {{ ref('base_transaction') }}
    where {{ only_changed_days('day') }}
),

lines as (
    select
        transaction_id,
        ordered_at,
        sum(line_amount) as amount,
        count(broken_rule) as broken
    from {{ ref('base_transaction_item') }}
    where {{ only_changed_days('day') }}
    group by transaction_id, ordered_at
),

judged as (
    select
        orders.*,
        case
            when orders.broken_rule is not null then orders.broken_rule
            when lines.transaction_id is null then 'no lines in the same instant'
            when lines.broken > 0 then 'a line of it breaks a rule'
            when lines.amount <> orders.items_amount then 'lines do not add up to the items amount'
        end as quarantine_reason
    from orders
    left join lines
        on
            orders.transaction_id = lines.transaction_id
            and orders.ordered_at = lines.ordered_at
)

select * from judged
where quarantine_reason is not null
