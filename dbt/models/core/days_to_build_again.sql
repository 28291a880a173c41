{#- Without a contract: to hold a view to one, BigQuery reads all that the view does. -#}
{{ config(materialized='view', contract={'enforced': false}) }}

-- Rows whose own day did not change, and whose parent came or went: whoever builds core builds their days too.
with orphaned_visits as (
    select
        session_id,
        day,
        {{ missing_parent('session') }} as missing_parent
    from {{ ref('base_session') }}
),

visits_before as (
    select
        session_id,
        day
    from {{ ref('quarantine_session') }}
    where missing_parent is not null
),

visits_now as (
    select
        session_id,
        day
    from orphaned_visits
    where missing_parent is not null
),

visits as (
    select visits_now.*
    from visits_now
    left join visits_before
        on visits_now.session_id = visits_before.session_id
    where visits_before.session_id is null
    union all
    select visits_before.*
    from visits_before
    left join visits_now
        on visits_before.session_id = visits_now.session_id
    where visits_now.session_id is null
),

orders as (
    select
        session_id,
        day
    from {{ ref('fact_transaction') }}
    union all
    select
        session_id,
        day
    from {{ ref('quarantine_transaction') }}
),
{% for table in ['transaction', 'transaction_item', 'review'] %}
kept_{{ table }} as (
    select
        day,
        missing_parent as missing_before,
        {{ missing_parent(table) }} as missing_now
    from {{ ref('quarantine_' ~ table) }}
),

built_{{ table }} as (
    select
        day,
        {{ missing_parent(table) }} as missing_now
    from {{ ref('fact_review' if table == 'review' else 'fact_transaction') }}
),
{% endfor %}
days as (
    select day from visits
    union distinct
    -- an order may be of the day after its visit
    select orders.day
    from orders
    inner join visits
        on orders.session_id = visits.session_id
    {%- for table in ['transaction', 'transaction_item', 'review'] %}
    union distinct
    select day from kept_{{ table }}
    where coalesce(missing_before, '') <> coalesce(missing_now, '')
    union distinct
    select day from built_{{ table }}
    where missing_now is not null
    {%- endfor %}
)

select day from days
