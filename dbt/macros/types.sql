{#- A decimal with `scale` digits after the point. BigQuery's NUMERIC always has room for nine. -#}
{% macro type_decimal(precision, scale) -%}
    {{- adapter.dispatch('type_decimal')(precision, scale) -}}
{%- endmacro %}

{% macro default__type_decimal(precision, scale) -%}
    decimal({{ precision }}, {{ scale }})
{%- endmacro %}

{% macro bigquery__type_decimal(precision, scale) -%}
    numeric
{%- endmacro %}

{#- An expression as an amount of money: two digits after the point, never a float. -#}
{% macro money(expression) -%}
    cast({{ expression }} as {{ type_decimal(18, 2) }})
{%- endmacro %}

{#- An expression as a whole number of 64 bits. -#}
{% macro whole(expression) -%}
    cast({{ expression }} as {{ dbt.type_bigint() }})
{%- endmacro %}
