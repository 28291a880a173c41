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
    {%- set customer = ('customer_id in (select customer_id from ' ~ ref('stg_customer') ~ ')', 'its customer does not exist') -%}
    {%- set store = ('store_id in (select store_id from ' ~ ref('stg_store') ~ ')', 'its store does not exist') -%}
    {%- set product = ('product_id in (select product_id from ' ~ ref('base_product') ~ ')', 'its product does not exist') -%}
    {%- if table == 'session' -%}
        {{- first_broken([store, ('customer_id is null or ' ~ customer[0], customer[1])]) -}}
    {%- elif table == 'transaction' -%}
        {%- set orphaned = 'select session_id from ' ~ ref('quarantine_session') ~ ' where missing_parent is not null' -%}
        {{- first_broken([
            customer,
            store,
            (
                'payment_method_id in (select payment_method_id from ' ~ ref('stg_payment_method') ~ ')',
                'its way to pay does not exist',
            ),
            ('session_id in (select session_id from ' ~ ref('base_session') ~ ')', 'its visit does not exist'),
            ('session_id not in (' ~ orphaned ~ ')', 'its visit has no customer or no store'),
        ]) -}}
    {%- elif table == 'transaction_item' -%}
        {{- first_broken([product]) -}}
    {%- elif table == 'review' -%}
        {%- set transaction = 'transaction_id in (select transaction_id from ' ~ ref('base_transaction') ~ ')' -%}
        {{- first_broken([
            product,
            customer,
            ('transaction_id is null or ' ~ transaction, 'its order does not exist'),
        ]) -}}
    {%- endif -%}
{%- endmacro %}
