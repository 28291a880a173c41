{#- The reason of the first rule that does not hold, null where all of them hold. `rules` are pairs of a condition and of
the reason that is given where it is not true: what is null keeps no rule. -#}
{% macro first_broken(rules) -%}
    case
        {%- for holds, reason in rules %}
        when not coalesce({{ holds }}, false) then '{{ reason }}'
        {%- endfor %}
    end
{%- endmacro %}

{#-
What a row of `table` names and the source has not: the reason, null where all that it names is there. A parent counts as
there when it breaks a rule itself, because it keeps its row in its dimension; but a visit that lacks a parent has none.

This is the one kind of rule that looks at other days and at whole tables: `days_to_build_again` says which days of what is
built would be judged otherwise now.
-#}
{% macro missing_parent(table) -%}
    {%- if table == 'session' -%}
        {{- first_broken([
            (_is_in('store_id', ref('stg_store')), 'its store does not exist'),
            ('customer_id is null or ' ~ _is_in('customer_id', ref('stg_customer')), 'its customer does not exist'),
        ]) -}}
    {%- elif table == 'transaction' -%}
        {%- set orphaned = 'select session_id from ' ~ ref('quarantine_session') ~ ' where missing_parent is not null' -%}
        {{- first_broken([
            (_is_in('customer_id', ref('stg_customer')), 'its customer does not exist'),
            (_is_in('store_id', ref('stg_store')), 'its store does not exist'),
            (_is_in('payment_method_id', ref('stg_payment_method')), 'its way to pay does not exist'),
            (_is_in('session_id', ref('base_session')), 'its visit does not exist'),
            ('session_id not in (' ~ orphaned ~ ')', 'its visit has no customer or no store'),
        ]) -}}
    {%- elif table == 'transaction_item' -%}
        {{- first_broken([(_is_in('product_id', ref('base_product')), 'its product does not exist')]) -}}
    {%- elif table == 'review' -%}
        {%- set order = 'transaction_id is null or ' ~ _is_in('transaction_id', ref('base_transaction')) -%}
        {{- first_broken([
            (_is_in('product_id', ref('base_product')), 'its product does not exist'),
            (_is_in('customer_id', ref('stg_customer')), 'its customer does not exist'),
            (order, 'its order does not exist'),
        ]) -}}
    {%- endif -%}
{%- endmacro %}

{% macro _is_in(column, relation) -%}
    {{- column }} in (select {{ column }} from {{ relation }})
{%- endmacro %}
