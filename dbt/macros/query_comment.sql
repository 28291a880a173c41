{#- The comment that dbt puts before each statement, of which dbt-bigquery also makes the labels of the job: the words that
all of Tillroll's jobs carry, so that costs can be summed by them. -#}
{% macro query_comment(node) -%}
    {%- set labels = {'app': 'tillroll', 'step': env_var('TILLROLL_DBT_STEP', 'by_hand')} -%}
    {%- if node is not none -%}
        {%- do labels.update(table=node.name) -%}
    {%- endif -%}
    {{- return(tojson(labels)) -}}
{%- endmacro %}
