{#-
Datasets have exactly the names the models give them (staging, core, datamart), whoever runs dbt. On BigQuery the marts are
built and tested in a dataset that nobody reads; `Warehouse.show_marts` then puts them all into `datamart` at once. (On a
laptop the whole file is the writer's, and what people read is a copy of it.)
-#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set name = (custom_schema_name or target.schema) | trim -%}
    {{- 'datamart_build' if name == 'datamart' and target.type == 'bigquery' else name -}}
{%- endmacro %}
