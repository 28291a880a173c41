{#- Order statuses, and no others: a row with another one is in quarantine. -#}
{% macro order_statuses() -%}
    {{- return(['pending', 'paid', 'refunded', 'cancelled']) -}}
{%- endmacro %}

{#- The same as a list of literals. -#}
{% macro order_statuses_sql() -%}
    '{{ order_statuses() | join("', '") }}'
{%- endmacro %}

{#-
The measures every mart of sales shares, over rows of fact_transaction at whatever grain the mart groups them by, or over
rows of which each is another order (`one_row_per_order`).
gross_amount is everything ordered; revenue what was paid and not given back; refunds what was given back.
-#}
{% macro sales_measures(one_row_per_order=false) -%}
    {%- set distinct = '' if one_row_per_order else 'distinct ' -%}
    count({{ distinct }}transaction_id) as orders,
    {%- for status in order_statuses() %}
    count({{ distinct }}case when status = '{{ status }}' then transaction_id end) as {{ status }}_orders,
    {%- endfor %}
    {{ whole('sum(quantity)') }} as units,
    {{ money('sum(total_amount)') }} as gross_amount,
    {{ money("sum(case when status = 'paid' then total_amount else 0 end)") }} as revenue,
    {{ money("sum(case when status = 'refunded' then total_amount else 0 end)") }} as refunds,
    {{ money('sum(discount_amount)') }} as discount_amount
{%- endmacro %}

{#- One row per order, and per combination of these columns within it, with the sums that `sales_measures` and the columns in
`sums` need. Counting distinct orders in many small groups would be slow. -#}
{% macro orders_of_lines(columns, sums=[]) -%}
    select
        day,
        transaction_id,
        status,
        {%- for column in columns %}
        {{ column }},
        {%- endfor %}
        {%- for column in ['quantity', 'total_amount', 'discount_amount'] + sums %}
        sum({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('fact_transaction') }}
    group by day, transaction_id, status, {{ columns | join(', ') }}
{%- endmacro %}

{#- The same measures from a left join: where nothing was sold they are zero. -#}
{% macro sales_measures_or_zero(relation) -%}
    {%- set counts = ['orders'] -%}
    {%- for status in order_statuses() -%}
        {%- do counts.append(status ~ '_orders') -%}
    {%- endfor -%}
    {%- for column in counts + ['units', 'gross_amount', 'revenue', 'refunds', 'discount_amount'] %}
    coalesce({{ relation }}.{{ column }}, 0) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
