-- A companion `rejected_<table>` is in the warehouse from the first row on that its table rejects.
{% set whole_tables = ['customer', 'payment_method', 'product', 'store'] -%}
{% set daily_tables = ['review', 'session', 'transaction', 'transaction_item'] -%}
with none_rejected as (
    select
        table_name,
        day,
        published_rows as rejected_rows
    from {{ ref('stg_ledger') }}
    where false
)

select * from none_rejected
{%- for table in whole_tables + daily_tables %}
{%- set companion = adapter.get_relation(this.database, this.schema, 'rejected_' ~ table) %}
{%- if companion %}
union all
select
    'rejected_{{ table }}' as table_name,
    {{ 'day' if table in daily_tables else 'cast(null as date)' }} as day,
    count(*) as rejected_rows
from {{ companion }}
{%- if table in daily_tables %}
group by day
{%- endif %}
{%- endif %}
{%- endfor %}
