{{ replaced_by_day(cluster_by=['transaction_id']) }}

with orders as (
    select
        *,
        {{ missing_parent('transaction') }} as missing_parent
    from {{ ref('base_transaction') }}
    where {{ only_changed_days('day') }}
),

judged_lines as (
    select
        *,
        {{ missing_parent('transaction_item') }} as missing_parent
    from {{ ref('base_transaction_item') }}
    where {{ only_changed_days('day') }}
),

lines as (
    select
        transaction_id,
        ordered_at,
        sum(line_amount) as amount,
        count(coalesce(broken_rule, missing_parent)) as broken
    from judged_lines
    group by transaction_id, ordered_at
),

judged as (
    select
        orders.*,
        case
            when orders.broken_rule is not null then orders.broken_rule
            when orders.missing_parent is not null then orders.missing_parent
            when lines.transaction_id is null then 'no lines in the same instant'
            when lines.broken > 0 then 'a line of it breaks a rule'
            when not coalesce(lines.amount = orders.items_amount, false) then 'lines do not add up to the items amount'
        end as quarantine_reason
    from orders
    left join lines
        on
            orders.transaction_id = lines.transaction_id
            and orders.ordered_at = lines.ordered_at
)

select * from judged
where quarantine_reason is not null
