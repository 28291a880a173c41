-- Rows in source = rows in stg + rows in quarantine, table by table.
{%- set tables = {
    'customer': false,
    'product': true,
    'payment_method': false,
    'store': false,
    'session': true,
    'transaction': true,
    'transaction_item': true,
    'review': true,
} %}

with counts as (
    {%- for table, is_judged in tables.items() %}
    select
        '{{ table }}' as table_name,
        (select count(*) from {{ source('staging', table) }}) as source_rows,
        (select count(*) from {{ ref('stg_' ~ table) }}) as stg_rows,
        {%- if is_judged %}
        (select count(*) from {{ ref('quarantine_' ~ table) }}) as quarantined_rows
        {%- else %}
        0 as quarantined_rows
        {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select *
from counts
where source_rows <> stg_rows + quarantined_rows
