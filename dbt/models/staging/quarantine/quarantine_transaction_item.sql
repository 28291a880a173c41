{{ replaced_by_day(cluster_by=['transaction_id']) }}

with lines as (
    select
        *,
        {{ missing_parent('transaction_item') }} as missing_parent
    from {{ ref('base_transaction_item') }}
    where {{ only_changed_days('day') }}
),

orders as (
    select
        transaction_id,
        ordered_at
    from {{ ref('base_transaction') }}
    where {{ only_changed_days('day') }}
),

quarantined_orders as (
    select transaction_id from {{ ref('quarantine_transaction') }}
    where {{ only_changed_days('day') }}
),

judged as (
    select
        lines.*,
        case
            when lines.broken_rule is not null then lines.broken_rule
            when lines.missing_parent is not null then lines.missing_parent
            when orders.transaction_id is null then 'no order in the same instant'
            when quarantined_orders.transaction_id is not null then 'its order is in quarantine'
        end as quarantine_reason
    from lines
    left join orders
        on
            lines.transaction_id = orders.transaction_id
            and lines.ordered_at = orders.ordered_at
    left join quarantined_orders
        on lines.transaction_id = quarantined_orders.transaction_id
)

select * from judged
where quarantine_reason is not null
