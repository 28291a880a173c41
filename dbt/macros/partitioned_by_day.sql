{#- Configures a table that is built whole and read by its column `day`: on BigQuery a reader's condition on the day skips
the others. DuckDB has no partitions, and knows least and greatest day of every 122,880 rows. -#}
{% macro partitioned_by_day(cluster_by) -%}
    {%- set partitions = {'field': 'day', 'data_type': 'date', 'granularity': 'day'} -%}
    {{- config(partition_by=partitions if target.type == 'bigquery' else none, cluster_by=cluster_by) -}}
{%- endmacro %}
