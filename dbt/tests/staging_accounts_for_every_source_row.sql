-- Rows in source = rows in stg + rows in quarantine, table by table; of daily tables, on the changed days.
{%- set whole_tables = ['customer', 'product', 'payment_method', 'store'] %}
{%- set daily_tables = ['session', 'transaction', 'transaction_item', 'review'] %}

with counts as (
    {%- for table in whole_tables + daily_tables %}
    {%- set in_source = 'where ' ~ in_changed_days(utc_day('created_at')) if table in daily_tables %}
    {%- set in_models = 'where ' ~ in_changed_days('day') if table in daily_tables %}
    select
        '{{ table }}' as table_name,
        (select count(*) from {{ source('staging', table) }} {{ in_source }}) as source_rows,
        (select count(*) from {{ ref('stg_' ~ table) }} {{ in_models }}) as stg_rows,
        {%- if table == 'product' or table in daily_tables %}
        (select count(*) from {{ ref('quarantine_' ~ table) }} {{ in_models }}) as quarantined_rows
        {%- else %}
        0 as quarantined_rows
        {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select *
from counts
where source_rows <> stg_rows + quarantined_rows
